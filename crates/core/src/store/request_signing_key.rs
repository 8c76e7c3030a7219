//! Table of the keys by which clients sign requests. The secrets of a key are in the table of secrets.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::{AuthorizationId, RequestSigningKeyId};
use super::schema::request_signing_key;
use super::{AnyConnection, StoreError};

/// A key of an authorization, without its secrets.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct RequestSigningKeyRow {
    pub id: RequestSigningKeyId,
    pub token: String,
    pub authorization_id: AuthorizationId,
    pub name: String,
    pub expires_at: Option<i64>,
    pub created_at: i64,
}

/// The columns of a new key.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "columns")]
pub struct NewRequestSigningKey<'a> {
    pub token: &'a str,
    pub authorization_id: AuthorizationId,
    pub name: &'a str,
    pub expires_at: Option<i64>,
    pub created_at: i64,
}

/// Inserts a key and returns its id.
pub fn insert(
    connection: &mut AnyConnection,
    row: &NewRequestSigningKey<'_>,
) -> Result<RequestSigningKeyId, StoreError> {
    let insert = diesel::insert_into(request_signing_key::table).values((
        request_signing_key::token.eq(row.token),
        request_signing_key::authorization_id.eq(row.authorization_id),
        request_signing_key::name.eq(row.name),
        request_signing_key::expires_at.eq(row.expires_at),
        request_signing_key::created_at.eq(row.created_at),
    ));
    Ok(insert.returning(request_signing_key::id).get_result(connection)?)
}

/// Returns all keys, oldest first.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<RequestSigningKeyRow>, StoreError> {
    Ok(request_signing_key::table.order(request_signing_key::id).load(connection)?)
}

/// Returns the key with this public id.
pub fn find(connection: &mut AnyConnection, token: &str) -> Result<Option<RequestSigningKeyRow>, StoreError> {
    let row = request_signing_key::table.filter(request_signing_key::token.eq(token));
    Ok(row.first(connection).optional()?)
}

/// Returns the number of keys of an authorization, expired ones included.
pub fn count_by_authorization(connection: &mut AnyConnection, owner: AuthorizationId) -> Result<i64, StoreError> {
    let rows = request_signing_key::table.filter(request_signing_key::authorization_id.eq(owner));
    Ok(rows.count().get_result(connection)?)
}

/// Deletes a key.
pub fn delete(connection: &mut AnyConnection, id: RequestSigningKeyId) -> Result<(), StoreError> {
    diesel::delete(request_signing_key::table.find(id)).execute(connection)?;
    Ok(())
}
