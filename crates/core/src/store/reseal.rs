//! Sealed values by the data key that they are under, in every table that holds some.
//!
//! [`SEALED_COLUMNS`] lists the columns with sealed values. Each of their tables has a column `data_key_id` that references
//! `data_key`, so that the database refuses to delete a key that a value needs, and to insert a value under a deleted key.

use diesel::dsl::count_star;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::id::{AuthorizationId, DataKeyId};
use super::schema::{idempotency, secret};
use super::{AnyConnection, StoreError};

/// The columns that hold sealed values, as table and column.
pub const SEALED_COLUMNS: [(&str, &str); 2] = [("secret", "sealed"), ("idempotency", "result")];

/// A row of the table `secret`: its key and its sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns")]
pub struct SecretVersion {
    pub kind: String,
    pub owner_id: i32,
    pub version: i32,
    pub sealed: Vec<u8>,
}

/// A row of the table `idempotency`: its key and its result, in which there are sealed values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns")]
pub struct StoredResult {
    pub authorization_id: AuthorizationId,
    pub key_mac: Vec<u8>,
    pub result: String,
}

/// Returns the first `most` versions under a data key, or those after `after`, in the order of their keys.
pub fn versions_under(
    connection: &mut AnyConnection,
    key: DataKeyId,
    after: Option<&SecretVersion>,
    most: i64,
) -> Result<Vec<SecretVersion>, StoreError> {
    let first = secret::table
        .filter(secret::data_key_id.eq(key))
        .order((secret::kind, secret::owner_id, secret::version))
        .select((secret::kind, secret::owner_id, secret::version, secret::sealed))
        .limit(most);
    let rows: Vec<(String, i32, i32, Vec<u8>)> = match after {
        None => first.load(connection)?,
        Some(after) => {
            let same_kind = secret::kind.eq(&after.kind);
            let later_owner = secret::owner_id.gt(after.owner_id);
            let later_version = secret::owner_id.eq(after.owner_id).and(secret::version.gt(after.version));
            let later = secret::kind.gt(&after.kind).or(same_kind.and(later_owner.or(later_version)));
            first.filter(later).load(connection)?
        }
    };
    let version = |(kind, owner_id, version, sealed)| SecretVersion { kind, owner_id, version, sealed };
    Ok(rows.into_iter().map(version).collect())
}

/// Replaces a sealed value, if it is still the one that was read. Returns whether it was.
pub fn replace_version(
    connection: &mut AnyConnection,
    before: &SecretVersion,
    sealed: &[u8],
    key: DataKeyId,
) -> Result<bool, StoreError> {
    let unchanged = secret::table.find((&before.kind, before.owner_id, before.version));
    let unchanged = unchanged.filter(secret::sealed.eq(&before.sealed));
    let set = (secret::sealed.eq(sealed), secret::data_key_id.eq(key));
    Ok(diesel::update(unchanged).set(set).execute(connection)? > 0)
}

/// Returns the first `most` stored results under a data key, or those after `after`, in the order of their keys.
pub fn results_under(
    connection: &mut AnyConnection,
    key: DataKeyId,
    after: Option<&StoredResult>,
    most: i64,
) -> Result<Vec<StoredResult>, StoreError> {
    let first = idempotency::table
        .filter(idempotency::data_key_id.eq(key))
        .order((idempotency::authorization_id, idempotency::key_mac))
        .select((idempotency::authorization_id, idempotency::key_mac, idempotency::result))
        .limit(most);
    let rows: Vec<(AuthorizationId, Vec<u8>, String)> = match after {
        None => first.load(connection)?,
        Some(after) => {
            let same_client = idempotency::authorization_id.eq(after.authorization_id);
            let later_key = idempotency::key_mac.gt(&after.key_mac);
            let later = idempotency::authorization_id.gt(after.authorization_id).or(same_client.and(later_key));
            first.filter(later).load(connection)?
        }
    };
    let stored = |(authorization_id, key_mac, result)| StoredResult { authorization_id, key_mac, result };
    Ok(rows.into_iter().map(stored).collect())
}

/// Replaces a stored result, if it is still the one that was read. Returns whether it was.
pub fn replace_result(
    connection: &mut AnyConnection,
    before: &StoredResult,
    result: &str,
    key: DataKeyId,
) -> Result<bool, StoreError> {
    let unchanged = idempotency::table.find((before.authorization_id, &before.key_mac));
    let unchanged = unchanged.filter(idempotency::result.eq(&before.result));
    let set = (idempotency::result.eq(result), idempotency::data_key_id.eq(key));
    Ok(diesel::update(unchanged).set(set).execute(connection)? > 0)
}

/// Returns the number of rows with values under a data key: versions of secrets, and stored results.
pub fn count_under(connection: &mut AnyConnection, key: DataKeyId) -> Result<i64, StoreError> {
    let versions: i64 = secret::table.filter(secret::data_key_id.eq(key)).select(count_star()).first(connection)?;
    let results: i64 =
        idempotency::table.filter(idempotency::data_key_id.eq(key)).select(count_star()).first(connection)?;
    Ok(versions + results)
}

/// Whether a value is under a data key.
pub fn any_under(connection: &mut AnyConnection, key: DataKeyId) -> Result<bool, StoreError> {
    let version: Option<i32> =
        secret::table.filter(secret::data_key_id.eq(key)).select(secret::version).first(connection).optional()?;
    if version.is_some() {
        return Ok(true);
    }
    let result: Option<i64> = idempotency::table
        .filter(idempotency::data_key_id.eq(key))
        .select(idempotency::created_at)
        .first(connection)
        .optional()?;
    Ok(result.is_some())
}

#[cfg(test)]
mod tests;
