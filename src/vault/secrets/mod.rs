//! Secrets in their table: sealed inside the transaction that writes them, opened once the record of the read is durable.

mod versions;

use serde::{Deserialize, Serialize};

use super::operation::{OperationContext, Recorded};
use super::{Inner, Vault, VaultError};
use crate::crypto::{Keyring, SecretBinding, SecretKind, SecretText};
use crate::store::secret::{self, SealedRow, SecretState};

pub(super) use crate::store::secret::SecretOwner;

pub(super) use versions::{HeadMac, Versions};

/// A sealed value on its way out of a transaction. May be stored with the result of a request, since it is sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    binding: SecretBinding,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
}

impl Sealed {
    /// The owner and version that the value is bound to: the part of a secret in an ETag.
    pub(super) fn binding(&self) -> SecretBinding {
        self.binding
    }

    fn open(&self, keyring: &Keyring) -> Result<SecretText, VaultError> {
        let opened = keyring.open(self.binding, &self.bytes).inspect_err(|_| {
            let (kind, owner) = (self.binding.kind.as_str(), self.binding.owner);
            log::error!("{kind} of {owner} does not open: modified, moved, or its key is missing");
        })?;
        Ok(opened.into_text().ok_or(crate::crypto::SealError)?)
    }

    /// Opens the value within a transaction: to compare it or to seal it again, never for an answer.
    pub(super) fn open_within(&self, context: &OperationContext<'_>) -> Result<SecretText, VaultError> {
        self.open(&context.vault.keyring.load())
    }
}

impl Vault {
    /// Opens a value whose read is recorded. One that does not open gets a record of its own, since that of the read says
    /// `ok`.
    pub(super) async fn unseal(&self, recorded: &Recorded, sealed: &Sealed) -> Result<SecretText, VaultError> {
        let opened = sealed.open(&self.0.keyring.load());
        match opened {
            Ok(secret) => Ok(secret),
            Err(error) => Err(self.refuse(recorded.permit(), error).await),
        }
    }

    /// As [`Vault::unseal`], for a value that may be absent.
    pub(super) async fn unseal_optional(
        &self,
        recorded: &Recorded,
        sealed: Option<&Sealed>,
    ) -> Result<Option<SecretText>, VaultError> {
        match sealed {
            Some(sealed) => self.unseal(recorded, sealed).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Returns the current version of a secret, still sealed.
///
/// # Errors
/// [`VaultError::Seal`] when the database was modified from outside, so that an older version would come out.
pub(super) fn current(context: &mut OperationContext<'_>, owner: SecretOwner) -> Result<Option<Sealed>, VaultError> {
    let row = versions(context, owner).current::<VaultError>()?;
    Ok(row.map(|row| sealed(owner, row)))
}

fn versions<'a>(context: &'a mut OperationContext<'_>, owner: SecretOwner) -> Versions<'a> {
    let heads = &context.vault.secret_heads;
    Versions { connection: context.connection(), heads, owner }
}

fn sealed(owner: SecretOwner, row: SealedRow) -> Sealed {
    Sealed { binding: owner.binding(row.version), bytes: row.sealed }
}

/// Returns a version that is or was in force, still sealed.
pub(super) fn version(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    version: i32,
) -> Result<Option<Sealed>, VaultError> {
    let row = secret::version(context.connection(), owner, version)?;
    Ok(row.filter(|row| row.state.was_in_force()).map(|row| sealed(owner, row)))
}

/// Compares a value with the current version of a secret.
pub(super) fn is_current(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    value: &SecretText,
) -> Result<bool, VaultError> {
    match current(context, owner)? {
        Some(sealed) => Ok(sealed.open_within(context)?.same_as(value)),
        None => Ok(false),
    }
}

/// Deletes a secret in all of its versions.
pub(super) fn delete(context: &mut OperationContext<'_>, owner: SecretOwner) -> Result<(), VaultError> {
    Ok(secret::delete_all(context.connection(), owner)?)
}

/// Stores a new version, and deletes those beyond the number that the settings keep. A value that is the current one makes
/// no version: a client that sends its whole inventory each night must not push the history out.
pub(super) fn store(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    value: &SecretText,
) -> Result<(), VaultError> {
    if is_current(context, owner, value)? {
        return Ok(());
    }
    let (keyring, now, keep) = (context.vault.keyring.load(), context.micros(), context.settings().history.versions);
    let mut versions = versions(context, owner);
    let seal = |binding| keyring.seal(binding, value.expose().as_bytes());
    let version = versions.add::<VaultError>(SecretState::Current, seal, now)?;
    Ok(versions.prune(version, keep)?)
}

/// Whether the keyring opens what it seals.
pub(super) fn round_trips(vault: &Inner) -> bool {
    let keyring = vault.keyring.load();
    let binding = SecretBinding { kind: SecretKind::Password, owner: 0, version: 0 };
    let sealed = keyring.seal(binding, b"ready");
    sealed.and_then(|sealed| keyring.open(binding, &sealed)).is_ok_and(|opened| opened.expose() == b"ready")
}

#[cfg(test)]
mod tests;
