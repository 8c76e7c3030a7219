//! Names of credentials and protected-information records, for lists of items.

use diesel::alias;
use diesel::dsl::not;
use diesel::{BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, QueryDsl, Queryable, RunQueryDsl};

use super::credential::CredentialKind;
use super::id::{AuthorizationId, CredentialId};
use super::schema::{credential, device, information};
use super::visibility::{seen_credentials, seen_information};
use super::{AnyConnection, StoreError};

/// The names of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct NamedCredential {
    pub id: CredentialId,
    pub identifier: Option<String>,
    pub hostname: String,
    pub username: String,
}

/// Returns the names of at most `limit` active credentials that the authorization sees and whose custody, for passwords, is
/// shared.
///
/// `exclusive` is the custody of credentials without a setting of their own. An SSH key without an identifier has no name.
pub fn credential_names(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    exclusive: bool,
    limit: i64,
) -> Result<Vec<NamedCredential>, StoreError> {
    let mut query = credential::table
        .inner_join(device::table)
        .filter(seen_credentials(authorization))
        .filter(credential::active.and(device::active))
        .filter(credential::identifier.is_not_null().or(credential::kind.eq(CredentialKind::Password.as_str())))
        .into_boxed();
    let shared =
        not(credential::exclusive_custody.assume_not_null()).or(credential::kind.ne(CredentialKind::Password.as_str()));
    query =
        if exclusive { query.filter(shared) } else { query.filter(shared.or(credential::exclusive_custody.is_null())) };
    let names = (credential::id, credential::identifier, device::hostname, credential::username);
    Ok(query.order(credential::id).limit(limit).select(names).load(connection)?)
}

/// Returns the credentials of exclusive custody that share a password with others: children and parents.
///
/// `exclusive` is the custody of credentials without a setting of their own.
pub fn shared_exclusive(connection: &mut AnyConnection, exclusive: bool) -> Result<Vec<CredentialId>, StoreError> {
    let child = alias!(credential as child);
    let parents =
        child.select(child.field(credential::parent_id)).filter(child.field(credential::parent_id).is_not_null());
    let shares = credential::parent_id.is_not_null().or(credential::id.nullable().eq_any(parents));
    let mut query = credential::table.filter(shares).into_boxed();
    let own = credential::exclusive_custody.assume_not_null();
    query = if exclusive { query.filter(own.or(credential::exclusive_custody.is_null())) } else { query.filter(own) };
    Ok(query.select(credential::id).load(connection)?)
}

/// Returns the identifiers of at most `limit` active protected-information records that the authorization sees.
pub fn information_names(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(information::table
        .filter(seen_information(authorization))
        .filter(information::active.and(information::identifier.is_not_null()))
        .order(information::id)
        .limit(limit)
        .select(information::identifier.assume_not_null())
        .load(connection)?)
}
