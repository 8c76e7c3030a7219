//! The keys of access tokens: loading, and a new one.

use chrono::{DateTime, TimeDelta, Utc};

use super::LOCK;
use super::StartError;
use crate::clock::from_micros;
use crate::config::Settings;
use crate::crypto::Keyring;
use crate::store::key::{self, NewSigningKey, SigningKeyRow};
use crate::store::lock::lock_name;
use crate::store::secret::{self, SecretState};
use crate::store::{AnyConnection, StoreError, meta};
use crate::token::{SigningKey, TokenAuthority};
use crate::vault::operation::{Action, Done, OperationContext, Permit};
use crate::vault::secrets::{HeadMac, SecretOwner, Versions};
use crate::vault::{Inner, Vault, VaultError};

/// How long a new key is published before it signs: by then every node accepts its tokens.
const PUBLISHED: TimeDelta = TimeDelta::seconds(10);
/// How much longer than its tokens live a former key is accepted: clocks of nodes differ.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// A rotation of the key of access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotatedSigningKey {
    /// The id of the key that is current now (`kid`).
    pub kid: String,
    /// From when on it signs.
    pub signs_from: DateTime<Utc>,
    /// Until when tokens of the former key are accepted.
    pub former_accepted_until: DateTime<Utc>,
}

impl Vault {
    /// Generates a key of access tokens. Every node accepts its tokens within a second and signs with it soon after. Tokens of
    /// the former key stay valid until they expire.
    ///
    /// # Errors
    /// [`VaultError::Store`]; [`VaultError::Token`].
    pub async fn rotate_signing_key(&self, permit: Permit) -> Result<RotatedSigningKey, VaultError> {
        self.execute_and_refresh(permit, rotate).await
    }

    /// Deletes the former keys whose last token has expired.
    pub(super) async fn delete_expired_signing_keys(&self) -> Result<(), VaultError> {
        let (now, lifetime) = (self.now(), lifetime(&self.0.settings));
        let expired = move |connection: &mut AnyConnection| -> Result<bool, StoreError> {
            Ok(key::signing_keys(connection)?.iter().any(|row| has_expired(row, lifetime, now)))
        };
        if !self.0.store.read(expired).await? {
            return Ok(());
        }
        let delete = move |context: &mut OperationContext<'_>| {
            lock_name(context.connection(), LOCK)?;
            let deleted = delete_expired(context.connection(), lifetime, now)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::several(deleted.join(", "), ()))
        };
        self.execute(Permit::system(Action::KEY_FINISH_ROTATION), delete).await.map(drop)
    }
}

impl Inner {
    /// Loads the keys of access tokens if they have changed.
    pub(in crate::vault) fn load_changed_signing_keys(&self, connection: &mut AnyConnection) -> Result<(), StartError> {
        let rows = key::signing_keys(connection)?;
        let loaded = self.tokens.load();
        let lifetime = lifetime(&self.settings);
        let is_known = rows.iter().map(|row| (row.kid.as_str(), accepted_until(row, lifetime))).eq(loaded.key_ids());
        if is_known {
            return Ok(());
        }
        let keyring = self.data_keys.keyring();
        let tokens = authority(connection, &keyring, &self.secret_heads, &self.settings)?;
        self.tokens.store(tokens.into());
        Ok(())
    }
}

/// Loads the keys of access tokens.
pub(super) fn authority(
    connection: &mut AnyConnection,
    keyring: &Keyring,
    heads: &HeadMac,
    settings: &Settings,
) -> Result<TokenAuthority, StartError> {
    let mut keys = Vec::new();
    for row in key::signing_keys(connection)? {
        let owner = SecretOwner::TokenSigningKey(row.id);
        let mut versions = Versions { connection, heads, owner };
        let current = versions.current::<StartError>()?.ok_or(StartError::Keys)?;
        let private = keyring.open(owner.binding(current.row.version), &current.row.sealed)?;
        let signs_from = from_micros(row.created_at) + PUBLISHED;
        let accepted_until = accepted_until(&row, lifetime(settings));
        let key = SigningKey::from_parts(row.kid, row.public_key, private);
        keys.push(key.valid(signs_from, accepted_until));
    }
    Ok(TokenAuthority::new(&keys, &settings.tokens.issuer, &settings.tokens.audience)?)
}

/// Inserts a key of access tokens as the current one.
pub(super) fn insert<E: From<StoreError> + From<crate::crypto::SealError>>(
    connection: &mut AnyConnection,
    (keyring, heads): (&Keyring, &HeadMac),
    new: &SigningKey,
    now: i64,
) -> Result<(), E> {
    let row = NewSigningKey { kid: new.kid(), public_key: new.public(), created_at: now };
    let owner = SecretOwner::TokenSigningKey(key::insert_signing_key(connection, row)?);
    let mut versions = Versions { connection, heads, owner };
    let seal = |binding| keyring.seal(binding, new.private().expose());
    versions.add::<E>(SecretState::Current, seal, now).map(drop)
}

fn rotate(context: &mut OperationContext<'_>) -> Result<Done<RotatedSigningKey>, VaultError> {
    let (now, micros) = (context.now(), context.micros());
    let lifetime = lifetime(context.settings());
    lock_name(context.connection(), LOCK)?;
    let deleted = delete_expired(context.connection(), lifetime, now)?;
    let former_accepted_until = end_of_acceptance(now, lifetime);
    let new = SigningKey::generate()?;
    let keyring = context.vault.data_keys.keyring();
    let heads = &context.vault.secret_heads;
    let connection = context.connection();
    key::retire_signing_key(connection, micros)?;
    insert::<VaultError>(connection, (&keyring, heads), &new, micros)?;
    meta::increment_change_mark(connection)?;
    let kid = new.kid().to_string();
    let rotated = RotatedSigningKey { kid: kid.clone(), signs_from: now + PUBLISHED, former_accepted_until };
    let mut objects = vec![format!("signing-key:{kid}")];
    objects.extend(deleted.iter().map(|deleted| format!("deleted {deleted}")));
    Ok(Done::several(objects.join(", "), rotated))
}

/// Deletes the keys that have expired, and returns them as the objects of an audit record.
fn delete_expired(
    connection: &mut AnyConnection,
    lifetime: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let mut deleted = Vec::new();
    for row in key::signing_keys(connection)?.iter().filter(|row| has_expired(row, lifetime, now)) {
        secret::delete_all(connection, SecretOwner::TokenSigningKey(row.id))?;
        key::delete_signing_key(connection, row.id)?;
        deleted.push(format!("signing-key:{}", row.kid));
    }
    Ok(deleted)
}

/// The longest lifetime of a token.
pub(super) fn lifetime(settings: &Settings) -> TimeDelta {
    TimeDelta::seconds(i64::from(settings.tokens.lifetime_seconds.max(1)))
}

/// Until when this node accepts tokens of a retiring key: the last one has expired by then.
pub(super) fn accepted_until(row: &SigningKeyRow, lifetime: TimeDelta) -> Option<DateTime<Utc>> {
    row.retired_at.map(|retired_at| end_of_acceptance(from_micros(retired_at), lifetime))
}

fn end_of_acceptance(retired_at: DateTime<Utc>, lifetime: TimeDelta) -> DateTime<Utc> {
    retired_at + PUBLISHED + lifetime + MARGIN
}

fn has_expired(row: &SigningKeyRow, lifetime: TimeDelta, now: DateTime<Utc>) -> bool {
    accepted_until(row, lifetime).is_some_and(|until| until <= now)
}
