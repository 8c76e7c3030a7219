//! Backups: one encrypted file with everything that a vault needs, and restoring it on an empty place of either engine.
//!
//! * `format`: the lines of a backup. `create` writes them from one snapshot, encrypted to recipients ([`crate::crypto::age`]).
//! * `check`: opens every sealed value and verifies the audit chains of a backup while it is read.
//! * `restore` writes a backup into an empty place; `schedule` and `drill` make and try backups regularly.
//!
//! The data keys are in the file as they are, so that the private key of a recipient is all that a restore needs. All other
//! secrets stay sealed under them.

mod check;
mod create;
mod drill;
mod format;
mod preflight;
mod restore;
mod schedule;
mod status;
mod unfinished;

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

pub use drill::DrillReport;
pub use format::fuzz as fuzz_content;
pub use preflight::{PreflightReport, preflight};
pub use restore::RestoreReport;
pub use status::BackupStatus;
pub(super) use status::KnownStatus;
pub use unfinished::remove_unfinished;

use super::{StartError, VaultError};
use crate::clock::from_micros;
use crate::crypto::SealError;
use crate::crypto::age::{self, AgeError, Decryptor, Identity};
use crate::store::StoreError;
use check::Check;
use format::{BackupReader, Header, Item};

/// Calls of progress are this many rows apart.
const PROGRESS_STEP: u64 = 1000;

/// Receives the number of rows that are done, and of all rows.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// Why a backup cannot be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file exists already.
    #[error("{} exists; a backup is never overwritten", .0.display())]
    Exists(PathBuf),
    /// The file cannot be written.
    #[error("the backup cannot be written: {0}")]
    Write(ErrorKind),
    /// The file cannot be read.
    #[error("the backup cannot be read: {0}")]
    Read(ErrorKind),
    /// A recipient is no public key.
    #[error("a recipient is not a public key that can be used; expected one of age, as in age1…")]
    Recipient,
    /// There is nobody to encrypt to.
    #[error("a backup needs at least one recipient")]
    NoRecipient,
    /// The identity is of none of the recipients.
    #[error("this identity is of none of the recipients of the backup; use the private key of one of them")]
    WrongIdentity,
    /// The file was changed or cut off, or its content contradicts itself.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The backup is in a newer format.
    #[error("the backup is in format {0}, which this version does not know; use a newer version")]
    NewerFormat(u32),
    /// The backup is of a database of a newer version.
    #[error("the backup is of a database of a newer version (migration {0}); use that version")]
    NewerSchema(String),
    /// A table differs from this version's.
    #[error("the table {0} of the backup has other columns than this version; use the version that made it")]
    OtherColumns(String),
    /// The place of a restore is not empty.
    #[error("{0}, and a restore needs an empty place")]
    NotEmpty(String),
    /// The place cannot be written.
    #[error("{} cannot be written: {}", .0.display(), .1)]
    Place(PathBuf, ErrorKind),
    /// The connection was lost at the end of a restore.
    #[error(
        "the connection to the database was lost when the restore was committed, and whether it was is unknown; the root key in {} \
         is kept: run chaveiro database check, and if there is no vault, remove the directory and restore again", .0.display()
    )]
    Unconfirmed(PathBuf),
    /// There is no backup to try.
    #[error("there is no backup in {}", .0.display())]
    NoBackup(PathBuf),
    /// There is no vault.
    #[error("the database is empty; there is nothing to upgrade")]
    NoVault,
    /// The database does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key does not open, or the restored vault does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl BackupError {
    fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// The reason in the audit log; stable.
    pub(super) fn reason(&self) -> String {
        match self {
            BackupError::Exists(_) => "file-exists".into(),
            BackupError::Write(_) | BackupError::Place(..) => "file-unwritable".into(),
            BackupError::Read(_) | BackupError::NoBackup(_) => "file-unreadable".into(),
            BackupError::Recipient | BackupError::NoRecipient => "recipient-invalid".into(),
            BackupError::WrongIdentity => "identity-wrong".into(),
            BackupError::Damaged(_) => "backup-damaged".into(),
            BackupError::NewerFormat(_) | BackupError::NewerSchema(_) | BackupError::OtherColumns(_) => {
                "backup-of-other-version".into()
            }
            BackupError::NotEmpty(_) => "place-not-empty".into(),
            BackupError::NoVault | BackupError::Unconfirmed(_) | BackupError::Store(_) | BackupError::Start(_) => {
                "failed".into()
            }
            BackupError::Vault(error) => error.reason(),
        }
    }
}

