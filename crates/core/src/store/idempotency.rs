//! The table of stored results of requests with an idempotency key. The vault defines their form.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::{AuthorizationId, DataKeyId};
use super::schema::idempotency;
use super::{AnyConnection, StoreError};

/// The stored result of a request.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct IdempotencyRow {
    pub authorization_id: AuthorizationId,
    pub key_mac: Vec<u8>,
    pub request_mac: Vec<u8>,
    pub result: String,
    /// The oldest data key that a value in the result is sealed under; `None`: there is no sealed value in it.
    pub data_key_id: Option<DataKeyId>,
    pub created_at: i64,
}

/// Returns the stored result of the request with this key.
pub fn find(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    key_mac: &[u8],
) -> Result<Option<IdempotencyRow>, StoreError> {
    Ok(idempotency::table.find((authorization, key_mac)).first(connection).optional()?)
}

/// Inserts a result, in place of an older one with the same key.
pub fn replace(connection: &mut AnyConnection, row: &IdempotencyRow) -> Result<(), StoreError> {
    diesel::delete(idempotency::table.find((row.authorization_id, &row.key_mac))).execute(connection)?;
    diesel::insert_into(idempotency::table)
        .values((
            idempotency::authorization_id.eq(row.authorization_id),
            idempotency::key_mac.eq(&row.key_mac),
            idempotency::request_mac.eq(&row.request_mac),
            idempotency::result.eq(&row.result),
            idempotency::data_key_id.eq(row.data_key_id),
            idempotency::created_at.eq(row.created_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Deletes about `most` of the rows up to and including `time`, oldest first. Returns whether there may be more.
pub fn delete_up_to(connection: &mut AnyConnection, time: i64, most: i64) -> Result<bool, StoreError> {
    let last_of_batch: Option<i64> = idempotency::table
        .filter(idempotency::created_at.le(time))
        .order(idempotency::created_at)
        .offset(most - 1)
        .select(idempotency::created_at)
        .first(connection)
        .optional()?;
    let batch = idempotency::table.filter(idempotency::created_at.le(last_of_batch.unwrap_or(time)));
    diesel::delete(batch).execute(connection)?;
    Ok(last_of_batch.is_some())
}
