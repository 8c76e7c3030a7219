//! Whether the keys of a request are a pair: the same check for a new key, an update and a restored version.

use super::save::SshKeyInput;
use crate::crypto::{SecretText, SshKeyError, check_ssh_pair};
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

fn refused(error: SshKeyError) -> VaultError {
    match error {
        SshKeyError::PrivateKey(flaw) => VaultError::invalid(Field::PrivateKey, flaw.as_str()),
        SshKeyError::PublicKey(flaw) => VaultError::invalid(Field::PublicKey, flaw.as_str()),
        // The private key does not tell its public key, so the client must send it.
        SshKeyError::NotDerivable => VaultError::Missing(Field::PublicKey),
    }
}

/// Restores an earlier private key, with the public key that is derived from it. If none can be derived, the public key is
/// unchanged. With the check off in the settings, any text is restored.
pub(in crate::vault) fn restore(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    private: &SecretText,
) -> Result<(), VaultError> {
    match check_ssh_pair(private, None) {
        Ok(public_key) => {
            let changes = SshKeyChanges { key_name: None, public_key: Some(public_key) };
            ssh_key::update(context.connection(), id, &changes)?;
        }
        Err(SshKeyError::NotDerivable) => {}
        Err(error) if context.settings().ssh_keys.check => return Err(refused(error)),
        Err(_) => {}
    }
    secrets::store(context, SecretOwner::SshPrivateKey(id), private)
}