impl From<AgeError> for BackupError {
    fn from(error: AgeError) -> Self {
        match error {
            AgeError::Header => Self::damaged(error.to_string()),
            AgeError::NoMatch => Self::WrongIdentity,
            AgeError::Recipient => Self::Recipient,
            AgeError::Io(kind) => Self::Read(kind),
        }
    }
}

impl From<SealError> for BackupError {
    fn from(_: SealError) -> Self {
        Self::Start(StartError::Keys)
    }
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// The file.
    pub file: PathBuf,
    /// Time of the snapshot: every write that was acknowledged before is in the backup.
    pub created_at: DateTime<Utc>,
    /// Identifies the vault.
    pub vault_id: String,
    /// The version of the program that made it.
    pub product_version: String,
    /// The newest migration of its database.
    pub schema_version: String,
    /// The number of rows of all tables.
    pub rows: u64,
    /// The number of sealed values, of all versions; 0 when they were not opened.
    pub secrets: u64,
    /// The chains of the audit log with their numbers of records; empty when they were not verified.
    pub chains: Vec<(String, i64)>,
}

impl BackupReport {
    fn new(file: &Path, header: &Header) -> Self {
        Self {
            file: file.into(),
            created_at: from_micros(header.created_at),
            vault_id: header.vault_id.clone(),
            product_version: header.product_version.clone(),
            schema_version: header.schema_version.clone(),
            rows: header.rows(),
            secrets: 0,
            chains: Vec::new(),
        }
    }
}

/// Reads a whole backup: checks its counts and its digest, opens every sealed value, and verifies the audit log. Writes nothing.
///
/// # Errors
/// [`BackupError::Damaged`] names what is damaged; [`BackupError::WrongIdentity`].
pub fn verify(file: &Path, identities: &[Identity], progress: Progress<'_>) -> Result<BackupReport, BackupError> {
    let mut reader = open(file, identities)?;
    let mut check = Check::new(reader.header());
    let (mut done, all) = (0, reader.header().rows());
    let mut table = 0;
    loop {
        match reader.next()? {
            Item::Table(next) => {
                table = next;
                check.table(&reader.header().tables[next].name)?;
            }
            Item::Row(row) => {
                check.row(reader.columns(table), &row)?;
                done += 1;
                report(progress, done, all);
            }
            Item::End => break,
        }
    }
    let mut report = BackupReport::new(file, reader.header());
    (report.secrets, report.chains) = check.end()?;
    Ok(report)
}

fn report(progress: &mut (dyn FnMut(u64, u64) + Send), done: u64, all: u64) {
    if done.is_multiple_of(PROGRESS_STEP) || done == all {
        progress(done, all);
    }
}

/// Opens a file by one of the identities.
fn open(file: &Path, identities: &[Identity]) -> Result<BackupReader<Decryptor<BufReader<File>>>, BackupError> {
    let file = File::open(file).map_err(|error| BackupError::Read(error.kind()))?;
    BackupReader::new(age::decrypt(identities, BufReader::new(file))?)
}

/// The purpose of the key from which the id of a vault is derived.
const VAULT_ID: &[u8] = b"vault id";

/// Returns the id of the vault with this audit key. It says nothing of the key.
fn vault_id(audit_key: &crate::crypto::DataKey) -> String {
    hex::encode(&audit_key.derive(VAULT_ID).expose()[..16])
}
