//! Changes of the table of permission sets; [`super::role`] reads it.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::id::RoleId;
use super::role::PermissionSetRow;
use super::schema::{permission_set, role};
use super::{AnyConnection, StoreError};
use crate::text::case_folded;

/// Returns the permission set with this name, ignoring case.
pub fn by_name(connection: &mut AnyConnection, name: &str) -> Result<Option<PermissionSetRow>, StoreError> {
    Ok(permission_set::table.filter(permission_set::name_key.eq(case_folded(name))).first(connection).optional()?)
}

/// Inserts a permission set.
pub fn insert(connection: &mut AnyConnection, row: &PermissionSetRow) -> Result<(), StoreError> {
    diesel::insert_into(permission_set::table).values(row).execute(connection)?;
    Ok(())
}

/// Updates a permission set.
pub fn update(connection: &mut AnyConnection, row: &PermissionSetRow) -> Result<(), StoreError> {
    diesel::update(permission_set::table.find(&row.id)).set(row).execute(connection)?;
    Ok(())
}

/// Deletes a permission set, which no role is in any more.
pub fn delete(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    diesel::delete(permission_set::table.find(id)).execute(connection)?;
    Ok(())
}

/// Whether a role is in the permission set.
pub fn is_in_use(connection: &mut AnyConnection, id: &str) -> Result<bool, StoreError> {
    let member = role::table.filter(role::permission_set_id.eq(id)).select(role::id);
    Ok(member.first::<RoleId>(connection).optional()?.is_some())
}

/// Returns the permission sets that these roles are in, by name.
pub fn by_roles(connection: &mut AnyConnection, roles: &[RoleId]) -> Result<Vec<PermissionSetRow>, StoreError> {
    let of_roles = role::table.filter(role::id.eq_any(roles.to_vec())).select(role::permission_set_id);
    let ids: Vec<String> = of_roles.load(connection)?;
    let found = permission_set::table.filter(permission_set::id.eq_any(ids));
    Ok(found.order(permission_set::name_key).load(connection)?)
}
