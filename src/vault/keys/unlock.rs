//! Unlocks a vault: checks the root key before any write, then reads the keys that it wraps, or generates them in an empty
//! vault.

use std::os::unix::fs::DirBuilderExt;

use chrono::{DateTime, Utc};

use super::{AUDIT, DataKeys, VALUES, signing};
use crate::audit::RowMac;
use crate::clock::{Clock, to_micros};
use crate::config::Settings;
use crate::crypto::{DataKey, Keyring, RootKey, RootKeyError, RootKeyLocation, SealError};
use crate::store::id::DataKeyId;
use crate::store::key;
use crate::store::{AnyConnection, Database, StoreError, meta};
use crate::token::{SigningKey, TokenAuthority, TokenError};
use crate::vault::VaultLocation;
use crate::vault::access::{GrantKeys, Grants, IDENTITY_MAC};
use crate::vault::secrets::HeadMac;

/// Error when opening a vault.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The root key is missing, wrong, or accessible by others.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The database does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key in the database does not open under the root key.
    #[error("a key in the database does not open under the root key; the database was changed from outside")]
    Keys,
    /// The data directory cannot be created.
    #[error("the data directory {0} cannot be created or used: {1}")]
    DataDirectory(String, std::io::ErrorKind),
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
    pub(in crate::vault) identity_mac: RowMac,
}

/// Checks the root key, migrates the database, and loads its keys, or generates them in an empty database.
pub(in crate::vault) fn unlock(
    location: &VaultLocation,
    root_key: &RootKeyLocation,
    settings: &Settings,
    clock: &Clock,
) -> Result<Unlocked, StartError> {
    let now = clock.now();
    location.database.require_sessions()?;
    let key_location = root_key;
    let root_key = checked_root_key(location, key_location)?;
    create_data_directory(location)?;
    let Some(mut database) = Database::connect(&location.database, true)? else {
        return Err(StoreError::Unavailable("the database cannot be created").into());
    };
    database.migrate()?;
    initialize(&mut database, &root_key, now)?;
    let connection = database.connection();
    let audit = audit_key(connection, &root_key)?;
    let data_keys = DataKeys::read(connection, (key_location, root_key), clock)?;
    let secret_heads = HeadMac::new(&audit);
    let tokens = signing::authority(connection, &data_keys.keyring(), &secret_heads, settings)?;
    let identity_mac = RowMac::new(&audit, IDENTITY_MAC);
    let keys = GrantKeys { identity_mac: &identity_mac, secret_heads: &secret_heads, data_keys: &data_keys };
    let grants = Grants::read(connection, now, keys)?;
    Ok(Unlocked { data_keys, audit, tokens, grants, identity_mac })
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
        let Some(check) = meta::root_key_check(database.connection())? else {
            return Ok(Self { used: false, pending: 0 });
        };
        let root_key = RootKeyLocation::find(&location.data_dir);
        root_key.load_matching(&check)?;
        Ok(Self { used: true, pending: database.pending_migrations()? })
    }
}

/// Loads the root key and checks it against the database, or generates one for an empty vault. Writes nothing but a new key,
/// and ends a rotation of the root key that was interrupted.
fn checked_root_key(location: &VaultLocation, root_key: &RootKeyLocation) -> Result<RootKey, StartError> {
    let check = match Database::connect(&location.database, false)? {
        Some(mut database) => meta::root_key_check(database.connection())?,
        None => None,
    };
    if let Some(check) = check {
        return Ok(root_key.load_matching(&check)?);
    }
    match root_key.load()? {
        Some(key) => Ok(key),
        None => {
            create_data_directory(location)?;
            Ok(root_key.create()?)
        }
    }
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
    Ok(root_key.unwrap_key((AUDIT, row.id.get()), &row.wrapped)?)
}
