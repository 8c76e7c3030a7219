//! A new version in force: the first one, or one in place of another. On PostgreSQL each is a single statement, since a statement
//! is a round trip.

use super::{
    SealedRow, SecretHead, SecretOwner, SecretState, change_state, data_key_of, insert, insert_head, require_first,
    update_current,
};
use crate::store::connection::Part;
use crate::store::{AnyConnection, StoreError};

/// Inserts a new current version in place of the version `replaced`, which becomes a previous one, and updates the locked head.
///
/// # Errors
/// [`StoreError::NotFound`] when the version `replaced` is not the current one: nothing is written then.
pub fn replace_current(
    connection: &mut AnyConnection,
    owner: SecretOwner,
    replaced: i32,
    row: SealedRow,
    created_at: i64,
    head: &SecretHead,
) -> Result<(), StoreError> {
    if row.state != SecretState::Current {
        return Err(StoreError::Query("only a current version replaces one"));
    }
    if !connection.is_remote() {
        change_state(connection, owner, replaced, (SecretState::Current, SecretState::Previous))?;
        insert(connection, owner, row, created_at)?;
        return update_current(connection, owner, head, created_at);
    }
    let key = data_key_of(&row)?;
    let (kind, id) = owner.columns();
    // Each part reads what the one before returns: without the replaced version, nothing is written.
    let changed = connection.run_prepared(&[
        Part::Sql("WITH replaced AS (UPDATE secret SET state = "),
        Part::Constant(SecretState::Previous.as_str()),
        Part::Sql(" WHERE kind = "),
        Part::Text(kind),
        Part::Sql(" AND owner_id = "),
        Part::Integer(id),
        Part::Sql(" AND version = "),
        Part::Integer(replaced),
        Part::Sql(" AND state = "),
        Part::Constant(SecretState::Current.as_str()),
        Part::Sql(
            " RETURNING kind, owner_id), added AS (INSERT INTO secret (kind, owner_id, version, state, sealed, \
             data_key_id, created_at) SELECT kind, owner_id, ",
        ),
        Part::Integer(row.version),
        Part::Sql(", "),
        Part::Constant(SecretState::Current.as_str()),
        Part::Sql(", "),
        Part::Binary(&row.sealed),
        Part::Sql(", "),
        Part::Integer(key),
        Part::Sql(", "),
        Part::BigInt(created_at),
        Part::Sql(" FROM replaced RETURNING kind, owner_id) UPDATE secret_head SET highest_version = "),
        Part::Integer(head.highest_version),
        Part::Sql(", current_version = "),
        Part::NullableInteger(head.current_version),
        Part::Sql(", current_changed_at = "),
        Part::BigInt(created_at),
        Part::Sql(", mac = "),
        Part::Binary(&head.mac),
        Part::Sql(" FROM added WHERE secret_head.kind = added.kind AND secret_head.owner_id = added.owner_id"),
    ])?;
    if changed > 0 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Inserts the first version of a secret, and its head.
pub fn insert_first(
    connection: &mut AnyConnection,
    owner: SecretOwner,
    row: SealedRow,
    created_at: i64,
    head: &SecretHead,
) -> Result<(), StoreError> {
    if !connection.is_remote() {
        insert(connection, owner, row, created_at)?;
        return insert_head(connection, owner, head, created_at);
    }
    require_first(row.state)?;
    let key = data_key_of(&row)?;
    let (kind, id) = owner.columns();
    connection.run_prepared(&[
        Part::Sql(
            "WITH added AS (INSERT INTO secret (kind, owner_id, version, state, sealed, data_key_id, created_at) VALUES (",
        ),
        Part::Text(kind),
        Part::Sql(", "),
        Part::Integer(id),
        Part::Sql(", "),
        Part::Integer(row.version),
        Part::Sql(", "),
        Part::Text(row.state.as_str()),
        Part::Sql(", "),
        Part::Binary(&row.sealed),
        Part::Sql(", "),
        Part::Integer(key),
        Part::Sql(", "),
        Part::BigInt(created_at),
        Part::Sql(
            ") RETURNING kind, owner_id) INSERT INTO secret_head (kind, owner_id, highest_version, current_version, \
             current_changed_at, mac) SELECT kind, owner_id, ",
        ),
        Part::Integer(head.highest_version),
        Part::Sql(", "),
        Part::NullableInteger(head.current_version),
        Part::Sql(", "),
        Part::BigInt(created_at),
        Part::Sql(", "),
        Part::Binary(&head.mac),
        Part::Sql(" FROM added"),
    ])?;
    Ok(())
}
