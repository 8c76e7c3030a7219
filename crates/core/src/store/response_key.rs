//! The table of public keys that encrypt the secrets in clients' responses.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::AuthorizationId;
use super::schema::response_key;
use super::{AnyConnection, StoreError};

/// The response key of an authorization.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ResponseKeyRow {
    pub authorization_id: AuthorizationId,
    pub form: String,
    pub public_key: String,
    pub created_at: i64,
}

/// Inserts a key, in place of the former one.
pub fn replace(connection: &mut AnyConnection, row: &ResponseKeyRow) -> Result<(), StoreError> {
    delete(connection, row.authorization_id)?;
    diesel::insert_into(response_key::table)
        .values((
            response_key::authorization_id.eq(row.authorization_id),
            response_key::form.eq(&row.form),
            response_key::public_key.eq(&row.public_key),
            response_key::created_at.eq(row.created_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Returns the key of an authorization.
pub fn by_authorization(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
) -> Result<Option<ResponseKeyRow>, StoreError> {
    Ok(response_key::table.find(authorization).first(connection).optional()?)
}

/// Returns all keys.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<ResponseKeyRow>, StoreError> {
    Ok(response_key::table.load(connection)?)
}

/// Deletes the key of an authorization. Returns whether there was one.
pub fn delete(connection: &mut AnyConnection, authorization: AuthorizationId) -> Result<bool, StoreError> {
    Ok(diesel::delete(response_key::table.find(authorization)).execute(connection)? > 0)
}
