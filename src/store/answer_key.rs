//! The public keys under which the secrets in clients' answers are encrypted.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::schema::answer_key;
use super::{AnyConnection, StoreError};

/// The key of an authorization.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct AnswerKeyRow {
    pub authorization_id: i32,
    pub form: String,
    pub public_key: String,
    pub created_at: i64,
}

/// Keeps a key, in the place of the one before.
pub fn put(connection: &mut AnyConnection, row: &AnswerKeyRow) -> Result<(), StoreError> {
    delete(connection, row.authorization_id)?;
    diesel::insert_into(answer_key::table)
        .values((
            answer_key::authorization_id.eq(row.authorization_id),
            answer_key::form.eq(&row.form),
            answer_key::public_key.eq(&row.public_key),
            answer_key::created_at.eq(row.created_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// The key of one authorization.
pub fn of(connection: &mut AnyConnection, authorization: i32) -> Result<Option<AnswerKeyRow>, StoreError> {
    Ok(answer_key::table.find(authorization).first(connection).optional()?)
}

/// All keys.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<AnswerKeyRow>, StoreError> {
    Ok(answer_key::table.load(connection)?)
}

/// Forgets the key of an authorization. Tells whether there was one.
pub fn delete(connection: &mut AnyConnection, authorization: i32) -> Result<bool, StoreError> {
    Ok(diesel::delete(answer_key::table.find(authorization)).execute(connection)? > 0)
}
