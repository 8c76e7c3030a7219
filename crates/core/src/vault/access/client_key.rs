//! Client keys: the public keys by which a client authenticates with assertions (`private_key_jwt`, RFC 7523), in place of a
//! secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::application::checked_name;
use super::authorization::{changed, existing};
use crate::clock::from_micros;
use crate::store::client_key::{self, ClientKeyRow};
use crate::token::{VerifyingKey, VerifyingKeyError};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

/// The greatest number of keys of an authorization: each assertion is verified against all of them.
const MAX_KEYS: usize = 4;

/// A client key.
#[derive(Clone, Debug)]
pub struct ClientKeySummary {
    /// The thumbprint of the key (RFC 7638, SHA-256), in base64url.
    pub thumbprint: String,
    /// A name for the list.
    pub name: String,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
}

impl Vault {
    /// Adds a public key to a client, and returns its thumbprint.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Invalid`] for a name that is not one line; [`VaultError::Taken`] for a key that
    /// the client has; [`VaultError::TooMany`].
    pub async fn add_client_key(
        &self,
        permit: Permit,
        client_id: &str,
        name: &str,
        key: &VerifyingKey,
    ) -> Result<String, VaultError> {
        let thumbprint = URL_SAFE_NO_PAD.encode(key.thumbprint());
        let (client_id, name, jwk) = (client_id.to_string(), name.to_string(), key.jwk().to_string());
        let added = thumbprint.clone();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            let name = checked_name(&name)?.to_string();
            let keys = client_key::by_authorization(context.connection(), row.id)?;
            if keys.iter().any(|key| key.thumbprint == thumbprint) {
                return Err(VaultError::Taken(Noun::ClientKey));
            }
            if keys.len() >= MAX_KEYS {
                return Err(VaultError::TooMany(Noun::ClientKey));
            }
            let new = ClientKeyRow {
                authorization_id: row.id,
                thumbprint: thumbprint.clone(),
                name,
                jwk: jwk.clone(),
                created_at: context.micros(),
            };
            client_key::insert(context.connection(), &new)?;
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await?;
        Ok(added)
    }

    /// Lists the keys of a client.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn client_keys(&self, permit: Permit, client_id: &str) -> Result<Vec<ClientKeySummary>, VaultError> {
        let client_id = client_id.to_string();
        let list = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            let keys = client_key::by_authorization(context.connection(), row.id)?;
            let summary = |row: ClientKeyRow| ClientKeySummary {
                thumbprint: row.thumbprint,
                name: row.name,
                created_at: from_micros(row.created_at),
            };
            Ok(Done::new(Subject::Authorization(row.id), keys.into_iter().map(summary).collect()))
        };
        self.query(permit, list).await
    }

    /// Removes a key from a client. Tokens that were issued by it stay valid until they expire.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn remove_client_key(&self, permit: Permit, client_id: &str, thumbprint: &str) -> Result<(), VaultError> {
        let (client_id, thumbprint) = (client_id.to_string(), thumbprint.to_string());
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            if !client_key::delete(context.connection(), row.id, &thumbprint)? {
                return Err(VaultError::NotFound(Noun::ClientKey));
            }
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// The error of a public key that was handed in.
pub fn invalid_key(error: VerifyingKeyError) -> VaultError {
    VaultError::invalid(Field::PublicKey, error.expected())
}
