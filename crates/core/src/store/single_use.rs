//! Table of values that may be used once: of proofs and assertions that a client has signed.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::connection::on_engine;
use super::schema::single_use;
use super::{AnyConnection, StoreError};

/// Inserts the digest of a value. Returns whether it is new: `false` if the value was used before.
pub fn insert(connection: &mut AnyConnection, digest: &[u8], expires_at: i64) -> Result<bool, StoreError> {
    let insert = diesel::insert_into(single_use::table)
        .values((single_use::digest.eq(digest), single_use::expires_at.eq(expires_at)));
    let inserted = on_engine!(connection, c => insert.on_conflict_do_nothing().execute(c))?;
    Ok(inserted == 1)
}

/// Deletes about `most` of the values that have expired at `now`, oldest first. Returns whether there may be more.
pub fn delete_expired(connection: &mut AnyConnection, now: i64, most: i64) -> Result<bool, StoreError> {
    let last_of_batch: Option<i64> = single_use::table
        .filter(single_use::expires_at.le(now))
        .order(single_use::expires_at)
        .offset(most - 1)
        .select(single_use::expires_at)
        .first(connection)
        .optional()?;
    let batch = single_use::table.filter(single_use::expires_at.le(last_of_batch.unwrap_or(now)));
    diesel::delete(batch).execute(connection)?;
    Ok(last_of_batch.is_some())
}
