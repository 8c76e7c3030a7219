//! The table of custodies: the clients that hold a credential.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl,
};

use super::connection::on_engine;
use super::id::{AuthorizationId, CredentialId};
use super::schema::{application, authorization, custody};
use super::{AnyConnection, StoreError};

/// A custody: a client holds a credential for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct CustodyRow {
    /// The start.
    pub since: i64,
    /// The end; `None` means until release.
    pub until: Option<i64>,
}

impl CustodyRow {
    /// Whether the custody has not expired at `now`.
    pub fn is_live(&self, now: i64) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// Returns the custody of an authorization over a credential, expired or not.
pub fn find(
    connection: &mut AnyConnection,
    credential: CredentialId,
    authorization: AuthorizationId,
) -> Result<Option<CustodyRow>, StoreError> {
    let held = custody::table.find((credential, authorization));
    let held = held.select((custody::since, custody::until));
    Ok(on_engine!(connection, c => held.get_result(c)).optional()?)
}

/// The authorizations whose custodies are over at `now`: theirs or their application's rights have ended.
macro_rules! ended_authorizations {
    ($now:expr) => {
        authorization::table
            .inner_join(application::table)
            .filter(
                authorization::active
                    .eq(false)
                    .or(application::active.eq(false))
                    .or(authorization::expires_at.le($now).assume_not_null()),
            )
            .select(authorization::id)
    };
}

/// Whether a custody is over at `now`: its time, or the rights of its client.
macro_rules! is_over {
    ($now:expr) => {
        custody::until.le($now).assume_not_null().or(custody::authorization_id.eq_any(ended_authorizations!($now)))
    };
}

/// The contrary of `is_over`, which is unknown to SQL for a custody without an end of its own.
macro_rules! is_lasting {
    ($now:expr) => {
        custody::until
            .is_null()
            .or(custody::until.gt($now))
            .and(custody::authorization_id.ne_all(ended_authorizations!($now)))
    };
}

/// Whether another authorization holds one of the credentials at `now`.
pub fn is_held_by_another(
    connection: &mut AnyConnection,
    credentials: &[CredentialId],
    authorization: AuthorizationId,
    now: i64,
) -> Result<bool, StoreError> {
    let others: i64 = custody::table
        .filter(custody::credential_id.eq_any(credentials.to_vec()))
        .filter(custody::authorization_id.ne(authorization))
        .filter(is_lasting!(now))
        .count()
        .get_result(connection)?;
    Ok(others > 0)
}

/// Whether any authorization holds the credential at `now`.
pub fn is_held(connection: &mut AnyConnection, credential: CredentialId, now: i64) -> Result<bool, StoreError> {
    let held: i64 = custody::table
        .filter(custody::credential_id.eq(credential))
        .filter(is_lasting!(now))
        .count()
        .get_result(connection)?;
    Ok(held > 0)
}

/// Whether any authorization has a custody of the credential, expired or not.
pub fn has_any(connection: &mut AnyConnection, credential: CredentialId) -> Result<bool, StoreError> {
    let custodies: i64 = custody::table.filter(custody::credential_id.eq(credential)).count().get_result(connection)?;
    Ok(custodies > 0)
}

/// Inserts a custody, in place of an expired one of the same authorization.
pub fn take(
    connection: &mut AnyConnection,
    credential: CredentialId,
    authorization: AuthorizationId,
    row: CustodyRow,
) -> Result<(), StoreError> {
    release(connection, credential, authorization)?;
    let insert = diesel::insert_into(custody::table).values((
        custody::credential_id.eq(credential),
        custody::authorization_id.eq(authorization),
        custody::since.eq(row.since),
        custody::until.eq(row.until),
    ));
    on_engine!(connection, c => insert.execute(c))?;
    Ok(())
}

/// Deletes the custody of the authorization.
pub fn release(
    connection: &mut AnyConnection,
    credential: CredentialId,
    authorization: AuthorizationId,
) -> Result<(), StoreError> {
    let delete = diesel::delete(custody::table.find((credential, authorization)));
    on_engine!(connection, c => delete.execute(c))?;
    Ok(())
}

/// Returns the custodies that are over at `now`: their time, or the rights of their client. Those without an end of their own
/// come last.
pub fn ended(
    connection: &mut AnyConnection,
    now: i64,
    most: i64,
) -> Result<Vec<(CredentialId, AuthorizationId)>, StoreError> {
    Ok(custody::table
        .filter(is_over!(now))
        .order((custody::until.is_null(), custody::until, custody::credential_id, custody::authorization_id))
        .limit(most)
        .select((custody::credential_id, custody::authorization_id))
        .load(connection)?)
}

/// Deletes the custody of the authorization if it is over at `now`. Returns whether it was there.
pub fn end_if_over(
    connection: &mut AnyConnection,
    credential: CredentialId,
    authorization: AuthorizationId,
    now: i64,
) -> Result<bool, StoreError> {
    let over = custody::table.find((credential, authorization)).filter(is_over!(now));
    Ok(diesel::delete(over).execute(connection)? > 0)
}

/// Deletes every custody of the credential.
pub fn end_all(connection: &mut AnyConnection, credential: CredentialId) -> Result<(), StoreError> {
    diesel::delete(custody::table.filter(custody::credential_id.eq(credential))).execute(connection)?;
    Ok(())
}
