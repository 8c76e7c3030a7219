//! Who holds which credential.

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::connection::on_engine;
use super::id::{AuthorizationId, CredentialId};
use super::schema::custody;
use super::{AnyConnection, StoreError};

/// From when until when a client holds a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct CustodyRow {
    /// When it was taken.
    pub since: i64,
    /// When it runs out; `None` is when it is given back.
    pub until: Option<i64>,
}

impl CustodyRow {
    /// Whether it has not run out at `now`.
    pub fn is_live(&self, now: i64) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// The authorization's custody of the credential, also one that has run out.
pub fn find(
    connection: &mut AnyConnection,
    credential: CredentialId,
    authorization: AuthorizationId,
) -> Result<Option<CustodyRow>, StoreError> {
    let held = custody::table.find((credential, authorization));
    let held = held.select((custody::since, custody::until));
    Ok(on_engine!(connection, c => held.get_result(c)).optional()?)
}

/// Whether another authorization holds the credential at `now`.
pub fn is_held_by_another(
    connection: &mut AnyConnection,
    credential: CredentialId,
    authorization: AuthorizationId,
    now: i64,
) -> Result<bool, StoreError> {
    let others: i64 = custody::table
        .filter(custody::credential_id.eq(credential))
        .filter(custody::authorization_id.ne(authorization))
        .filter(custody::until.is_null().or(custody::until.gt(now)))
        .count()
        .get_result(connection)?;
    Ok(others > 0)
}

/// Puts the credential into the custody of the authorization, in the place of one that has run out.
pub fn take(
    connection: &mut AnyConnection,
    credential: CredentialId,
    authorization: AuthorizationId,
    row: CustodyRow,
) -> Result<(), StoreError> {
    release(connection, credential, authorization)?;
    diesel::insert_into(custody::table)
        .values((
            custody::credential_id.eq(credential),
            custody::authorization_id.eq(authorization),
            custody::since.eq(row.since),
            custody::until.eq(row.until),
        ))
        .execute(connection)?;
    Ok(())
}

/// Ends the authorization's custody.
pub fn release(
    connection: &mut AnyConnection,
    credential: CredentialId,
    authorization: AuthorizationId,
) -> Result<(), StoreError> {
    diesel::delete(custody::table.find((credential, authorization))).execute(connection)?;
    Ok(())
}

/// Ends every custody of the credential.
pub fn end_all(connection: &mut AnyConnection, credential: CredentialId) -> Result<(), StoreError> {
    diesel::delete(custody::table.filter(custody::credential_id.eq(credential))).execute(connection)?;
    Ok(())
}
