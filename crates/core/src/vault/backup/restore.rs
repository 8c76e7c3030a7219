//! Restoring a backup into an empty place.
//!
//! All rows are written in one transaction, with the check value of the new root key. Until it commits, the database holds no
//! vault, and no vault is created beside the root key or the heads that lie there ([`StartError::Leftovers`]). So a restore that
//! was interrupted never starts; remove its directory and restore again.

use std::fs::{self, DirBuilder, File};
use std::io::{BufReader, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::check::Check;
use super::create::{KeyColumns, sync_directory, wipe};
use super::format::{BackupReader, Item};
use super::{BackupError, BackupReport, Progress, open, report};
use crate::clock::Clock;
use crate::config::Settings;
use crate::crypto::age::{Decryptor, Identity};
use crate::crypto::{DataKey, RootKey};
use crate::store::audit::ChainHead;
use crate::store::catalogue::ColumnType;
use crate::store::dump::{Restore, Row};
use crate::store::{CommitObserver, Database, DatabaseLocation, StoreError, meta};
use crate::vault::audit_log::HEADS_FILE;
use crate::vault::operation::{Action, Done, Request};
use crate::vault::{StartError, Vault, VaultLocation, heads_file};

/// What was restored.
pub type RestoreReport = BackupReport;

impl Vault {
    /// Restores a backup into an empty place, opens the vault there, and records it.
    ///
    /// # Errors
    /// [`BackupError`]; nothing remains of a restore that failed but empty tables, unless its commit was not confirmed.
    pub async fn restore_backup(
        file: &Path,
        identities: &[Identity],
        location: &VaultLocation,
        settings: &Settings,
        observer: &Arc<dyn CommitObserver>,
        progress: Progress<'_>,
    ) -> Result<(Vault, RestoreReport), BackupError> {
        let report = restore(file, identities, location, progress)?;
        let vault = Vault::open(location, settings, Clock::system(), observer)?;
        let permit = vault.authorize(Request::operator(), Action::BACKUP_RESTORE).await?;
        let object = restored_object(&report);
        vault.execute(permit, move |_| Ok(Done::several(object.clone(), ()))).await?;
        Ok((vault, report))
    }
}

/// The object of an audit record about a backup that was restored: the vault, and the time of its snapshot.
pub(super) fn restored_object(report: &BackupReport) -> String {
    let time = report.created_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    format!("vault:{}, recovery-point:{time}", report.vault_id)
}

/// Restores a backup into an empty place.
fn restore(
    file: &Path,
    identities: &[Identity],
    location: &VaultLocation,
    progress: Progress<'_>,
) -> Result<BackupReport, BackupError> {
    location.database.require_sessions()?;
    let mut reader = open(file, identities)?;
    let mut place = Place::claim(location)?;
    let key_location = &location.root_key;
    let root_key = match key_location.load().map_err(StartError::from)? {
        Some(key) => key,
        None => key_location.create().map_err(StartError::from)?,
    };
    let missing = || StoreError::Unavailable("the database cannot be created");
    let mut database = Database::connect(&location.database, true)?.ok_or_else(missing)?;
    if !database.is_empty()? {
        return Err(BackupError::NotEmpty("there is a vault in the database".into()));
    }
    database.migrate_up_to(&reader.header().schema_version)?;
    let mut check = Check::new(reader.header());
    let heads_file = location.data_dir.join(HEADS_FILE);
    let restored = database.restore::<_, BackupError>(|restore| {
        write_rows(&mut reader, &mut check, restore, &root_key, &heads_file, progress)?;
        meta::insert_root_key_check(restore.connection(), &root_key.check_value()?)?;
        check.end()
    });
    let (secrets, chains) = restored.map_err(|error| match error {
        BackupError::Store(StoreError::Unanswered) => {
            // The vault may be there, and needs its root key then.
            place.keep();
            BackupError::Unconfirmed(location.data_dir.clone())
        }
        error => error,
    })?;
    place.keep();
    sync_directory(&heads_file).map_err(|error| BackupError::Place(location.data_dir.clone(), error.kind()))?;
    Ok(BackupReport { secrets, chains, ..BackupReport::new(file, reader.header()) })
}

/// A table that is being filled.
struct Target {
    start: String,
    kinds: Vec<ColumnType>,
    key: Option<KeyColumns>,
}

fn write_rows(
    reader: &mut BackupReader<Decryptor<BufReader<File>>>,
    check: &mut Check,
    restore: &mut Restore<'_>,
    root_key: &RootKey,
    heads_file: &Path,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let (mut done, all) = (0, reader.header().rows());
    let mut table = 0;
    let mut target = None;
    loop {
        match reader.next()? {
            Item::Table(next) => {
                table = next;
                check.table(&reader.header().tables[next].name)?;
                if next == 1 {
                    write_heads(reader, check.audit_key()?, heads_file)?;
                }
                target = Some(Target::new(restore, reader, next)?);
            }
            Item::Row(mut row) => {
                let Some(target) = &target else { continue };
                check.row(reader.columns(table), &row)?;
                target.insert(restore, &mut row, root_key)?;
                done += 1;
                report(progress, done, all);
            }
            Item::End => break,
        }
    }
    let tables: Vec<_> = reader.header().tables.iter().map(|table| (table.name.clone(), table.last_id)).collect();
    tables.iter().try_for_each(|(name, last)| Ok(restore.set_last_id(name, *last)?))
}

impl Target {
    fn new(
        restore: &Restore<'_>,
        reader: &BackupReader<Decryptor<BufReader<File>>>,
        table: usize,
    ) -> Result<Self, BackupError> {
        let name = &reader.header().tables[table].name;
        let columns = reader.columns(table);
        let other = || BackupError::OtherColumns(name.clone());
        let there = restore.tables().get(name).ok_or_else(other)?;
        // Names and types of the backup go into statements, so they must be those of this version.
        if !columns.iter().all(|column| there.columns.contains(column)) {
            return Err(other());
        }
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let key = KeyColumns::of_table(&reader.header().tables[table], columns);
        let kinds = columns.iter().map(|column| column.kind).collect();
        Ok(Self { start: restore.insert_into(name, &names), kinds, key })
    }

    fn insert(&self, restore: &mut Restore<'_>, row: &mut Row, root_key: &RootKey) -> Result<(), BackupError> {
        if let Some(key) = &self.key {
            wrap_key(row, key, root_key)?;
        }
        Ok(restore.insert(&self.start, row, &self.kinds)?)
    }
}

/// Replaces the key in a row by the key wrapped under the new root key.
fn wrap_key(row: &mut Row, columns: &KeyColumns, root_key: &RootKey) -> Result<(), BackupError> {
    let bytes = row[columns.wrapped].as_str().and_then(|text| hex::decode(text).ok()).map(zeroize::Zeroizing::new);
    let (Some(bytes), Some(binding)) = (bytes, columns.binding(row)) else {
        return Err(BackupError::damaged("a key has an unexpected form"));
    };
    let wrapped = root_key.wrap(binding, &DataKey::from_bytes(&bytes)?)?;
    let mut old = vec![row[columns.wrapped].take()];
    wipe(&mut old);
    row[columns.wrapped] = Value::String(hex::encode(wrapped));
    Ok(())
}

/// Writes the heads of the snapshot to the file of heads, so that the restored log is compared with them.
fn write_heads(
    reader: &BackupReader<Decryptor<BufReader<File>>>,
    audit_key: &DataKey,
    path: &Path,
) -> Result<(), BackupError> {
    let header = reader.header();
    let head =
        |head: &super::format::Head| ChainHead { chain: head.chain.clone(), seq: head.seq, mac: head.mac.clone() };
    let heads: Vec<ChainHead> = header.audit_heads.iter().map(head).collect();
    let written = heads_file::append(path, audit_key, &heads, header.created_at);
    written.map_err(|error| BackupError::Place(path.into(), error.kind()))
}

/// The place of a restore. What the restore has created is removed, unless it is kept.
struct Place {
    data_dir: PathBuf,
    is_new: bool,
    /// A SQLite file outside of the directory.
    database: Option<PathBuf>,
    is_kept: bool,
}

impl Place {
    /// Requires an empty or missing directory and no SQLite file, and creates the directory.
    fn claim(location: &VaultLocation) -> Result<Self, BackupError> {
        let data_dir = location.data_dir.clone();
        let not_empty = |path: &Path| BackupError::NotEmpty(format!("{} is there already", path.display()));
        let is_new = match fs::read_dir(&data_dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(BackupError::Place(data_dir, error.kind())),
            Ok(mut entries) => match entries.next() {
                None => false,
                Some(_) => return Err(BackupError::NotEmpty(format!("{} is not empty", data_dir.display()))),
            },
        };
        let database = match &location.database {
            DatabaseLocation::Sqlite(path) => Some(path.clone()),
            DatabaseLocation::Postgresql(_) => None,
        };
        if let Some(path) = database.iter().flat_map(|path| with_journals(path)).find(|path| path.exists()) {
            return Err(not_empty(&path));
        }
        let created = DirBuilder::new().recursive(true).mode(0o700).create(&data_dir);
        created.map_err(|error| BackupError::Place(data_dir.clone(), error.kind()))?;
        Ok(Self { data_dir, is_new, database, is_kept: false })
    }

    fn keep(&mut self) {
        self.is_kept = true;
    }
}

/// A SQLite file and those that SQLite keeps beside it.
fn with_journals(path: &Path) -> Vec<PathBuf> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    ["", "-wal", "-shm"].map(beside).into()
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let files = self.database.iter().flat_map(|path| with_journals(path));
        let own = ["root.key", HEADS_FILE].map(|name| self.data_dir.join(name));
        for path in files.chain(own) {
            let _ = fs::remove_file(path);
        }
        if self.is_new {
            let _ = fs::remove_dir(&self.data_dir);
        }
    }
}
