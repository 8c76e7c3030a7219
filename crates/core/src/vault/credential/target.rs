//! Finds the credential that a request to save updates, and checks that its new names are free.

use super::input::CredentialInput;
use super::{SavePolicy, resolve};
use crate::store::StoreError;
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::DeviceRow;
use crate::store::lock;
use crate::vault::access::Visible;
use crate::vault::device as devices;
use crate::vault::operation::{OperationContext, Subject};
use crate::vault::{Field, Noun, Switchable, VaultError};

/// Finds the credential that the request updates, and locks its row; `None` when the request creates one.
pub(super) fn find_target(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    device: &DeviceRow,
) -> Result<Option<Visible<CredentialRow>>, VaultError> {
    lock_names(context, input, device)?;
    let by_identifier = match input.key() {
        Some(identifier) => credential::locked_by_identifier(context.connection(), identifier)?,
        None => None,
    };
    let found = match by_identifier {
        Some(row) => Some(row),
        None => {
            let username = input.searched_username();
            credential::locked_by_username(context.connection(), device.id, username)?
        }
    };
    let Some(row) = found else { return Ok(None) };
    context.found(Subject::Credential(row.id));
    let row = resolve::require_visible(context, row)?;
    if row.kind() != CredentialKind::Password {
        return Err(VaultError::WrongKind(Noun::Credential));
    }
    Ok(Some(row))
}

/// Takes an advisory lock on every name that the rule searches for or may assign.
pub(super) fn lock_names(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    device: &DeviceRow,
) -> Result<(), VaultError> {
    let identifiers = [input.key(), input.assigned_identifier()].into_iter().flatten();
    let mut names: Vec<String> = identifiers.map(|identifier| format!("identifier/{identifier}")).collect();
    names.dedup();
    names.push(format!("username/{}/{}", device.id, input.searched_username()));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(lock::lock_names(context.connection(), &names)?)
}

/// Requires that the client sees the new device of a credential, and that the device is active unless the credential is
/// inactive.
pub(super) fn require_usable_device(
    context: &mut OperationContext<'_>,
    target: Option<&Visible<CredentialRow>>,
    device: &DeviceRow,
) -> Result<(), VaultError> {
    if target.is_some_and(|row| row.device_id == device.id) {
        return Ok(());
    }
    devices::require_visible(context, device.clone())?;
    if device.active || target.is_some_and(|row| !row.active) {
        return Ok(());
    }
    Err(VaultError::Inactive(Switchable::Device))
}

/// Returns the username to write. It must be unique on the device.
pub(super) fn free_username(
    context: &mut OperationContext<'_>,
    username: Option<&str>,
    target: Option<&CredentialRow>,
    device: &DeviceRow,
) -> Result<Option<String>, VaultError> {
    let written = username.or(target.map(|row| row.username.as_str())).ok_or(StoreError::NotFound)?;
    if target.is_some_and(|row| row.device_id == device.id && row.username == written) {
        return Ok(None);
    }
    let holder = credential::by_username(context.connection(), device.id, written, CredentialKind::Password)?;
    match holder {
        Some(holder) if target.is_none_or(|row| row.id != holder.id) => {
            Err(VaultError::invalid(Field::Username, "another credential of this device has it"))
        }
        _ => Ok(username.map(String::from)),
    }
}

/// Returns the identifier to write. It must be unique.
pub(super) fn free_identifier(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    policy: SavePolicy,
    target: Option<&CredentialRow>,
) -> Result<Option<String>, VaultError> {
    let Some(identifier) = input.assigned_identifier() else {
        return Ok(if target.is_none() { policy.identifiers.generated() } else { None });
    };
    if target.is_some_and(|row| row.identifier.as_deref() == Some(identifier)) {
        return Ok(None);
    }
    match credential::by_identifier(context.connection(), identifier)? {
        Some(holder) if target.is_none_or(|row| row.id != holder.id) => {
            Err(VaultError::invalid(Field::Identifier, "another credential has it"))
        }
        _ => Ok(Some(identifier.into())),
    }
}
