//! The public key under which the secrets in a client's responses are encrypted.

use std::sync::Arc;

use super::authorization::{changed, existing};
use crate::crypto::{ResponseEncryption, ResponseKey, ResponseKeyError};
use crate::store::id::AuthorizationId;
use crate::store::response_key::{self, ResponseKeyRow};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Noun, Vault, VaultError};

impl Vault {
    /// Sets the public key of a client. From now on, its secrets are encrypted under this key only.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn set_response_key(
        &self,
        permit: Permit,
        client_id: &str,
        key: Arc<ResponseKey>,
    ) -> Result<(), VaultError> {
        let client_id = client_id.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            store(context, row.id, &key)?;
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Sets the default response encryption of a client, and keeps its key.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Invalid`] for an encryption that the key does not support.
    pub async fn set_response_encryption(
        &self,
        permit: Permit,
        client_id: &str,
        encryption: ResponseEncryption,
    ) -> Result<(), VaultError> {
        let client_id = client_id.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            let stored = response_key::by_authorization(context.connection(), row.id)?;
            let stored = stored.ok_or(VaultError::NotFound(Noun::ResponseKey))?;
            let key = ResponseKey::parse(&stored.public_key, Some(encryption)).map_err(invalid_key)?;
            store(context, row.id, &key)?;
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Removes the key of a client. Its responses then contain plain secrets.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn remove_response_key(&self, permit: Permit, client_id: &str) -> Result<(), VaultError> {
        let client_id = client_id.to_string();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            if !response_key::delete(context.connection(), row.id)? {
                return Err(VaultError::NotFound(Noun::ResponseKey));
            }
            changed(context, row.id)
        };
        self.execute_and_refresh(permit, rule).await
    }

    /// Returns the key of a client.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for a key that cannot be parsed; such a client is disabled.
    pub async fn response_key(&self, permit: Permit, client_id: &str) -> Result<Option<ResponseKey>, VaultError> {
        let client_id = client_id.to_string();
        let read = move |context: &mut OperationContext<'_>| {
            let row = existing(context, &client_id)?;
            let stored = response_key::by_authorization(context.connection(), row.id)?;
            let unreadable = || VaultError::invalid(Field::ResponseEncryption, "the stored key cannot be read");
            let key = stored.map(|stored| from_row(&stored).ok_or_else(unreadable)).transpose()?;
            Ok(Done::new(Subject::Authorization(row.id), key))
        };
        self.query(permit, read).await
    }
}

/// Stores the key of an authorization.
pub(super) fn store(
    context: &mut OperationContext<'_>,
    owner: AuthorizationId,
    key: &ResponseKey,
) -> Result<(), VaultError> {
    let row = ResponseKeyRow {
        authorization_id: owner,
        form: key.form().as_str().into(),
        public_key: key.pem().into(),
        created_at: context.micros(),
    };
    Ok(response_key::replace(context.connection(), &row)?)
}

/// Parses the key of a row; `None` if it is invalid.
pub(super) fn from_row(row: &ResponseKeyRow) -> Option<ResponseKey> {
    ResponseKey::parse(&row.public_key, Some(row.form.parse::<ResponseEncryption>().ok()?)).ok()
}

fn invalid_key(error: ResponseKeyError) -> VaultError {
    VaultError::invalid(Field::ResponseEncryption, error.expected())
}
