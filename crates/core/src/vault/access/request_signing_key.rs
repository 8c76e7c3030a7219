//! Keys by which clients sign requests, for clients of OAuth 1.0 (contract, section 2.2).

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::application::checked_name;
use super::{Client, GrantKeys, authorization};
use crate::clock::{from_micros, to_micros};
use crate::crypto::{Keyring, SealError, SecretKind, SecretText, random_bytes};
use crate::store::id::AuthorizationId;
use crate::store::request_signing_key::{self, NewRequestSigningKey, RequestSigningKeyRow};
use crate::store::secret::{self as secret_table, SealedRow, SecretHead};
use crate::store::{AnyConnection, StoreError, client};
use crate::token::RequestSigningKey;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::secrets::{self, HeadMac, SecretOwner};
use crate::vault::{Field, Noun, Vault, VaultError};

/// The greatest number of signing keys of an authorization.
const MAX_KEYS: i64 = 16;
/// How long the id of a deleted key is kept, so that requests that it had already authenticated are refused.
const REQUEST_TIME: TimeDelta = TimeDelta::hours(1);

/// A new signing key.
#[derive(Debug)]
pub struct NewSigningKey {
    /// The public id, which the client sends as `oauth_token`.
    pub token: String,
    /// The secrets; the vault stores them sealed.
    pub key: RequestSigningKey,
}

/// A signing key, without its secrets.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SigningKeySummary {
    pub token: String,
    pub client_id: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A signing key in memory, valid until it expires or is revoked.
#[derive(Debug)]
pub(in crate::vault) struct LiveSigningKey {
    pub(super) token: String,
    /// The client that it belongs to.
    pub(super) client_id: String,
    /// Time of expiry; `None`: never.
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) key: RequestSigningKey,
}

impl Vault {
    /// Creates a signing key of an authorization.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Invalid`] for a name that is not one line, or a time in the past;
    /// [`VaultError::TooMany`].
    pub async fn create_signing_key(
        &self,
        permit: Permit,
        client_id: &str,
        name: &str,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<NewSigningKey, VaultError> {
        let created = NewSigningKey { token: hex::encode(random_bytes::<16>()), key: RequestSigningKey::generate() };
        let (token, key) = (created.token.clone(), created.key.clone());
        let (client_id, name) = (client_id.to_string(), name.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let row = authorization::existing(context, &client_id)?;
            let name = checked_name(&name)?;
            if row.sender_constraint.is_some() {
                let expected = "the authorization's tokens have to be bound to a key, and a signed request has none";
                return Err(VaultError::invalid(Field::SenderConstraint, expected));
            }
            authorization::check_expiry(expires_at, context.now())?;
            if request_signing_key::count_by_authorization(context.connection(), row.id)? >= MAX_KEYS {
                return Err(VaultError::TooMany(Noun::RequestSigningKey));
            }
            let new = NewRequestSigningKey {
                token: &token,
                authorization_id: row.id,
                name,
                expires_at: expires_at.map(to_micros),
                created_at: context.micros(),
            };
            let id = request_signing_key::insert(context.connection(), &new)?;
            secrets::store(context, SecretOwner::RequestSigningKey(id), key.text())?;
            authorization::changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await?;
        Ok(created)
    }

    /// Lists the signing keys, of one client or of all.
    ///
    /// # Errors
    /// [`VaultError::NotFound`] for an unknown client.
    pub async fn signing_keys(
        &self,
        permit: Permit,
        client_id: Option<String>,
    ) -> Result<Vec<SigningKeySummary>, VaultError> {
        let list = move |context: &mut OperationContext<'_>| {
            let only = match &client_id {
                Some(client_id) => Some(authorization::existing(context, client_id)?.id),
                None => None,
            };
            let clients: HashMap<AuthorizationId, String> =
                client::authorizations(context.connection())?.into_iter().map(|row| (row.id, row.client_id)).collect();
            let keys = request_signing_key::all(context.connection())?.into_iter();
            let summary =
                keys.filter(|row| only.is_none_or(|id| id == row.authorization_id)).map(|row| SigningKeySummary {
                    client_id: clients.get(&row.authorization_id).cloned().unwrap_or_default(),
                    token: row.token,
                    name: row.name,
                    created_at: from_micros(row.created_at),
                    expires_at: row.expires_at.map(from_micros),
                });
            Ok(Done::new(Subject::Collection, summary.collect()))
        };
        self.query(permit, list).await
    }

    /// Revokes a signing key by its token, and deletes its secrets.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn revoke_signing_key(&self, permit: Permit, token: &str) -> Result<(), VaultError> {
        let token = token.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = request_signing_key::find(context.connection(), &token)?;
            let row = row.ok_or(VaultError::NotFound(Noun::RequestSigningKey))?;
            secrets::delete(context, SecretOwner::RequestSigningKey(row.id))?;
            request_signing_key::delete(context.connection(), row.id)?;
            let until = to_micros(context.now() + REQUEST_TIME);
            client::revoke_token(context.connection(), &row.token, until)?;
            authorization::changed(context, row.authorization_id)
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Loads the signing keys of these clients by their tokens. Skips keys that were modified outside the vault.
pub(super) fn live_keys(
    connection: &mut AnyConnection,
    keys: GrantKeys<'_>,
    clients: &HashMap<String, Arc<Client>>,
) -> Result<HashMap<String, Arc<LiveSigningKey>>, StoreError> {
    let owners: HashMap<AuthorizationId, &String> =
        clients.values().map(|client| (client.id, &client.client_id)).collect();
    // Read before the keys: a key that is created in between has no secret yet, and the next refresh loads it.
    let sealed = secret_table::all_current(connection, SecretKind::RequestSigningKey)?;
    let values = sealed.iter().map(|(_, _, row)| row.sealed.as_slice());
    let (keyring, heads) = (keys.data_keys.keyring_for(connection, values)?, keys.secret_heads);
    let mut sealed: HashMap<i32, (SecretHead, SealedRow)> =
        sealed.into_iter().map(|(owner, head, row)| (owner, (head, row))).collect();
    let live = |row: RequestSigningKeyRow| {
        let client_id = owners.get(&row.authorization_id)?.to_string();
        let owner = SecretOwner::RequestSigningKey(row.id);
        let (head, secret) = sealed.remove(&row.id.get())?;
        let Ok(key) = opened(&keyring, heads, owner, &head, &secret) else {
            log::error!("signing key {} cannot be read and is treated as revoked", row.id);
            return None;
        };
        let expires_at = row.expires_at.map(from_micros);
        let live = LiveSigningKey { token: row.token.clone(), client_id, expires_at, key };
        Some((row.token, Arc::new(live)))
    };
    Ok(request_signing_key::all(connection)?.into_iter().filter_map(live).collect())
}

fn opened(
    keyring: &Keyring,
    heads: &HeadMac,
    owner: SecretOwner,
    head: &SecretHead,
    row: &SealedRow,
) -> Result<RequestSigningKey, SealError> {
    heads.require_current(owner, head, row)?;
    let text: SecretText = keyring.open(owner.binding(row.version), &row.sealed)?.into_text().ok_or(SealError)?;
    Ok(RequestSigningKey::from_text(text))
}
