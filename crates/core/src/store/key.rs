//! Tables of wrapped data keys and of token signing keys.

use std::str::FromStr;

use diesel::{ExpressionMethods, QueryDsl, Queryable, RunQueryDsl};

use super::id::{DataKeyId, SigningKeyId};
use super::schema::{data_key, signing_key};
use super::{AnyConnection, StoreError};

/// The state of a data key or of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// The key of new values or tokens. There is one for each purpose.
    Current,
    /// A former current key, which still opens values or verifies tokens.
    Retiring,
}

impl KeyState {
    /// Returns the name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyState::Current => "current",
            KeyState::Retiring => "retiring",
        }
    }
}

impl FromStr for KeyState {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        let named = [KeyState::Current, KeyState::Retiring].into_iter().find(|state| state.as_str() == name);
        named.ok_or(StoreError::Query("a key has an unknown state"))
    }
}

/// A data key, wrapped by the root key.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct DataKeyRow {
    pub id: DataKeyId,
    pub purpose: String,
    pub state: String,
    pub wrapped: Vec<u8>,
    pub created_at: i64,
    /// When another key became current.
    pub retired_at: Option<i64>,
    /// The number of values that were moved from this key to the current one.
    pub resealed: i64,
}

impl DataKeyRow {
    /// Whether the key seals new values.
    pub fn is_current(&self) -> bool {
        self.state == KeyState::Current.as_str()
    }
}

/// Inserts a data key as the current one of its purpose and returns its id. The former one has to be retired first. `wrap` wraps
/// the key, bound to its id.
pub fn insert_data_key<E: From<StoreError>>(
    connection: &mut AnyConnection,
    purpose: &str,
    wrap: impl FnOnce(DataKeyId) -> Result<Vec<u8>, E>,
    now: i64,
) -> Result<DataKeyId, E> {
    let values = (
        data_key::purpose.eq(purpose),
        data_key::state.eq(KeyState::Current.as_str()),
        data_key::wrapped.eq(Vec::new()),
        data_key::created_at.eq(now),
        data_key::resealed.eq(0),
    );
    let inserted = diesel::insert_into(data_key::table).values(values).returning(data_key::id).get_result(connection);
    let id = inserted.map_err(StoreError::from)?;
    rewrap_data_key(connection, id, &wrap(id)?)?;
    Ok(id)
}

/// Makes the current data key of a purpose a retiring one.
pub fn retire_data_key(connection: &mut AnyConnection, purpose: &str, now: i64) -> Result<(), StoreError> {
    let current = data_key::table.filter(data_key::purpose.eq(purpose));
    let current = current.filter(data_key::state.eq(KeyState::Current.as_str()));
    diesel::update(current)
        .set((data_key::state.eq(KeyState::Retiring.as_str()), data_key::retired_at.eq(now)))
        .execute(connection)?;
    Ok(())
}

/// Replaces the wrapped form of a data key, which is then under another root key.
pub fn rewrap_data_key(connection: &mut AnyConnection, id: DataKeyId, wrapped: &[u8]) -> Result<(), StoreError> {
    diesel::update(data_key::table.find(id)).set(data_key::wrapped.eq(wrapped)).execute(connection)?;
    Ok(())
}

/// Counts values that were moved from a data key to the current one.
pub fn add_resealed(connection: &mut AnyConnection, id: DataKeyId, values: i64) -> Result<(), StoreError> {
    diesel::update(data_key::table.find(id))
        .set(data_key::resealed.eq(data_key::resealed + values))
        .execute(connection)?;
    Ok(())
}

/// Deletes a retiring data key.
///
/// # Errors
/// [`StoreError::Refused`] while a value is under it.
pub fn delete_data_key(connection: &mut AnyConnection, id: DataKeyId) -> Result<(), StoreError> {
    let retiring = data_key::table.find(id).filter(data_key::state.eq(KeyState::Retiring.as_str()));
    diesel::delete(retiring).execute(connection)?;
    Ok(())
}

/// Returns all data keys, oldest first.
pub fn data_keys(connection: &mut AnyConnection) -> Result<Vec<DataKeyRow>, StoreError> {
    Ok(data_key::table.order(data_key::id).load(connection)?)
}

/// Returns the data keys of a purpose, oldest first.
pub fn data_keys_for(connection: &mut AnyConnection, purpose: &str) -> Result<Vec<DataKeyRow>, StoreError> {
    Ok(data_key::table.filter(data_key::purpose.eq(purpose)).order(data_key::id).load(connection)?)
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
    /// When another key became current.
    pub retired_at: Option<i64>,
}

/// The columns of a new signing key, which is the current one.
#[expect(missing_docs, reason = "columns")]
pub struct NewSigningKey<'a> {
    pub kid: &'a str,
    pub public_key: &'a [u8],
    pub created_at: i64,
}

/// Inserts a signing key as the current one and returns its id. The former one has to be retired first.
pub fn insert_signing_key(connection: &mut AnyConnection, row: NewSigningKey<'_>) -> Result<SigningKeyId, StoreError> {
    let values = (
        signing_key::kid.eq(row.kid),
        signing_key::public_key.eq(row.public_key),
        signing_key::state.eq(KeyState::Current.as_str()),
        signing_key::created_at.eq(row.created_at),
    );
    Ok(diesel::insert_into(signing_key::table).values(values).returning(signing_key::id).get_result(connection)?)
}

/// Makes the current signing key a retiring one.
pub fn retire_signing_key(connection: &mut AnyConnection, now: i64) -> Result<(), StoreError> {
    diesel::update(signing_key::table.filter(signing_key::state.eq(KeyState::Current.as_str())))
        .set((signing_key::state.eq(KeyState::Retiring.as_str()), signing_key::retired_at.eq(now)))
        .execute(connection)?;
    Ok(())
}

/// Deletes a signing key. Its private half is deleted as a secret.
pub fn delete_signing_key(connection: &mut AnyConnection, id: SigningKeyId) -> Result<(), StoreError> {
    diesel::delete(signing_key::table.find(id)).execute(connection)?;
    Ok(())
}

/// Returns all signing keys, oldest first.
pub fn signing_keys(connection: &mut AnyConnection) -> Result<Vec<SigningKeyRow>, StoreError> {
    Ok(signing_key::table.order(signing_key::id).load(connection)?)
}
