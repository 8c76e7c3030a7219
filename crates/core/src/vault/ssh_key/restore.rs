//! Restores an earlier private key, with the public key and the passphrase that belong to it.

use super::pair::fitting_public_key;
use crate::crypto::SecretText;
use crate::store::id::CredentialId;
use crate::store::secret;
use crate::store::ssh_key::{self, SshKeyChanges};
use crate::vault::operation::OperationContext;
use crate::vault::secrets::SecretOwner;
use crate::vault::{VaultError, secrets};

/// Restores a version of a private key. The stored public key stays if it belongs to the private key, and is otherwise
/// derived from it. With the check off in the settings, any text is restored, and the public key stays if none can be
/// derived.
///
/// # Errors
/// [`VaultError::Invalid`] for a private key that is refused; [`VaultError::Missing`] if its public key is unknown.
pub(in crate::vault) fn restore(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    version: i32,
    private: &SecretText,
) -> Result<(), VaultError> {
    let owner = SecretOwner::SshPrivateKey(id);
    match fitting_public_key(context, id, private) {
        Ok(None) => {}
        Ok(public_key @ Some(_)) => {
            ssh_key::update(context.connection(), id, &SshKeyChanges { key_name: None, public_key })?;
        }
        Err(VaultError::Invalid(_) | VaultError::Missing(_)) if !context.settings().ssh_keys.check => {}
        Err(error) => return Err(error),
    }
    restore_passphrase(context, id, version)?;
    secrets::store(context, owner, private)
}

/// Restores the passphrase of a version, or removes the passphrase of another one if it is not kept or there was none. The
/// version in force keeps the present one.
fn restore_passphrase(context: &mut OperationContext<'_>, id: CredentialId, version: i32) -> Result<(), VaultError> {
    let current = secrets::current(context, SecretOwner::SshPrivateKey(id))?;
    if current.is_some_and(|current| current.binding().version == version) {
        return Ok(());
    }
    let keys = secret::versions(context.connection(), SecretOwner::SshPrivateKey(id))?;
    let later = keys.iter().filter(|row| row.state.was_in_force() && row.version > version);
    // The newest one is not in force if a rotation made an older one current.
    let replaced_at = later.min_by_key(|row| row.version).map_or(i64::MAX, |row| row.created_at);
    let owner = SecretOwner::SshPassphrase(id);
    let passphrase = match passphrase_version(context, id, replaced_at)? {
        Some(number) => secrets::version(context, owner, number)?,
        None => None,
    };
    match passphrase {
        Some(sealed) => {
            let passphrase = sealed.open_within(context)?;
            secrets::store(context, owner, &passphrase)
        }
        None if secrets::current(context, owner)?.is_some() => {
            secrets::store(context, owner, &SecretText::new(String::new()))
        }
        None => Ok(()),
    }
}

/// Returns the version of the passphrase that was last in force with a private key: the newest that was stored before the next
/// private key replaced it. A passphrase that was sent with a private key has the same time.
fn passphrase_version(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    replaced_at: i64,
) -> Result<Option<i32>, VaultError> {
    let passphrases = secret::versions(context.connection(), SecretOwner::SshPassphrase(id))?;
    let before = passphrases.iter().filter(|row| row.state.was_in_force() && row.created_at < replaced_at);
    Ok(before.map(|row| row.version).max())
}
