//! Unlocks a vault: checks the root key before any write, then reads the keys that it wraps, or generates them in an empty
//! vault.

use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{AUDIT, DataKeys, Seal, VALUES, clock_mark, signing, split};
use crate::audit::RowMac;
use crate::clock::{Clock, to_micros};
use crate::config::Settings;
use crate::crypto::{DataKey, Keyring, RootKey, RootKeyError, RootKeyLocation, SealError};
use crate::private_file::{NotPrivate, check_directory};
use crate::store::id::DataKeyId;
use crate::store::key;
use crate::store::{AnyConnection, Database, StoreError, meta};
use crate::token::{SigningKey, TokenAuthority, TokenError};
use crate::vault::VaultLocation;
use crate::vault::access::{GrantKeys, Grants, Guesses, IDENTITY_MAC};
use crate::vault::audit_log::HEADS_FILE;
use crate::vault::secrets::HeadMac;

/// Error when opening a vault.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The root key is missing, wrong, or accessible by others.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The root key is in shares, and nowhere else.
    #[error(
        "the vault is sealed: its root key is in shares, and no key was found; enter them at a server with chaveiro unseal, or \
         write the key to a file with chaveiro key combine"
    )]
    Sealed(Arc<Seal>),
    /// The database does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key in the database does not open under the root key.
    #[error("a signing key in the database does not open; the tables signing_key, secret or secret_head are damaged")]
    Keys,
    /// The root key was rotated since this process started.
    #[error(
        "the root key was rotated, and this process has the former one; configure the new one, or put its file in place, and \
         restart"
    )]
    FormerRootKey,
    /// A data key does not open.
    #[error("data key {0} in the database does not open under the root key; the table data_key is damaged")]
    DataKey(i32),
    /// A part of the database cannot be read.
    #[error("{what} cannot be read: {error}")]
    Unreadable {
        /// The part.
        what: &'static str,
        /// Why it cannot be read.
        error: StoreError,
    },
    /// A new vault would be made where another one has left its root key or its heads.
    #[error(
        "{0} is of a vault whose database is missing or empty; put the database back or restore a backup into an empty \
         directory, or make a new vault with --init"
    )]
    Leftovers(String),
    /// The data directory cannot be created.
    #[error("the data directory {0} cannot be created or used: {1}")]
    DataDirectory(String, std::io::ErrorKind),
    /// Other users can write to the data directory.
    #[error("the data directory {0} {1}; give it to the user that Chaveiro runs as, and run: chmod go-w {0}")]
    NotPrivate(String, NotPrivate),
}

impl From<SealError> for StartError {
    fn from(_: SealError) -> Self {
        StartError::Keys
    }
}

impl From<TokenError> for StartError {
    fn from(_: TokenError) -> Self {
        StartError::Keys
    }
}

/// Keys and grants that a vault loads into memory when it opens.
pub(in crate::vault) struct Unlocked {
    pub(in crate::vault) data_keys: DataKeys,
    pub(in crate::vault) audit: DataKey,
    pub(in crate::vault) tokens: TokenAuthority,
    pub(in crate::vault) grants: Grants,
    pub(in crate::vault) guesses: Guesses,
    pub(in crate::vault) identity_mac: RowMac,
}

