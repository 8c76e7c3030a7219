//! The signature of an identity: over its row, its password's verifier and the roles that it holds. Whoever writes to
//! the database without the vault, and so without its keys, makes an identity that is not valid.

use crate::audit::Signer;
use crate::store::claim::claim;
use crate::store::keyfactor::identity::{self, IdentityRow};
use crate::store::keyfactor::role;
use crate::store::{AnyConnection, StoreError};

/// The purpose of the key that signs identities.
pub(in crate::vault) const PURPOSE: &str = "identity";

/// Whether the row, with these roles, is as the vault signed it. The roles are in order.
pub(in crate::vault) fn is_valid(signer: &Signer, row: &IdentityRow, roles: &[i32]) -> bool {
    with_fields(row, roles, |fields| signer.verifies(fields, &row.mac))
}

/// Whether the identity is as the vault signed it. One that is not must not be signed again: that would make what
/// somebody else has written the vault's own.
pub(in crate::vault) fn still_valid(
    connection: &mut AnyConnection,
    signer: &Signer,
    id: i32,
) -> Result<bool, StoreError> {
    claim_identity(connection, id)?;
    let Some(row) = identity::by_id(connection, id)? else { return Ok(false) };
    let roles = roles_of(connection, id)?;
    Ok(is_valid(signer, &row, &roles))
}

/// Signs the identity as it stands.
pub(in crate::vault) fn sign(connection: &mut AnyConnection, signer: &Signer, id: i32) -> Result<(), StoreError> {
    claim_identity(connection, id)?;
    let row = identity::by_id(connection, id)?.ok_or(StoreError::NotFound)?;
    let roles = roles_of(connection, id)?;
    let signature = with_fields(&row, &roles, |fields| signer.sign(fields));
    identity::set_mac(connection, id, &signature)
}

/// Keeps everybody else from changing the identity, so that what is looked at, and what is signed, is one state of it.
fn claim_identity(connection: &mut AnyConnection, id: i32) -> Result<(), StoreError> {
    claim(connection, &format!("identity/{id}"))
}

fn roles_of(connection: &mut AnyConnection, id: i32) -> Result<Vec<i32>, StoreError> {
    Ok(role::of_identity(connection, id)?.into_iter().map(|role| role.id).collect())
}

fn with_fields<T>(row: &IdentityRow, roles: &[i32], then: impl FnOnce(&[&[u8]]) -> T) -> T {
    let IdentityRow { id, account_name, account_key, identity_type, password, mac: _, created_at } = row;
    let roles: Vec<u8> = roles.iter().flat_map(|role| role.to_be_bytes()).collect();
    let has_password = [u8::from(password.is_some())];
    then(&[
        &id.to_be_bytes(),
        account_name.as_bytes(),
        account_key.as_bytes(),
        identity_type.as_bytes(),
        &has_password,
        password.as_deref().unwrap_or_default().as_bytes(),
        &created_at.to_be_bytes(),
        &roles,
    ])
}
