//! The tables of security claims and their roles.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, NullableExpressionMethods, OptionalExtension,
    QueryDsl, Queryable, RunQueryDsl, TextExpressionMethods,
};

use super::condition::{Clause, Condition, Engine, NumberTest, TextTest, number_clause, text_clause};
use super::id::{AuthorizationId, RoleId, SecurityClaimId};
use super::pagination::{Listed, Page};
use super::role::RoleRow;
use super::schema::{authorization, role, security_claim, security_claim_role};
use super::{AnyConnection, StoreError};
use crate::text::case_folded;

/// A security claim.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct SecurityClaimRow {
    pub id: SecurityClaimId,
    pub claim_type: i32,
    pub claim_value: String,
    pub value_key: String,
    pub scheme: String,
    pub scheme_key: String,
    pub description: String,
    pub created_at: i64,
}

/// The columns of a new claim.
#[derive(Insertable)]
#[diesel(table_name = security_claim)]
#[expect(missing_docs, reason = "columns")]
pub struct NewSecurityClaim<'a> {
    pub claim_type: i32,
    pub claim_value: &'a str,
    pub value_key: String,
    pub scheme: &'a str,
    pub scheme_key: String,
    pub description: &'a str,
    pub created_at: i64,
}

/// The columns to sort claims by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ClaimColumn {
    Id,
    Type,
    Value,
    Description,
}

/// A test of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ClaimTest {
    Id(NumberTest),
    Type(NumberTest),
    Value(TextTest),
}

/// Returns a page of the claims.
pub fn list(
    connection: &mut AnyConnection,
    condition: Option<&Condition<ClaimTest>>,
    page: Page<ClaimColumn>,
) -> Result<Listed<SecurityClaimRow>, StoreError> {
    let within = || {
        let query = security_claim::table.into_boxed::<Engine>();
        match condition {
            Some(condition) => query.filter(condition.clause(&clause)),
            None => query,
        }
    };
    let total = within().count().get_result(connection)?;
    let sorted = match (page.sort, page.descending) {
        (ClaimColumn::Id, false) => within().order(security_claim::id.asc()),
        (ClaimColumn::Id, true) => within().order(security_claim::id.desc()),
        (ClaimColumn::Type, false) => within().order(security_claim::claim_type.asc()),
        (ClaimColumn::Type, true) => within().order(security_claim::claim_type.desc()),
        (ClaimColumn::Value, false) => within().order(security_claim::value_key.asc()),
        (ClaimColumn::Value, true) => within().order(security_claim::value_key.desc()),
        (ClaimColumn::Description, false) => within().order(security_claim::description.asc()),
        (ClaimColumn::Description, true) => within().order(security_claim::description.desc()),
    };
    let rows = sorted.then_order_by(security_claim::id.asc()).offset(page.offset).limit(page.limit).load(connection)?;
    Ok(Listed { rows, total })
}

fn clause(test: &ClaimTest) -> Clause<security_claim::table> {
    match test {
        ClaimTest::Id(test) => number_clause!(security_claim::id, test),
        ClaimTest::Type(test) => number_clause!(security_claim::claim_type, test),
        ClaimTest::Value(test) => text_clause!(security_claim::value_key, test),
    }
}

/// Returns the claim with this id.
pub fn by_id(connection: &mut AnyConnection, id: SecurityClaimId) -> Result<Option<SecurityClaimRow>, StoreError> {
    Ok(security_claim::table.find(id).first(connection).optional()?)
}

/// Returns the claim of this type, value and authentication scheme, ignoring case.
pub fn by_value(
    connection: &mut AnyConnection,
    claim_type: i32,
    value: &str,
    scheme: &str,
) -> Result<Option<SecurityClaimRow>, StoreError> {
    Ok(security_claim::table
        .filter(security_claim::claim_type.eq(claim_type))
        .filter(security_claim::value_key.eq(case_folded(value)))
        .filter(security_claim::scheme_key.eq(case_folded(scheme)))
        .first(connection)
        .optional()?)
}

/// Inserts a claim and returns its id.
pub fn insert(connection: &mut AnyConnection, claim: NewSecurityClaim<'_>) -> Result<SecurityClaimId, StoreError> {
    Ok(diesel::insert_into(security_claim::table).values(claim).returning(security_claim::id).get_result(connection)?)
}

/// Sets the description of a claim.
pub fn set_description(
    connection: &mut AnyConnection,
    id: SecurityClaimId,
    description: &str,
) -> Result<(), StoreError> {
    let target = diesel::update(security_claim::table.find(id));
    target.set(security_claim::description.eq(description)).execute(connection)?;
    Ok(())
}

/// Deletes a claim, and revokes its roles.
pub fn delete(connection: &mut AnyConnection, id: SecurityClaimId) -> Result<(), StoreError> {
    let held = security_claim_role::table.filter(security_claim_role::claim_id.eq(id));
    diesel::delete(held).execute(connection)?;
    diesel::delete(security_claim::table.find(id)).execute(connection)?;
    Ok(())
}

/// Returns the roles of a claim, by id.
pub fn roles(connection: &mut AnyConnection, id: SecurityClaimId) -> Result<Vec<RoleRow>, StoreError> {
    Ok(security_claim_role::table
        .inner_join(role::table)
        .filter(security_claim_role::claim_id.eq(id))
        .order(role::id)
        .select(role::all_columns)
        .load(connection)?)
}

/// Returns the claims of these roles, by id, each with its role.
pub fn by_roles(
    connection: &mut AnyConnection,
    roles: &[RoleId],
) -> Result<Vec<(RoleId, SecurityClaimRow)>, StoreError> {
    Ok(security_claim_role::table
        .inner_join(security_claim::table)
        .filter(security_claim_role::role_id.eq_any(roles.to_vec()))
        .order((security_claim_role::role_id, security_claim::id))
        .select((security_claim_role::role_id, security_claim::all_columns))
        .load(connection)?)
}

/// Grants a role to these claims, and to no others.
pub fn set_of_role(connection: &mut AnyConnection, role: RoleId, claims: &[SecurityClaimId]) -> Result<(), StoreError> {
    let held = security_claim_role::table.filter(security_claim_role::role_id.eq(role));
    diesel::delete(held).execute(connection)?;
    for claim in claims {
        diesel::insert_into(security_claim_role::table)
            .values((security_claim_role::claim_id.eq(*claim), security_claim_role::role_id.eq(role)))
            .execute(connection)?;
    }
    Ok(())
}

/// Returns the roles that claims of these types and this scheme grant to the authorizations whose client id they name,
/// in any case: client ids are in lower case.
pub fn authorization_roles(
    connection: &mut AnyConnection,
    claim_types: &[i32],
    scheme: &str,
) -> Result<Vec<(AuthorizationId, RoleId)>, StoreError> {
    Ok(security_claim_role::table
        .inner_join(security_claim::table)
        .inner_join(authorization::table.on(authorization::client_id.eq(security_claim::value_key)))
        .filter(security_claim::claim_type.eq_any(claim_types.to_vec()))
        .filter(security_claim::scheme_key.eq(case_folded(scheme)))
        .select((authorization::id, security_claim_role::role_id))
        .load(connection)?)
}
