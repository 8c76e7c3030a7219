//! Unlocking a vault: the root key is checked before anything is written, then the keys that it wraps are read, or
//! made in an empty vault.

use std::os::unix::fs::DirBuilderExt;

use chrono::{DateTime, Utc};

use super::Place;
use super::grants::Grants;
use super::keyfactor::signature;
use super::secrets::{HeadMac, Versions};
use crate::audit::Signer;
use crate::clock::to_micros;
use crate::config::Settings;
use crate::crypto::{self, DataKey, Keyring, RootKey, RootKeyError, RootKeyLocation, SealError, SecretKind};
use crate::store::key::{self, NewDataKey, NewSigningKey};
use crate::store::secret::SecretState;
use crate::store::{AnyConnection, Database, StoreError, meta};
use crate::token::{SigningKey, TokenAuthority, TokenError};

const VALUES: &str = "values";
const AUDIT: &str = "audit";
const ACTIVE: &str = "active";

/// Why a vault does not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The root key is missing, wrong, or open to others.
    #[error(transparent)]
    RootKey(#[from] RootKeyError),
    /// The database does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key in the database does not open under the root key.
    #[error("a key in the database does not open under the root key; the database was changed from outside")]
    Keys,
    /// The data directory cannot be made.
    #[error("the data directory {0} cannot be made or used: {1}")]
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

/// Everything that a vault holds in memory when it opens.
pub(super) struct Unlocked {
    pub(super) keyring: Keyring,
    pub(super) audit: DataKey,
    pub(super) tokens: TokenAuthority,
    pub(super) grants: Grants,
    pub(super) identities: Signer,
}

/// Opens the database under the root key, and brings it up to date.
pub(super) fn unlock(
    place: &Place,
    location: &RootKeyLocation,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<Unlocked, StartError> {
    let root_key = checked_root_key(place, location)?;
    make_data_directory(place)?;
    let Some(mut database) = Database::connect(&place.database, true)? else {
        return Err(StoreError::Unavailable("the database cannot be made").into());
    };
    database.migrate()?;
    initialize(&mut database, &root_key, now)?;
    let connection = database.connection();
    let (keyring, audit) = data_keys(connection, &root_key)?;
    let signing = signing_keys(connection, &keyring, &HeadMac::new(&audit))?;
    let tokens = TokenAuthority::new(&signing, &settings.tokens.issuer, &settings.tokens.audience)?;
    let identities = Signer::new(&audit, signature::PURPOSE);
    let grants = Grants::read(connection, now, &identities)?;
    Ok(Unlocked { keyring, audit, tokens, grants, identities })
}

/// What can be told of a database without writing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether it has been initialised.
    pub used: bool,
    /// How many migrations are missing.
    pub pending: usize,
}

impl Inspection {
    /// Looks at the database of a place, and at its root key.
    pub fn of(place: &Place) -> Result<Self, StartError> {
        let Some(mut database) = Database::connect(&place.database, false)? else {
            return Ok(Self { used: false, pending: 0 });
        };
        let Some(check) = meta::root_key_check(database.connection())? else {
            return Ok(Self { used: false, pending: 0 });
        };
        let location = RootKeyLocation::find(&place.data_dir);
        match location.load()? {
            Some(key) if key.matches(&check) => Ok(Self { used: true, pending: database.pending_migrations()? }),
            Some(_) => Err(RootKeyError::Wrong(location.to_string()).into()),
            None => Err(RootKeyError::Missing(location.to_string()).into()),
        }
    }
}

/// The root key of this place: the one that its database knows, or a new one for an empty place. Writes nothing but a
/// new key.
fn checked_root_key(place: &Place, location: &RootKeyLocation) -> Result<RootKey, StartError> {
    let check = match Database::connect(&place.database, false)? {
        Some(mut database) => meta::root_key_check(database.connection())?,
        None => None,
    };
    match (location.load()?, check) {
        (Some(key), Some(check)) if key.matches(&check) => Ok(key),
        (Some(_), Some(_)) => Err(RootKeyError::Wrong(location.to_string()).into()),
        (None, Some(_)) => Err(RootKeyError::Missing(location.to_string()).into()),
        (Some(key), None) => Ok(key),
        (None, None) => {
            make_data_directory(place)?;
            Ok(location.create()?)
        }
    }
}

/// The data directory, open to its owner alone. One that is there is left as it is.
fn make_data_directory(place: &Place) -> Result<(), StartError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&place.data_dir)
        .map_err(|error| StartError::DataDirectory(place.data_dir.display().to_string(), error.kind()))
}

