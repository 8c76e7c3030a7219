//! Locks on names: lock a name before you test that it is free, so that no other node can take it in between.

use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use super::{AnyConnection, StoreError};

/// Locks `name` until the transaction ends. Another transaction that locks it waits, or is retried alone.
///
/// On PostgreSQL a unique index would protect the rows, but not a rule with several queries: each statement sees what
/// has been committed by then. SQLite has one writer, which holds the write lock.
pub fn lock_name(connection: &mut AnyConnection, name: &str) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Sqlite(_) => Ok(()),
        AnyConnection::Postgresql(c) => {
            diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind::<Text, _>(name)
                .execute(c)?;
            Ok(())
        }
    }
}
