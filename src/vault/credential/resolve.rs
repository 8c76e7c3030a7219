//! Which credential a caller means, and whether it is one that the caller sees.

use super::{device_at, object};
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::{AnyConnection, visibility};
use crate::vault::input::{is_storable, key_number};
use crate::vault::{VaultError, Work};

/// The password credential of a path key. Checked in the order of the contract (1.9): it exists, it is no SSH key,
/// the client sees it.
pub(in crate::vault) fn visible_password(work: &mut Work<'_, '_>, key: &str) -> Result<CredentialRow, VaultError> {
    let row = by_key(work.connection(), key)?.ok_or(VaultError::CredentialNotFound)?;
    visible(work, row)
}

fn visible(work: &mut Work<'_, '_>, row: CredentialRow) -> Result<CredentialRow, VaultError> {
    work.touches(object(&row));
    if row.kind() != CredentialKind::Password {
        return Err(VaultError::NotACredential);
    }
    require_visible(work, &row)?;
    Ok(row)
}

/// The password credential of a path key and its device, both switched on.
pub(in crate::vault) fn readable_password(
    work: &mut Work<'_, '_>,
    key: &str,
) -> Result<(CredentialRow, DeviceRow), VaultError> {
    let row = by_key(work.connection(), key)?.ok_or(VaultError::CredentialNotFound)?;
    readable(work, row)
}

/// The same for a credential that was found in another way.
pub(super) fn readable(work: &mut Work<'_, '_>, row: CredentialRow) -> Result<(CredentialRow, DeviceRow), VaultError> {
    let row = visible(work, row)?;
    let device = device_of(work, &row)?.filter(|device| row.active && device.active);
    Ok((row, device.ok_or(VaultError::CredentialInactive)?))
}

/// Refuses a credential that the client does not see.
pub(in crate::vault) fn require_visible(work: &mut Work<'_, '_>, row: &CredentialRow) -> Result<(), VaultError> {
    let authorization = work.authorization();
    match visibility::sees_credential(work.connection(), authorization, row)? {
        true => Ok(()),
        false => Err(VaultError::NoAccess),
    }
}

/// The device of a credential.
pub(in crate::vault) fn device_of(
    work: &mut Work<'_, '_>,
    row: &CredentialRow,
) -> Result<Option<DeviceRow>, VaultError> {
    Ok(device::by_id(work.connection(), row.device_id)?)
}

/// A key in a path (contract, section 1.8): digits are the number, then the identifier; then
/// `username@hostname`, split at the last `@`, since a username may hold one and a hostname may not.
fn by_key(connection: &mut AnyConnection, key: &str) -> Result<Option<CredentialRow>, VaultError> {
    if !is_storable(key) {
        return Ok(None);
    }
    if let Some(id) = key_number(key)
        && let Some(row) = credential::by_id(connection, id)?
    {
        return Ok(Some(row));
    }
    if let Some(row) = credential::by_identifier(connection, key)? {
        return Ok(Some(row));
    }
    match key.rsplit_once('@') {
        Some((username, hostname)) => Ok(credential::by_username_at(connection, username, hostname)?),
        None => Ok(None),
    }
}

/// The credential that nested settings name by username, hostname and address. It has to exist and be visible.
pub(super) fn referenced(
    work: &mut Work<'_, '_>,
    username: &str,
    hostname: &str,
    ip: &str,
) -> Result<CredentialRow, VaultError> {
    let device = device_at(work.connection(), hostname, ip)?.ok_or(VaultError::CredentialNotFound)?;
    let row = credential::by_username(work.connection(), device.id, username, CredentialKind::Password)?
        .ok_or(VaultError::CredentialNotFound)?;
    require_visible(work, &row)?;
    Ok(row)
}
