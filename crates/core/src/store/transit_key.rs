//! The table of keys that clients encrypt for; their private halves are in the table of secrets.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::id::TransitKeyId;
use super::schema::transit_key;
use super::{AnyConnection, StoreError};

/// Returns the key; `None` before one was needed.
pub fn find(connection: &mut AnyConnection) -> Result<Option<TransitKeyId>, StoreError> {
    Ok(transit_key::table.order(transit_key::id).select(transit_key::id).first(connection).optional()?)
}

/// Inserts a key and returns its id.
pub fn insert(connection: &mut AnyConnection, now: i64) -> Result<TransitKeyId, StoreError> {
    let row = transit_key::created_at.eq(now);
    Ok(diesel::insert_into(transit_key::table).values(row).returning(transit_key::id).get_result(connection)?)
}
