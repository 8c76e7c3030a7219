//! Locks on names: whoever looks for a name to take it if it is free locks it first, so that no other node takes it in
//! between.

use diesel::RunQueryDsl;
use diesel::sql_types::Text;

use super::{AnyConnection, StoreError};

/// Locks `name` until the transaction ends. Whoever else locks it waits, or runs again alone.
///
/// On PostgreSQL a unique index would be enough for the rows, but not for a rule that looks more than once: each of its
/// statements sees what was committed by then. SQLite has one writer, which holds everything.
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
