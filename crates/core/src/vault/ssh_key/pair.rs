//! Whether the keys of a request are a pair: the same check for a new key, an update and a restored version. And the public key
//! of a private key that a rotation makes the current one.

use super::save::SshKeyInput;
use crate::crypto::{SecretText, SshKeyError, changed_ssh_public_key, check_ssh_pair, succeeding_ssh_public_key};
use crate::store::StoreError;
use crate::store::id::CredentialId;
use crate::store::ssh_key::{self, SshKeyChanges};
use crate::vault::operation::OperationContext;
use crate::vault::secrets::SecretOwner;
use crate::vault::{Field, VaultError, secrets};

/// Returns the public key to write on an update, checked against the sent or the stored private key.
pub(super) fn changed_public_key(
    context: &mut OperationContext<'_>,
    input: &SshKeyInput,
    id: CredentialId,
) -> Result<Option<String>, VaultError> {
    match (input.sent_private_key(), input.sent_public_key()) {
        (None, None) => Ok(None),
        (Some(private), None) if context.settings().ssh_keys.check => fitting_public_key(context, id, private),
        (Some(private), public) => checked_public_key(context, private, public).map(Some),
        (None, Some(public)) => {
            let stored = secrets::current(context, SecretOwner::SshPrivateKey(id))?.ok_or(StoreError::NotFound)?;
            let private = stored.open_within(context)?;
            checked_public_key(context, &private, Some(public)).map(Some)
        }
    }
}

/// Checks a key pair and returns its public key. With the check off in the settings, returns the sent public key unchanged.
pub(super) fn checked_public_key(
    context: &OperationContext<'_>,
    private: &SecretText,
    public: Option<&str>,
) -> Result<String, VaultError> {
    if !context.settings().ssh_keys.check {
        return public.map(String::from).ok_or(VaultError::Missing(Field::PublicKey));
    }
    check_ssh_pair(private, public).map_err(refused)
}

/// Returns the public key to write with a private key that comes alone; `None` if the stored one belongs to it, whose line
/// may have options (`from=`, `no-pty`) that a derived line lacks.
pub(super) fn fitting_public_key(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    private: &SecretText,
) -> Result<Option<String>, VaultError> {
    let stored = ssh_key::find(context.connection(), id)?.ok_or(StoreError::NotFound)?.public_key;
    match changed_ssh_public_key(private, &stored) {
        // The same private key, of which nothing can be derived.
        Err(SshKeyError::NotDerivable) if secrets::is_current(context, SecretOwner::SshPrivateKey(id), private)? => {
            Ok(None)
        }
        changed => changed.map_err(refused),
    }
}

/// Writes the public key of a private key that takes the place of the current one, in its transaction.
///
/// # Errors
/// [`VaultError::Invalid`] for a private key that is none.
pub(in crate::vault) fn promote_public_key(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    private: &SecretText,
) -> Result<(), VaultError> {
    let replaced = ssh_key::find(context.connection(), id)?.ok_or(StoreError::NotFound)?.public_key;
    let public_key = Some(succeeding_ssh_public_key(private, &replaced).map_err(refused)?);
    ssh_key::update(context.connection(), id, &SshKeyChanges { key_name: None, public_key })?;
    Ok(())
}

fn refused(error: SshKeyError) -> VaultError {
    match error {
        SshKeyError::PrivateKey(flaw) => VaultError::invalid(Field::PrivateKey, flaw.as_str()),
        SshKeyError::PublicKey(flaw) => VaultError::invalid(Field::PublicKey, flaw.as_str()),
        // The private key does not tell its public key, so the client must send it.
        SshKeyError::NotDerivable => VaultError::Missing(Field::PublicKey),
    }
}