/// Checks the root key, migrates the database, and loads its keys, or generates them in an empty database.
pub(in crate::vault) fn unlock(
    location: &VaultLocation,
    settings: &Settings,
    clock: &Clock,
) -> Result<Unlocked, StartError> {
    location.database.require_sessions()?;
    check_data_directory(location)?;
    let key_location = &location.root_key;
    let root_key = checked_root_key(location, key_location)?;
    create_data_directory(location)?;
    let Some(mut database) = Database::connect(&location.database, true)? else {
        return Err(StoreError::Unavailable("the database cannot be created").into());
    };
    database.migrate()?;
    named("the catalogue of the database", database.require_schema())?;
    clock.follow(|| meta::clock(database.connection()))?;
    let now = clock.now();
    initialize(&mut database, &root_key, now)?;
    end_first_start(location);
    let connection = database.connection();
    clock_mark::warn_of_clock(named("the table audit_record", crate::store::audit::newest_at(connection))?, now);
    clock_mark::check(connection, clock)?;
    let audit = named("the table data_key", audit_key(connection, &root_key))?;
    let data_keys = named("the table data_key", DataKeys::read(connection, (key_location, root_key), clock))?;
    let secret_heads = HeadMac::new(&audit);
    let tokens = signing::authority(connection, &data_keys.keyring(), &secret_heads, settings);
    let tokens = named("the table signing_key", tokens)?;
    let identity_mac = RowMac::new(&audit, IDENTITY_MAC);
    let keys = GrantKeys { identity_mac: &identity_mac, secret_heads: &secret_heads, data_keys: &data_keys };
    let grants = named("the tables of clients and roles", Grants::read(connection, now, keys))?;
    let guesses = Guesses::read(connection, now)?;
    Ok(Unlocked { data_keys, audit, tokens, grants, guesses, identity_mac })
}

/// Names the part of the database in an error of reading it.
fn named<T>(what: &'static str, result: Result<T, impl Into<StartError>>) -> Result<T, StartError> {
    result.map_err(|error| match error.into() {
        StartError::Store(error @ (StoreError::Corrupt(_) | StoreError::InputOutput(_))) => {
            StartError::Unreadable { what, error }
        }
        other => other,
    })
}

/// The state of a database, read without writing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether it has been initialised.
    pub used: bool,
    /// The number of missing migrations.
    pub pending: usize,
}

impl Inspection {
    /// Inspects the database of a vault, and its root key.
    pub fn inspect(location: &VaultLocation) -> Result<Self, StartError> {
        location.database.require_sessions()?;
        let Some(mut database) = Database::connect(&location.database, false)? else {
            return Ok(Self { used: false, pending: 0 });
        };
        let Some(check) = named("the table vault_meta", meta::root_key_check(database.connection()))? else {
            return Ok(Self { used: false, pending: 0 });
        };
        load_matching(&mut database, &location.root_key, &check)?;
        let pending = database.pending_migrations()?;
        if pending == 0 {
            database.require_schema()?;
        }
        Ok(Self { used: true, pending })
    }
}

/// Loads the root key and checks it against the database, or generates one for an empty vault. Writes nothing but a new key,
/// and ends a rotation of the root key that was interrupted.
fn checked_root_key(location: &VaultLocation, root_key: &RootKeyLocation) -> Result<RootKey, StartError> {
    if let Some(mut database) = Database::connect(&location.database, false)?
        && let Some(check) = named("the table vault_meta", meta::root_key_check(database.connection()))?
    {
        return load_matching(&mut database, root_key, &check);
    }
    let found = root_key.load()?;
    refuse_leftovers(location, root_key)?;
    match found {
        Some(key) => Ok(key),
        None => {
            create_data_directory(location)?;
            begin_first_start(location)?;
            Ok(root_key.create()?)
        }
    }
}

/// Loads the root key that `check` is a check value of.
///
/// # Errors
/// [`StartError::Sealed`] without a key, when it was split.
fn load_matching(database: &mut Database, root_key: &RootKeyLocation, check: &[u8]) -> Result<RootKey, StartError> {
    match root_key.load_matching(check) {
        Err(RootKeyError::Missing(location)) => {
            let record = named("the table vault_meta", split::record(database.connection()))?;
            let record = record.ok_or(RootKeyError::Missing(location))?;
            Err(StartError::Sealed(Arc::new(Seal::new(check.into(), record))))
        }
        loaded => Ok(loaded?),
    }
}

/// Marks a data directory whose first start has made a root key and not yet a database, so that the next start may go on.
const FIRST_START: &str = "first-start";

fn begin_first_start(location: &VaultLocation) -> Result<(), StartError> {
    let marker = location.data_dir.join(FIRST_START);
    std::fs::write(&marker, "").map_err(|error| StartError::DataDirectory(marker.display().to_string(), error.kind()))
}

