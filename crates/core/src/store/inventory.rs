//! Every credential that an authorization sees, in a constant number of queries.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl, Queryable, RunQueryDsl,
    SelectableHelper,
};

use super::connection::on_engine;
use super::credential::{CredentialKind, CredentialRow};
use super::id::{AuthorizationId, CredentialId};
use super::schema::{credential, device, ssh_key};
use super::visibility::seen_credentials;
use super::{AnyConnection, MAX_BOUND, StoreError};

/// A credential with what an item shows of its device and, for an SSH key, its public key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ListedCredential {
    pub id: CredentialId,
    kind: String,
    pub username: String,
    pub identifier: Option<String>,
    pub parent_id: Option<CredentialId>,
    pub exclusive_custody: Option<bool>,
    pub hostname: String,
    pub ip: String,
    pub connectivities: String,
    pub public_key: Option<String>,
}

impl ListedCredential {
    /// Returns the kind.
    pub fn kind(&self) -> CredentialKind {
        CredentialKind::from_stored(&self.kind)
    }
}

/// Returns at most `limit` active credentials that the authorization sees and that have a name as an item, oldest first.
///
/// An SSH key without an identifier has no name.
pub fn credentials(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    limit: i64,
) -> Result<Vec<ListedCredential>, StoreError> {
    let query = credential::table
        .inner_join(device::table)
        .left_join(ssh_key::table.on(ssh_key::credential_id.eq(credential::id)))
        .filter(seen_credentials(authorization))
        .filter(credential::active.and(device::active))
        .filter(credential::identifier.is_not_null().or(credential::kind.eq(CredentialKind::Password.as_str())))
        .order(credential::id)
        .limit(limit)
        .select((
            credential::id,
            credential::kind,
            credential::username,
            credential::identifier,
            credential::parent_id,
            credential::exclusive_custody,
            device::hostname,
            device::ip,
            device::connectivities,
            ssh_key::public_key.nullable(),
        ));
    Ok(on_engine!(connection, c => query.load(c))?)
}

/// Returns the credentials with these ids.
pub fn by_ids(connection: &mut AnyConnection, ids: &[CredentialId]) -> Result<Vec<CredentialRow>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MAX_BOUND) {
        let some = credential::table.filter(credential::id.eq_any(ids.to_vec()));
        rows.extend(some.select(CredentialRow::as_select()).load::<CredentialRow>(connection)?);
    }
    Ok(rows)
}
