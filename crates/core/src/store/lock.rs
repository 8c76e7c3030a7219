//! Locks on names: lock a name before you test that it is free, so that no other node can take it in between.

use super::connection::Part;
use super::{AnyConnection, StoreError};

/// Locks `name` until the transaction ends. Another transaction that locks it waits, or is retried alone.
///
/// On PostgreSQL a unique index would protect the rows, but not a rule with several queries: each statement sees what
/// has been committed by then. SQLite has one writer, which holds the write lock.
pub fn lock_name(connection: &mut AnyConnection, name: &str) -> Result<(), StoreError> {
    lock_names(connection, &[name])
}

/// Locks a few names, in their order, as [`lock_name`].
pub fn lock_names(connection: &mut AnyConnection, names: &[&str]) -> Result<(), StoreError> {
    if connection.has_one_writer() || names.is_empty() {
        return Ok(());
    }
    let mut statement = Vec::with_capacity(2 * names.len() + 1);
    for name in names {
        let call = if statement.is_empty() {
            "SELECT pg_advisory_xact_lock(hashtextextended("
        } else {
            ", 0)), pg_advisory_xact_lock(hashtextextended("
        };
        statement.extend([Part::Sql(call), Part::Text(name)]);
    }
    statement.push(Part::Sql(", 0))"));
    connection.run_prepared(&statement).map(drop)
}