fn end_first_start(location: &VaultLocation) {
    // A marker that stays does no harm while the database is there.
    let _ = std::fs::remove_file(location.data_dir.join(FIRST_START));
}

/// Refuses to make a vault beside the root key or the heads of another one: its database was moved, removed, or not yet
/// restored.
fn refuse_leftovers(location: &VaultLocation, root_key: &RootKeyLocation) -> Result<(), StartError> {
    if location.init || location.data_dir.join(FIRST_START).exists() {
        return Ok(());
    }
    let key_file = match root_key {
        RootKeyLocation::File(path) => Some(path.clone()),
        _ => None,
    };
    let files = key_file.into_iter().chain([location.data_dir.join(HEADS_FILE)]);
    let left = files.into_iter().find(|path| path.exists());
    left.map_or(Ok(()), |path| Err(StartError::Leftovers(path.display().to_string())))
}

/// Refuses a data directory in which other users could replace the root key, the database or the heads of the audit log.
fn check_data_directory(location: &VaultLocation) -> Result<(), StartError> {
    check_directory(&location.data_dir)
        .map_err(|problem| StartError::NotPrivate(location.data_dir.display().to_string(), problem))
}

/// Creates the data directory, accessible to its owner only. Leaves an existing directory unchanged.
fn create_data_directory(location: &VaultLocation) -> Result<(), StartError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&location.data_dir)
        .map_err(|error| StartError::DataDirectory(location.data_dir.display().to_string(), error.kind()))
}

/// Generates the keys of an empty database in one transaction. If two nodes start at once, the second finds the keys of the
/// first.
fn initialize(database: &mut Database, root_key: &RootKey, now: DateTime<Utc>) -> Result<(), StartError> {
    let known = meta::root_key_check(database.connection())?;
    if known.is_none() {
        let generated = generate_keys(database, root_key, to_micros(now))?;
        if let Err(error) = generated
            && !matches!(error, StoreError::Conflict(_))
        {
            return Err(error.into());
        }
    }
    match meta::root_key_check(database.connection())? {
        Some(check) if root_key.matches(&check) => Ok(()),
        _ => Err(RootKeyError::Wrong("this node".into()).into()),
    }
}

fn generate_keys(database: &mut Database, root_key: &RootKey, now: i64) -> Result<Result<(), StoreError>, StartError> {
    let check = root_key.check_value()?;
    let (values, audit) = (DataKey::generate(), DataKey::generate());
    let heads = HeadMac::new(&audit);
    let signing = SigningKey::generate()?;
    let sealing = |_| StoreError::Query("the new keys do not seal");
    Ok(database.transaction(|connection| {
        meta::insert_root_key_check(connection, &check)?;
        let mut insert = |purpose: &str, key: &DataKey| {
            let wrap = |id: DataKeyId| root_key.wrap((purpose, id.get()), key).map_err(sealing);
            key::insert_data_key(connection, purpose, wrap, now)
        };
        let values_id = insert(VALUES, &values)?.get();
        insert(AUDIT, &audit)?;
        let keyring = Keyring::new([(values_id, values.clone())], values_id).map_err(sealing)?;
        match signing::insert::<StartError>(connection, (&keyring, &heads), &signing, now) {
            Ok(()) => Ok(()),
            Err(StartError::Store(error)) => Err(error),
            Err(_) => Err(sealing(SealError)),
        }
    }))
}

/// Unwraps the key of the audit log.
fn audit_key(connection: &mut AnyConnection, root_key: &RootKey) -> Result<DataKey, StartError> {
    let rows = key::data_keys_for(connection, AUDIT)?;
    let row = rows.iter().find(|row| row.is_current()).ok_or(StartError::Keys)?;
    root_key.unwrap_key((AUDIT, row.id.get()), &row.wrapped).map_err(|_| StartError::DataKey(row.id.get()))
}
