//! Table of static tokens.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::AuthorizationId;
use super::schema::static_token;
use super::{AnyConnection, StoreError};

/// A static token of an authorization.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct StaticTokenRow {
    pub id: String,
    pub authorization_id: AuthorizationId,
    pub name: String,
    pub hash: Vec<u8>,
    pub expires_at: Option<i64>,
    pub created_at: i64,
}

/// The columns of a new static token.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "columns")]
pub struct NewStaticToken<'a> {
    pub id: &'a str,
    pub authorization_id: AuthorizationId,
    pub name: &'a str,
    pub hash: &'a [u8],
    pub expires_at: Option<i64>,
    pub created_at: i64,
}

/// Inserts a static token.
pub fn insert(connection: &mut AnyConnection, row: &NewStaticToken<'_>) -> Result<(), StoreError> {
    diesel::insert_into(static_token::table)
        .values((
            static_token::id.eq(row.id),
            static_token::authorization_id.eq(row.authorization_id),
            static_token::name.eq(row.name),
            static_token::hash.eq(row.hash),
            static_token::expires_at.eq(row.expires_at),
            static_token::created_at.eq(row.created_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Returns all static tokens, oldest first.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<StaticTokenRow>, StoreError> {
    Ok(static_token::table.order((static_token::created_at, static_token::id)).load(connection)?)
}

/// Returns the static token with this id.
pub fn find(connection: &mut AnyConnection, id: &str) -> Result<Option<StaticTokenRow>, StoreError> {
    Ok(static_token::table.find(id).first(connection).optional()?)
}

/// Returns the number of static tokens of an authorization, expired ones included.
pub fn count_by_authorization(connection: &mut AnyConnection, owner: AuthorizationId) -> Result<i64, StoreError> {
    Ok(static_token::table.filter(static_token::authorization_id.eq(owner)).count().get_result(connection)?)
}

/// Deletes a static token.
pub fn delete(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    diesel::delete(static_token::table.find(id)).execute(connection)?;
    Ok(())
}
