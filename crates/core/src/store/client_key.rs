//! Table of client keys: the public keys that verify the assertions of clients.

use diesel::{ExpressionMethods, QueryDsl, Queryable, RunQueryDsl};

use super::id::AuthorizationId;
use super::schema::client_key;
use super::{AnyConnection, StoreError};

/// The public key of an authorization.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ClientKeyRow {
    pub authorization_id: AuthorizationId,
    pub thumbprint: String,
    pub name: String,
    pub jwk: String,
    pub created_at: i64,
}

/// Inserts a key.
pub fn insert(connection: &mut AnyConnection, row: &ClientKeyRow) -> Result<(), StoreError> {
    diesel::insert_into(client_key::table)
        .values((
            client_key::authorization_id.eq(row.authorization_id),
            client_key::thumbprint.eq(&row.thumbprint),
            client_key::name.eq(&row.name),
            client_key::jwk.eq(&row.jwk),
            client_key::created_at.eq(row.created_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Returns all keys, oldest first.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<ClientKeyRow>, StoreError> {
    Ok(client_key::table.order((client_key::created_at, client_key::thumbprint)).load(connection)?)
}

/// Returns the keys of an authorization, oldest first.
pub fn by_authorization(
    connection: &mut AnyConnection,
    owner: AuthorizationId,
) -> Result<Vec<ClientKeyRow>, StoreError> {
    Ok(client_key::table
        .filter(client_key::authorization_id.eq(owner))
        .order((client_key::created_at, client_key::thumbprint))
        .load(connection)?)
}

/// Deletes a key. Returns whether there was one.
pub fn delete(connection: &mut AnyConnection, owner: AuthorizationId, thumbprint: &str) -> Result<bool, StoreError> {
    Ok(diesel::delete(client_key::table.find((owner, thumbprint))).execute(connection)? > 0)
}
