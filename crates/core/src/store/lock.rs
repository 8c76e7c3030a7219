//! Advisory locks on names: lock a name before you test that it is free, so that no other node can take it in between.
//!
//! PostgreSQL has one set of them for a database, which may hold several vaults. The hash of a name has the id of the vault's own table as
//! its seed.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment};
use diesel::sql_types::{Array, Bool, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use super::connection::{Part, found_by_text};
use super::id::DeviceId;
use super::{AnyConnection, StoreError};

/// Returns the name to lock for the identifier of a credential or an SSH key.
pub fn identifier_lock_name(identifier: &str) -> String {
    format!("identifier/{identifier}")
}

/// Returns the name to lock for the username of a password on a device.
pub fn username_lock_name(device: DeviceId, username: &str) -> String {
    format!("username/{device}/{username}")
}

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
            ", 'credential'::regclass::bigint)), pg_advisory_xact_lock(hashtextextended("
        };
        statement.extend([Part::Sql(call), Part::Text(name)]);
    }
    statement.push(Part::Sql(", 'credential'::regclass::bigint))"));
    connection.run_prepared(&statement).map(drop)
}

/// Locks names as far as no other transaction has locked them, without a wait. Returns for each whether it is locked for this one.
pub(super) fn try_lock_names(connection: &mut PgConnection, names: &[&str]) -> Result<Vec<bool>, StoreError> {
    Ok(TryLockNames(names).load(connection)?)
}

/// The statement of [`try_lock_names`].
struct TryLockNames<'a>(&'a [&'a str]);

impl QueryFragment<Pg> for TryLockNames<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(name, 'credential'::regclass::bigint)) FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.0)?;
        out.push_sql(") WITH ORDINALITY AS asked (name, number) ORDER BY number");
        Ok(())
    }
}

found_by_text!(TryLockNames);

impl Query for TryLockNames<'_> {
    type SqlType = Bool;
}