/// Makes the keys of an empty database, all in one transaction. Of two nodes that start at once, the second finds
/// what the first has made.
fn initialize(database: &mut Database, root_key: &RootKey, now: DateTime<Utc>) -> Result<(), StartError> {
    let known = meta::root_key_check(database.connection())?;
    if known.is_none() {
        let made = make_keys(database, root_key, to_micros(now))?;
        if let Err(error) = made
            && !error.is_conflict()
        {
            return Err(error.into());
        }
    }
    match meta::root_key_check(database.connection())? {
        Some(check) if root_key.matches(&check) => Ok(()),
        _ => Err(RootKeyError::Wrong("this node".into()).into()),
    }
}

fn make_keys(database: &mut Database, root_key: &RootKey, now: i64) -> Result<Result<(), StoreError>, StartError> {
    let check = root_key.check_value()?;
    let (values, audit) = (DataKey::generate(), DataKey::generate());
    let heads = HeadMac::new(&audit);
    let wrapped = [(VALUES, root_key.wrap(VALUES, &values)?), (AUDIT, root_key.wrap(AUDIT, &audit)?)];
    let signing = SigningKey::generate()?;
    Ok(database.transaction(|connection| {
        meta::keep_root_key_check(connection, &check)?;
        let mut values_id = 0;
        for (purpose, wrapped) in &wrapped {
            let row = NewDataKey { purpose, state: ACTIVE, wrapped, created_at: now };
            let id = key::insert_data_key(connection, row)?;
            if *purpose == VALUES {
                values_id = id;
            }
        }
        let row = NewSigningKey { kid: signing.kid(), public_key: signing.public(), state: ACTIVE, created_at: now };
        let owner = key::insert_signing_key(connection, row)?;
        let seal = |place| {
            let keyring = Keyring::new([(values_id, values.clone())], values_id)?;
            keyring.seal(place, signing.private().expose())
        };
        let mut versions = Versions { connection, heads: &heads, kind: SecretKind::TokenSigningKey, owner };
        match versions.add::<StartError>(SecretState::Current, seal, now) {
            Ok(_) => Ok(()),
            Err(StartError::Store(error)) => Err(error),
            Err(_) => Err(StoreError::Query("the new signing key does not seal")),
        }
    }))
}

fn signing_place(owner: i32, version: i32) -> crypto::Place {
    crypto::Place { kind: SecretKind::TokenSigningKey, owner, version }
}

/// The keyring for values, and the key of the audit log.
fn data_keys(connection: &mut AnyConnection, root_key: &RootKey) -> Result<(Keyring, DataKey), StartError> {
    let (mut values, mut active, mut audit) = (Vec::new(), None, None);
    for row in key::data_keys(connection)? {
        let unwrapped = root_key.unwrap_key(&row.purpose, &row.wrapped)?;
        match row.purpose.as_str() {
            VALUES => {
                active = (row.state == ACTIVE).then_some(row.id).or(active);
                values.push((row.id, unwrapped));
            }
            AUDIT => audit = Some(unwrapped),
            _ => {}
        }
    }
    let keyring = Keyring::new(values, active.ok_or(StartError::Keys)?)?;
    Ok((keyring, audit.ok_or(StartError::Keys)?))
}

fn signing_keys(
    connection: &mut AnyConnection,
    keyring: &Keyring,
    heads: &HeadMac,
) -> Result<Vec<SigningKey>, StartError> {
    let mut keys = Vec::new();
    for row in key::signing_keys(connection)? {
        let mut versions = Versions { connection, heads, kind: SecretKind::TokenSigningKey, owner: row.id };
        let current = versions.current::<StartError>()?.ok_or(StartError::Keys)?;
        let private = keyring.open(signing_place(row.id, current.version), &current.sealed)?;
        keys.push(SigningKey::from_parts(row.kid, row.public_key, private));
    }
    Ok(keys)
}

/// Whether the keyring opens what it seals.
pub(super) fn work(keyring: &Keyring) -> bool {
    let place = crypto::Place { kind: SecretKind::Password, owner: 0, version: 0 };
    let sealed = keyring.seal(place, b"ready");
    sealed.and_then(|sealed| keyring.open(place, &sealed)).is_ok_and(|opened| opened.expose() == b"ready")
}
