//! The MAC of an identity, over its row, its password hash and its roles. A row that was modified outside the vault fails
//! verification.

use crate::audit::RowMac;
use crate::store::id::{IdentityId, RoleId};
use crate::store::identity::{self, IdentityRow};
use crate::store::lock::lock_name;
use crate::store::role;
use crate::store::{AnyConnection, StoreError};

/// Purpose of the MAC key.
pub(in crate::vault) const PURPOSE: &str = "identity";

/// Verifies the MAC of a row and its roles. `roles` must be in ascending order.
pub(in crate::vault) fn verify(mac: &RowMac, row: &IdentityRow, roles: &[RoleId]) -> bool {
    with_fields(row, roles, |fields| mac.verify(fields, &row.mac))
}

/// Locks the identity and verifies its MAC. An identity that fails must not get a new MAC, which would authenticate the
/// modified row.
pub(in crate::vault) fn locked_and_verified(
    connection: &mut AnyConnection,
    mac: &RowMac,
    id: IdentityId,
) -> Result<bool, StoreError> {
    lock_identity(connection, id)?;
    let Some(row) = identity::by_id(connection, id)? else { return Ok(false) };
    let roles = roles_of(connection, id)?;
    Ok(verify(mac, &row, &roles))
}

/// Computes and writes the MAC of the current identity.
pub(in crate::vault) fn update(connection: &mut AnyConnection, mac: &RowMac, id: IdentityId) -> Result<(), StoreError> {
    lock_identity(connection, id)?;
    let row = identity::by_id(connection, id)?.ok_or(StoreError::NotFound)?;
    let roles = roles_of(connection, id)?;
    let row_mac = with_fields(&row, &roles, |fields| mac.mac(fields));
    identity::set_mac(connection, id, &row_mac)
}

/// Locks the identity, so that it does not change between verification and update.
fn lock_identity(connection: &mut AnyConnection, id: IdentityId) -> Result<(), StoreError> {
    lock_name(connection, &format!("identity/{id}"))
}

fn roles_of(connection: &mut AnyConnection, id: IdentityId) -> Result<Vec<RoleId>, StoreError> {
    Ok(role::by_identity(connection, id)?.into_iter().map(|role| role.id).collect())
}

fn with_fields<T>(row: &IdentityRow, roles: &[RoleId], then: impl FnOnce(&[&[u8]]) -> T) -> T {
    let IdentityRow { id, account_name, account_key, identity_type, password, mac: _, created_at } = row;
    let roles: Vec<u8> = roles.iter().flat_map(|role| role.get().to_be_bytes()).collect();
    let has_password = [u8::from(password.is_some())];
    then(&[
        &id.get().to_be_bytes(),
        account_name.as_bytes(),
        account_key.as_bytes(),
        identity_type.as_bytes(),
        &has_password,
        password.as_deref().unwrap_or_default().as_bytes(),
        &created_at.to_be_bytes(),
        &roles,
    ])
}
