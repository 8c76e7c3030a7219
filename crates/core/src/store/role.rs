//! Tables of roles, permission sets, and the roles of authorizations and identities.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, NullableExpressionMethods, OptionalExtension,
    QueryDsl, Queryable, RunQueryDsl, TextExpressionMethods,
};

use super::condition::{Clause, Condition, Engine, TextTest, text_clause};
use super::pagination::{Listed, Page};
use crate::store::id::{AuthorizationId, IdentityId, RoleId};
use crate::store::identity::IdentityRow;
use crate::store::schema::{authorization_role, identity, identity_role, permission_set, role, security_claim_role};
use crate::store::{AnyConnection, StoreError};
use crate::text::case_folded;

/// A permission set.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = permission_set)]
#[expect(missing_docs, reason = "columns")]
pub struct PermissionSetRow {
    pub id: String,
    pub name: String,
    pub name_key: String,
    pub permissions: String,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct RoleRow {
    pub id: RoleId,
    pub name: String,
    pub name_key: String,
    pub description: String,
    pub email_address: Option<String>,
    pub immutable: bool,
    pub permission_set_id: String,
    pub permissions: String,
    pub created_at: i64,
    pub changed_at: i64,
}

/// The writable columns of a role.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = role, treat_none_as_null = true)]
#[expect(missing_docs, reason = "columns")]
pub struct RoleFields {
    pub name: String,
    pub name_key: String,
    pub description: String,
    pub email_address: Option<String>,
    pub permission_set_id: String,
    pub permissions: String,
}

/// The columns to sort roles by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RoleColumn {
    Id,
    Name,
    Description,
}

/// A test of a role or a permission set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NameTest {
    Name(TextTest),
}

/// Returns all permission sets, by name.
pub fn permission_sets(connection: &mut AnyConnection) -> Result<Vec<PermissionSetRow>, StoreError> {
    Ok(permission_set::table.order(permission_set::name_key).load(connection)?)
}

/// Returns a page of the permission sets, by name.
pub fn list_permission_sets(
    connection: &mut AnyConnection,
    condition: Option<&Condition<NameTest>>,
    page: Page<()>,
) -> Result<Listed<PermissionSetRow>, StoreError> {
    let within = || {
        let query = permission_set::table.into_boxed::<Engine>();
        match condition {
            Some(condition) => query.filter(condition.clause(&set_clause)),
            None => query,
        }
    };
    let total = within().count().get_result(connection)?;
    let sorted = if page.descending {
        within().order(permission_set::name_key.desc())
    } else {
        within().order(permission_set::name_key.asc())
    };
    Ok(Listed { rows: sorted.offset(page.offset).limit(page.limit).load(connection)?, total })
}

fn set_clause(test: &NameTest) -> Clause<permission_set::table> {
    match test {
        NameTest::Name(test) => text_clause!(permission_set::name_key, test),
    }
}

/// Returns the permission set with this id.
pub fn permission_set(connection: &mut AnyConnection, id: &str) -> Result<Option<PermissionSetRow>, StoreError> {
    Ok(permission_set::table.find(id).first(connection).optional()?)
}

/// Returns all roles.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<RoleRow>, StoreError> {
    Ok(role::table.order(role::id).load(connection)?)
}

/// Returns a page of the roles.
pub fn list(
    connection: &mut AnyConnection,
    condition: Option<&Condition<NameTest>>,
    page: Page<RoleColumn>,
) -> Result<Listed<RoleRow>, StoreError> {
    let within = || {
        let query = role::table.into_boxed::<Engine>();
        match condition {
            Some(condition) => query.filter(condition.clause(&clause)),
            None => query,
        }
    };
    let total = within().count().get_result(connection)?;
    let sorted = match (page.sort, page.descending) {
        (RoleColumn::Id, false) => within().order(role::id.asc()),
        (RoleColumn::Id, true) => within().order(role::id.desc()),
        (RoleColumn::Name, false) => within().order(role::name_key.asc()),
        (RoleColumn::Name, true) => within().order(role::name_key.desc()),
        (RoleColumn::Description, false) => within().order(role::description.asc()),
        (RoleColumn::Description, true) => within().order(role::description.desc()),
    };
    let rows = sorted.then_order_by(role::id.asc()).offset(page.offset).limit(page.limit).load(connection)?;
    Ok(Listed { rows, total })
}

fn clause(test: &NameTest) -> Clause<role::table> {
    match test {
        NameTest::Name(test) => text_clause!(role::name_key, test),
    }
}

/// Returns the role with this id.
pub fn by_id(connection: &mut AnyConnection, id: RoleId) -> Result<Option<RoleRow>, StoreError> {
    Ok(role::table.find(id).first(connection).optional()?)
}

/// Returns the role with this name, ignoring case.
pub fn by_name(connection: &mut AnyConnection, name: &str) -> Result<Option<RoleRow>, StoreError> {
    Ok(role::table.filter(role::name_key.eq(case_folded(name))).first(connection).optional()?)
}

