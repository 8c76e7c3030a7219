//! Tables of wrapped data keys and of token signing keys.

use diesel::{Insertable, QueryDsl, Queryable, RunQueryDsl};

use super::id::{DataKeyId, SigningKeyId};
use super::schema::{data_key, signing_key};
use super::{AnyConnection, StoreError};

/// A data key, wrapped by the root key.
#[derive(Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct DataKeyRow {
    pub id: DataKeyId,
    pub purpose: String,
    pub state: String,
    pub wrapped: Vec<u8>,
    pub created_at: i64,
}

/// The columns of a new data key.
#[derive(Insertable)]
#[diesel(table_name = data_key)]
#[expect(missing_docs, reason = "columns")]
pub struct NewDataKey<'a> {
    pub purpose: &'a str,
    pub state: &'a str,
    pub wrapped: &'a [u8],
    pub created_at: i64,
}

/// Inserts a data key and returns its id.
pub fn insert_data_key(connection: &mut AnyConnection, row: NewDataKey<'_>) -> Result<DataKeyId, StoreError> {
    Ok(diesel::insert_into(data_key::table).values(row).returning(data_key::id).get_result(connection)?)
}

/// Returns all data keys, oldest first.
pub fn data_keys(connection: &mut AnyConnection) -> Result<Vec<DataKeyRow>, StoreError> {
    Ok(data_key::table.order(data_key::id).load(connection)?)
}

/// A token signing key; its private half is in the table of secrets.
#[derive(Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct SigningKeyRow {
    pub id: SigningKeyId,
    pub kid: String,
    pub public_key: Vec<u8>,
    pub state: String,
    pub created_at: i64,
}

/// The columns of a new signing key.
#[derive(Insertable)]
#[diesel(table_name = signing_key)]
#[expect(missing_docs, reason = "columns")]
pub struct NewSigningKey<'a> {
    pub kid: &'a str,
    pub public_key: &'a [u8],
    pub state: &'a str,
    pub created_at: i64,
}

/// Inserts a signing key and returns its id.
pub fn insert_signing_key(connection: &mut AnyConnection, row: NewSigningKey<'_>) -> Result<SigningKeyId, StoreError> {
    Ok(diesel::insert_into(signing_key::table).values(row).returning(signing_key::id).get_result(connection)?)
}

/// Returns all signing keys, oldest first.
pub fn signing_keys(connection: &mut AnyConnection) -> Result<Vec<SigningKeyRow>, StoreError> {
    Ok(signing_key::table.order(signing_key::id).load(connection)?)
}
