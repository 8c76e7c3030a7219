//! Sealed values by the data key that they are under, in every table that holds some.
//!
//! [`SEALED_COLUMNS`] lists the columns with sealed values. Each of their tables has a column `data_key_id` that references
//! `data_key`, so that the database refuses to delete a key that a value needs, and to insert a value under a deleted key.

use diesel::dsl::{AsExprOf, auto_type, count_star, sql};
use diesel::expression::{SqlLiteral, UncheckedBind};
use diesel::sql_types::{Bool, Integer, Text};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::id::{AuthorizationId, DataKeyId};
use super::schema::{idempotency, secret};
use super::{AnyConnection, StoreError};

/// The columns that hold sealed values, as table and column.
pub const SEALED_COLUMNS: [(&str, &str); 2] = [("secret", "sealed"), ("idempotency", "result")];

/// SQL after which a value is bound.
type Bound<Sql, Value, Type> = SqlLiteral<Bool, UncheckedBind<Sql, AsExprOf<Value, Type>>>;
/// A condition with the kind, the owner and the version of a row.
type Follows<'a> = Bound<Bound<Bound<SqlLiteral<Bool>, &'a str, Text>, i32, Integer>, i32, Integer>;

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
    let query = versions_in_order(key).limit(most);
    let rows: Vec<(String, i32, i32, Vec<u8>)> = match after {
        None => query.load(connection)?,
        Some(after) => query.filter(follows(after)).load(connection)?,
    };
    let version = |(kind, owner_id, version, sealed)| SecretVersion { kind, owner_id, version, sealed };
    Ok(rows.into_iter().map(version).collect())
}

/// Selects the versions under a data key. On SQLite no index has the data key, which each update would write: every version is
/// read, in the order of the keys, as far as its data key, which stands before its value.
#[auto_type]
fn versions_in_order(key: DataKeyId) -> _ {
    secret::table.filter(secret::data_key_id.eq(key)).order((secret::kind, secret::owner_id, secret::version)).select((
        secret::kind,
        secret::owner_id,
        secret::version,
        secret::sealed,
    ))
}

/// Whether a version comes after another one: compared as one value, so that the database begins there.
fn follows(SecretVersion { kind, owner_id, version, .. }: &SecretVersion) -> Follows<'_> {
    let key = sql::<Bool>("(kind, owner_id, version) > (").bind::<Text, _>(kind.as_str());
    key.sql(", ").bind::<Integer, _>(*owner_id).sql(", ").bind::<Integer, _>(*version).sql(")")
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