/// Inserts a role and returns its id.
pub fn insert(connection: &mut AnyConnection, fields: &RoleFields, now: i64) -> Result<RoleId, StoreError> {
    Ok(diesel::insert_into(role::table)
        .values((fields, role::immutable.eq(false), role::created_at.eq(now), role::changed_at.eq(now)))
        .returning(role::id)
        .get_result(connection)?)
}

/// Updates all fields of a role.
pub fn update(connection: &mut AnyConnection, id: RoleId, fields: &RoleFields, now: i64) -> Result<(), StoreError> {
    diesel::update(role::table.find(id)).set((fields, role::changed_at.eq(now))).execute(connection)?;
    Ok(())
}

/// Sets the permissions of a role.
pub fn set_permissions(
    connection: &mut AnyConnection,
    id: RoleId,
    permissions: &str,
    now: i64,
) -> Result<(), StoreError> {
    let target = diesel::update(role::table.find(id));
    target.set((role::permissions.eq(permissions), role::changed_at.eq(now))).execute(connection)?;
    Ok(())
}

/// Deletes a role, which no identity has any more.
pub fn delete(connection: &mut AnyConnection, id: RoleId) -> Result<(), StoreError> {
    diesel::delete(authorization_role::table.filter(authorization_role::role_id.eq(id))).execute(connection)?;
    diesel::delete(security_claim_role::table.filter(security_claim_role::role_id.eq(id))).execute(connection)?;
    diesel::delete(role::table.find(id)).execute(connection)?;
    Ok(())
}

/// Returns all pairs of an authorization and its role.
pub fn authorization_roles(connection: &mut AnyConnection) -> Result<Vec<(AuthorizationId, RoleId)>, StoreError> {
    Ok(authorization_role::table
        .order((authorization_role::authorization_id, authorization_role::role_id))
        .load(connection)?)
}

/// Assigns a role to an authorization, unless it has the role.
pub fn assign_to_authorization(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    role: RoleId,
) -> Result<(), StoreError> {
    let held = authorization_role::table.find((authorization, role)).select(authorization_role::role_id);
    if held.first::<RoleId>(connection).optional()?.is_some() {
        return Ok(());
    }
    diesel::insert_into(authorization_role::table)
        .values((authorization_role::authorization_id.eq(authorization), authorization_role::role_id.eq(role)))
        .execute(connection)?;
    Ok(())
}

/// Removes a role from an authorization. Returns whether it had the role.
pub fn remove_from_authorization(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    role: RoleId,
) -> Result<bool, StoreError> {
    Ok(diesel::delete(authorization_role::table.find((authorization, role))).execute(connection)? > 0)
}

/// Returns the roles of an identity, by id.
pub fn by_identity(connection: &mut AnyConnection, identity: IdentityId) -> Result<Vec<RoleRow>, StoreError> {
    Ok(identity_role::table
        .inner_join(role::table)
        .filter(identity_role::identity_id.eq(identity))
        .order(role::id)
        .select(role::all_columns)
        .load(connection)?)
}

/// Returns the roles of several identities, by id, each with its identity.
pub fn by_identities(
    connection: &mut AnyConnection,
    identities: &[IdentityId],
) -> Result<Vec<(IdentityId, RoleRow)>, StoreError> {
    Ok(identity_role::table
        .inner_join(role::table)
        .filter(identity_role::identity_id.eq_any(identities.to_vec()))
        .order((identity_role::identity_id, role::id))
        .select((identity_role::identity_id, role::all_columns))
        .load(connection)?)
}

/// Returns all pairs of an identity and its role.
pub fn identity_roles(connection: &mut AnyConnection) -> Result<Vec<(IdentityId, RoleId)>, StoreError> {
    Ok(identity_role::table.order((identity_role::identity_id, identity_role::role_id)).load(connection)?)
}

/// Returns the identities that have a role.
pub fn identities_by_role(connection: &mut AnyConnection, role: RoleId) -> Result<Vec<IdentityId>, StoreError> {
    Ok(identity_role::table
        .filter(identity_role::role_id.eq(role))
        .order(identity_role::identity_id)
        .select(identity_role::identity_id)
        .load(connection)?)
}

/// Returns the identities that have one of these roles, by id, each with its role.
pub fn holders(connection: &mut AnyConnection, roles: &[RoleId]) -> Result<Vec<(RoleId, IdentityRow)>, StoreError> {
    Ok(identity_role::table
        .inner_join(identity::table)
        .filter(identity_role::role_id.eq_any(roles.to_vec()))
        .order((identity_role::role_id, identity::id))
        .select((identity_role::role_id, identity::all_columns))
        .load(connection)?)
}

/// Assigns a role to an identity, which must not have it.
pub fn assign_to_identity(
    connection: &mut AnyConnection,
    identity: IdentityId,
    role: RoleId,
) -> Result<(), StoreError> {
    diesel::insert_into(identity_role::table)
        .values((identity_role::identity_id.eq(identity), identity_role::role_id.eq(role)))
        .execute(connection)?;
    Ok(())
}

/// Removes a role from an identity. Returns whether it had the role.
pub fn remove_from_identity(
    connection: &mut AnyConnection,
    identity: IdentityId,
    role: RoleId,
) -> Result<bool, StoreError> {
    Ok(diesel::delete(identity_role::table.find((identity, role))).execute(connection)? > 0)
}
