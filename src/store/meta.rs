//! Tables of facts about the database: the check value of the root key, and the change mark, which every change of
//! keys, clients or revocations increments.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::schema::{change_mark, vault_meta};
use super::{AnyConnection, StoreError};

const ROOT_KEY_CHECK: &str = "root_key_check";
const CHANGE_MARK_ID: i32 = 1;

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

/// Replaces the check value of the root key.
pub fn update_root_key_check(connection: &mut AnyConnection, check: &[u8]) -> Result<(), StoreError> {
    diesel::update(vault_meta::table.find(ROOT_KEY_CHECK)).set(vault_meta::value.eq(check)).execute(connection)?;
    Ok(())
}

/// Increments the change mark: every node then reloads its keys, clients and revocations within a second.
pub fn increment_change_mark(connection: &mut AnyConnection) -> Result<(), StoreError> {
    diesel::update(change_mark::table.find(CHANGE_MARK_ID))
        .set(change_mark::revision.eq(change_mark::revision + 1))
        .execute(connection)?;
    Ok(())
}

/// Writes the change mark unchanged: a write that tells whether the database takes writes.
pub fn rewrite_change_mark(connection: &mut AnyConnection) -> Result<(), StoreError> {
    diesel::update(change_mark::table.find(CHANGE_MARK_ID))
        .set(change_mark::revision.eq(change_mark::revision))
        .execute(connection)?;
    Ok(())
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
