//! Tables of trusted issuers and their rules.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::{AuthorizationId, IssuerRuleId, TrustedIssuerId};
use super::schema::{issuer_rule, trusted_issuer};
use super::{AnyConnection, StoreError};

/// An issuer whose tokens authenticate workloads.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct TrustedIssuerRow {
    pub id: TrustedIssuerId,
    pub name: String,
    pub issuer: String,
    pub audience: String,
    pub jwks_url: Option<String>,
    pub jwks: Option<String>,
    pub ca_pem: Option<String>,
    pub allow_private: bool,
    pub reusable_tokens: bool,
    pub active: bool,
    pub created_at: i64,
}

/// The columns of a new issuer.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "columns")]
pub struct NewTrustedIssuer<'a> {
    pub name: &'a str,
    pub issuer: &'a str,
    pub audience: &'a str,
    pub jwks_url: Option<&'a str>,
    pub jwks: Option<&'a str>,
    pub ca_pem: Option<&'a str>,
    pub allow_private: bool,
    pub reusable_tokens: bool,
    pub active: bool,
    pub created_at: i64,
}

/// Inserts an issuer and returns its id.
///
/// # Errors
/// [`StoreError::Conflict`] when the name, or issuer and audience together, are taken.
pub fn insert(connection: &mut AnyConnection, row: &NewTrustedIssuer<'_>) -> Result<TrustedIssuerId, StoreError> {
    Ok(diesel::insert_into(trusted_issuer::table)
        .values((
            trusted_issuer::name.eq(row.name),
            trusted_issuer::issuer.eq(row.issuer),
            trusted_issuer::audience.eq(row.audience),
            trusted_issuer::jwks_url.eq(row.jwks_url),
            trusted_issuer::jwks.eq(row.jwks),
            trusted_issuer::ca_pem.eq(row.ca_pem),
            trusted_issuer::allow_private.eq(row.allow_private),
            trusted_issuer::reusable_tokens.eq(row.reusable_tokens),
            trusted_issuer::active.eq(row.active),
            trusted_issuer::created_at.eq(row.created_at),
        ))
        .returning(trusted_issuer::id)
        .get_result(connection)?)
}

/// Returns all issuers, by name.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<TrustedIssuerRow>, StoreError> {
    Ok(trusted_issuer::table.order(trusted_issuer::name).load(connection)?)
}

/// Returns the issuer with this name.
pub fn by_name(connection: &mut AnyConnection, name: &str) -> Result<Option<TrustedIssuerRow>, StoreError> {
    Ok(trusted_issuer::table.filter(trusted_issuer::name.eq(name)).first(connection).optional()?)
}

/// Activates or deactivates an issuer.
pub fn set_active(connection: &mut AnyConnection, id: TrustedIssuerId, active: bool) -> Result<(), StoreError> {
    diesel::update(trusted_issuer::table.find(id)).set(trusted_issuer::active.eq(active)).execute(connection)?;
    Ok(())
}

/// Deletes an issuer with its rules.
pub fn delete(connection: &mut AnyConnection, id: TrustedIssuerId) -> Result<(), StoreError> {
    diesel::delete(issuer_rule::table.filter(issuer_rule::trusted_issuer_id.eq(id))).execute(connection)?;
    diesel::delete(trusted_issuer::table.find(id)).execute(connection)?;
    Ok(())
}

/// A rule: tokens of the issuer with these claims are of the authorization.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct IssuerRuleRow {
    pub id: IssuerRuleId,
    pub trusted_issuer_id: TrustedIssuerId,
    pub authorization_id: AuthorizationId,
    pub name: String,
    pub claims: String,
    pub created_at: i64,
}

/// The columns of a new rule.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "columns")]
pub struct NewIssuerRule<'a> {
    pub trusted_issuer_id: TrustedIssuerId,
    pub authorization_id: AuthorizationId,
    pub name: &'a str,
    pub claims: &'a str,
    pub created_at: i64,
}

/// Inserts a rule and returns its id.
///
/// # Errors
/// [`StoreError::Conflict`] when another rule of the issuer has the name.
pub fn insert_rule(connection: &mut AnyConnection, row: &NewIssuerRule<'_>) -> Result<IssuerRuleId, StoreError> {
    Ok(diesel::insert_into(issuer_rule::table)
        .values((
            issuer_rule::trusted_issuer_id.eq(row.trusted_issuer_id),
            issuer_rule::authorization_id.eq(row.authorization_id),
            issuer_rule::name.eq(row.name),
            issuer_rule::claims.eq(row.claims),
            issuer_rule::created_at.eq(row.created_at),
        ))
        .returning(issuer_rule::id)
        .get_result(connection)?)
}

/// Returns all rules, by issuer and name.
pub fn rules(connection: &mut AnyConnection) -> Result<Vec<IssuerRuleRow>, StoreError> {
    Ok(issuer_rule::table.order((issuer_rule::trusted_issuer_id, issuer_rule::name)).load(connection)?)
}

/// Returns the rules of an issuer, by name.
pub fn rules_of(connection: &mut AnyConnection, issuer: TrustedIssuerId) -> Result<Vec<IssuerRuleRow>, StoreError> {
    Ok(issuer_rule::table
        .filter(issuer_rule::trusted_issuer_id.eq(issuer))
        .order(issuer_rule::name)
        .load(connection)?)
}

/// Deletes a rule.
pub fn delete_rule(connection: &mut AnyConnection, id: IssuerRuleId) -> Result<(), StoreError> {
    diesel::delete(issuer_rule::table.find(id)).execute(connection)?;
    Ok(())
}
