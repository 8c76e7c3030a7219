//! Every credential that an authorization sees, in a constant number of queries.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl, RunQueryDsl,
    SelectableHelper,
};

use super::credential::{CredentialKind, CredentialRow};
use super::device::DeviceRow;
use super::id::{AuthorizationId, CredentialId};
use super::schema::{credential, device, ssh_key};
use super::visibility::seen_credentials;
use super::{AnyConnection, MAX_BOUND, StoreError};

/// A credential with its device and, for an SSH key, its public key.
pub type ListedCredential = (CredentialRow, DeviceRow, Option<String>);

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
        .filter(credential::identifier.is_not_null().or(credential::kind.eq(CredentialKind::Password.as_str())));
    let columns = (CredentialRow::as_select(), DeviceRow::as_select(), ssh_key::public_key.nullable());
    Ok(query.order(credential::id).limit(limit).select(columns).load(connection)?)
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
