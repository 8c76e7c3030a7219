//! Who holds which credential.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::schema::custody;
use super::{AnyConnection, StoreError};

/// Puts the credential into the custody of the authorization, from now and until `until`; repeating it is no error.
pub fn take(
    connection: &mut AnyConnection,
    credential: i32,
    authorization: i32,
    since: i64,
    until: Option<i64>,
) -> Result<(), StoreError> {
    let renewed = diesel::update(custody::table.find((credential, authorization)))
        .set((custody::since.eq(since), custody::until.eq(until)))
        .execute(connection)?;
    if renewed == 0 {
        diesel::insert_into(custody::table)
            .values((
                custody::credential_id.eq(credential),
                custody::authorization_id.eq(authorization),
                custody::since.eq(since),
                custody::until.eq(until),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Ends the authorization's custody. Tells whether there was one that had not run out at `now`.
pub fn release(
    connection: &mut AnyConnection,
    credential: i32,
    authorization: i32,
    now: i64,
) -> Result<bool, StoreError> {
    let until: Option<Option<i64>> =
        custody::table.find((credential, authorization)).select(custody::until).first(connection).optional()?;
    let deleted = diesel::delete(custody::table.find((credential, authorization))).execute(connection)?;
    Ok(deleted > 0 && until.is_some_and(|until| until.is_none_or(|until| until > now)))
}

/// Ends every custody of the credential.
pub fn end_all(connection: &mut AnyConnection, credential: i32) -> Result<(), StoreError> {
    diesel::delete(custody::table.filter(custody::credential_id.eq(credential))).execute(connection)?;
    Ok(())
}
