//! Tables of facts about the database.
//!
//! The check value of the root key, and the record of its shares; the change mark, which every change of keys or clients increments; and the revocation mark,
//! which every revoked token increments.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::lock::lock_name;
use super::schema::{change_mark, vault_meta};
use super::{AnyConnection, StoreError};

const ROOT_KEY_CHECK: &str = "root_key_check";
const ROOT_KEY_SPLIT: &str = "root_key_split";
const CHANGE_MARK_ID: i32 = 1;
const REVOCATION_MARK_ID: i32 = 2;

/// Tests that the database answers.
pub fn answers(connection: &mut AnyConnection) -> Result<(), StoreError> {
    diesel::sql_query("SELECT 1").execute(connection)?;
    Ok(())
}

/// Returns the check value of the root key of this database, or `None` before the first start and in a database
/// without tables.
pub fn root_key_check(connection: &mut AnyConnection) -> Result<Option<Vec<u8>>, StoreError> {
    if !has_tables(connection)? {
        return Ok(None);
    }
    Ok(vault_meta::table.find(ROOT_KEY_CHECK).select(vault_meta::value).first(connection).optional()?)
}

/// Inserts the check value of the root key.
pub fn insert_root_key_check(connection: &mut AnyConnection, check: &[u8]) -> Result<(), StoreError> {
    diesel::insert_into(vault_meta::table)
        .values((vault_meta::name.eq(ROOT_KEY_CHECK), vault_meta::value.eq(check)))
        .execute(connection)?;
    Ok(())
}

/// Returns a fact that is a number, such as a time.
pub fn number(connection: &mut AnyConnection, name: &str) -> Result<Option<i64>, StoreError> {
    Ok(bytes(connection, name)?.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes))
}

/// Stores a fact that is a number.
pub fn set_number(connection: &mut AnyConnection, name: &str, number: i64) -> Result<(), StoreError> {
    set_bytes(connection, name, &number.to_be_bytes())
}

/// Returns a fact.
pub fn bytes(connection: &mut AnyConnection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(vault_meta::table.find(name).select(vault_meta::value).first(connection).optional()?)
}

/// Stores a fact.
pub fn set_bytes(connection: &mut AnyConnection, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let changed = diesel::update(vault_meta::table.find(name)).set(vault_meta::value.eq(bytes));
    if changed.execute(connection)? > 0 {
        return Ok(());
    }
    lock_name(connection, "vault-meta")?;
    diesel::delete(vault_meta::table.find(name)).execute(connection)?;
    let row = (vault_meta::name.eq(name), vault_meta::value.eq(bytes));
    diesel::insert_into(vault_meta::table).values(row).execute(connection)?;
    Ok(())
}

/// Replaces the check value of the root key.
pub fn update_root_key_check(connection: &mut AnyConnection, check: &[u8]) -> Result<(), StoreError> {
    diesel::update(vault_meta::table.find(ROOT_KEY_CHECK)).set(vault_meta::value.eq(check)).execute(connection)?;
    Ok(())
}

/// Returns the record of the shares that the root key was split into; `None` if it was not.
pub fn root_key_split(connection: &mut AnyConnection) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(vault_meta::table.find(ROOT_KEY_SPLIT).select(vault_meta::value).first(connection).optional()?)
}

/// Stores the record of the shares in place of the present one.
pub fn set_root_key_split(connection: &mut AnyConnection, record: &[u8]) -> Result<(), StoreError> {
    lock_name(connection, "vault-meta")?;
    delete_root_key_split(connection)?;
    diesel::insert_into(vault_meta::table)
        .values((vault_meta::name.eq(ROOT_KEY_SPLIT), vault_meta::value.eq(record)))
        .execute(connection)?;
    Ok(())
}

/// Deletes the record of the shares. Returns whether there was one.
pub fn delete_root_key_split(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    Ok(diesel::delete(vault_meta::table.find(ROOT_KEY_SPLIT)).execute(connection)? > 0)
}

/// Increments the change mark: every node then reloads its keys and clients within a second.
pub fn increment_change_mark(connection: &mut AnyConnection) -> Result<(), StoreError> {
    diesel::update(change_mark::table.find(CHANGE_MARK_ID))
        .set(change_mark::revision.eq(change_mark::revision + 1))
        .execute(connection)?;
    Ok(())
}

/// Increments the revocation mark, and returns it. The row stays locked until the commit, so that a higher mark is never visible
/// before a lower one.
pub fn next_revocation_mark(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    diesel::update(change_mark::table.find(REVOCATION_MARK_ID))
        .set(change_mark::revision.eq(change_mark::revision + 1))
        .execute(connection)?;
    Ok(change_mark::table.find(REVOCATION_MARK_ID).select(change_mark::revision).first(connection)?)
}

/// Returns the change mark and the revocation mark.
pub fn marks(connection: &mut AnyConnection) -> Result<(i64, i64), StoreError> {
    let rows: Vec<(i32, i64)> = change_mark::table.load(connection)?;
    let of = |id| rows.iter().find(|(found, _)| *found == id).map(|(_, revision)| *revision);
    of(CHANGE_MARK_ID).zip(of(REVOCATION_MARK_ID)).ok_or(StoreError::Query("a change mark is missing"))
}

/// Writes the change mark unchanged: a write that tells whether the database takes writes.
pub fn rewrite_change_mark(connection: &mut AnyConnection) -> Result<(), StoreError> {
    diesel::update(change_mark::table.find(CHANGE_MARK_ID))
        .set(change_mark::revision.eq(change_mark::revision))
        .execute(connection)?;
    Ok(())
}

/// Returns the time of the database in microseconds since 1970; `None` for SQLite, which has the clock of the machine.
pub fn clock(connection: &mut AnyConnection) -> Result<Option<i64>, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Now {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        micros: i64,
    }
    let AnyConnection::Postgresql(c) = connection else { return Ok(None) };
    let now: Now = diesel::sql_query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros")
        .get_result(c)?;
    Ok(Some(now.micros))
}

/// Returns the change mark.
pub fn change_mark(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    Ok(change_mark::table.find(CHANGE_MARK_ID).select(change_mark::revision).first(connection)?)
}

/// Whether the tables exist. Queries the catalogue, because a failed query would abort a PostgreSQL transaction.
fn has_tables(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        tables: i64,
    }
    let found: Found = match connection {
        AnyConnection::Sqlite(c) => {
            diesel::sql_query("SELECT COUNT(*) AS tables FROM sqlite_master WHERE name = 'vault_meta'").get_result(c)?
        }
        AnyConnection::Postgresql(c) => {
            diesel::sql_query("SELECT COUNT(to_regclass('vault_meta')) AS tables").get_result(c)?
        }
    };
    Ok(found.tables > 0)
}
