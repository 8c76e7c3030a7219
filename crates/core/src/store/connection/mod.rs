//! A connection to either engine, and everything in which the engines differ.

mod cached_sql;
mod literal;
mod location;
mod migration;
mod postgresql;
mod prepared;
mod query_for_each;
mod row_lock;
mod sqlite;

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{MultiConnection, PgConnection, RunQueryDsl, SqliteConnection};

pub(super) use cached_sql::{BindValue, CachedSql, QueryWithCachedSql, load_with_cached_sql};
pub(super) use literal::{IsOneOf, Literal, LiteralList, LiteralText, LiteralTexts};
pub use location::DatabaseLocation;
pub(super) use migration::newest_version;
use prepared::PreparedStatement;
pub(super) use prepared::{Part, found_by_text};
pub(super) use query_for_each::{QueryForEach, first_of_each, load_for_each_with_cached_sql};
pub(super) use row_lock::{LockingQuery, RowLock};

use super::StoreError;

/// A connection that was idle for longer is checked before it is used: a round trip. One in use is lost while a statement runs on
/// it, which notices.
pub(in crate::store) const CHECKED_WHEN_IDLE: Duration = Duration::from_secs(1);

/// Timeouts on PostgreSQL: of a statement, shorter than the time in which a server has to answer (`watch::ANSWER_TIMEOUT`), and
/// of a wait for a lock. A node that has vanished in the middle of a transaction keeps its locks no longer than the rest, by
/// which the server notices.
const TIMEOUTS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '15s'; SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; \
    SET tcp_keepalives_count = 3; SET tcp_user_timeout = '8s'";

/// A connection to SQLite or PostgreSQL. Every query is written once, for this type.
#[derive(MultiConnection)]
#[expect(missing_docs, reason = "the derive writes the same names again, undocumented")]
pub enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgresql(PgConnection),
}

/// Runs a query on the engine's own connection, for the queries of the busiest requests. Diesel then finds the
/// prepared statement by the type of the query; through [`AnyConnection`] it builds the SQL each time to look it up.
macro_rules! on_engine {
    ($connection:expr, $engine:ident => $query:expr) => {
        match $connection {
            $crate::store::AnyConnection::Sqlite($engine) => $query,
            $crate::store::AnyConnection::Postgresql($engine) => $query,
        }
    };
}
pub(super) use on_engine;

impl AnyConnection {
    /// Begins a transaction that may write, with a lock timeout. On SQLite, which has no row locks, it takes the write lock at
    /// once: a transaction that upgrades from a read lock fails when another one has written in between.
    pub(super) fn begin(&mut self, waiting: LockWait) -> Result<(), StoreError> {
        match (self, waiting) {
            (AnyConnection::Postgresql(c), LockWait::Brief) => {
                Ok(c.batch_execute("BEGIN; SET LOCAL lock_timeout = '20ms'")?)
            }
            (connection @ AnyConnection::Postgresql(_), LockWait::Patient) => connection.prepared_command("BEGIN"),
            (connection @ AnyConnection::Sqlite(_), _) => connection.prepared_command("BEGIN IMMEDIATE"),
        }
    }

    /// Sets the lock timeout for the rest of the transaction. SQLite has no row locks.
    pub(super) fn set_lock_timeout(&mut self, waiting: LockWait) -> Result<(), StoreError> {
        match (self, waiting) {
            (AnyConnection::Postgresql(c), LockWait::Brief) => Ok(c.batch_execute("SET LOCAL lock_timeout = '20ms'")?),
            _ => Ok(()),
        }
    }

    /// Whether a transaction that writes is the only one, so that no row that it has read can change. Then row locks are
    /// not needed.
    pub fn has_one_writer(&self) -> bool {
        matches!(self, AnyConnection::Sqlite(_))
    }

    /// Begins a read-only transaction on one snapshot of the database.
    pub(super) fn begin_snapshot(&mut self) -> Result<(), StoreError> {
        match self {
            AnyConnection::Sqlite(c) => c.batch_execute("BEGIN DEFERRED")?,
            AnyConnection::Postgresql(c) => c.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?,
        }
        Ok(())
    }

    /// Lifts the timeouts for the rest of the transaction, for work on the whole database.
    pub(super) fn lift_timeouts(&mut self) -> Result<(), StoreError> {
        match self {
            AnyConnection::Sqlite(_) => Ok(()),
            AnyConnection::Postgresql(c) => Ok(c.batch_execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '5min'; \
                 SET LOCAL idle_in_transaction_session_timeout = 0",
            )?),
        }
    }

    /// Whether the connection uses a network, and can be lost.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, AnyConnection::Postgresql(_))
    }

    /// Makes this connection read-only. On SQLite its cache is smaller than that of the writer: there are several, and each commit empties it.
    pub(super) fn set_read_only(&mut self) -> Result<(), StoreError> {
        match self {
            AnyConnection::Sqlite(c) => c.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -4096")?,
            AnyConnection::Postgresql(c) => c.batch_execute("SET default_transaction_read_only = on")?,
        }
        Ok(())
    }

    /// Makes PostgreSQL plan each prepared statement once, for statements that look up rows by key: whatever the values are, there
    /// is one good plan. It would plan those with arrays anew each time, which takes longer than running them. The plan may be made
    /// while the tables are empty, so it reads none of them from end to end.
    pub(super) fn plan_once(&mut self) -> Result<(), StoreError> {
        match self {
            AnyConnection::Sqlite(_) => Ok(()),
            AnyConnection::Postgresql(c) => {
                Ok(c.batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")?)
            }
        }
    }

    /// Sets the statement timeout of this connection: the execution time on PostgreSQL, the wait for the file on
    /// SQLite.
    pub(super) fn set_statement_timeout(&mut self, longest: Duration) -> Result<(), StoreError> {
        let millis = longest.as_millis();
        match self {
            AnyConnection::Sqlite(c) => c.batch_execute(&format!("PRAGMA busy_timeout = {millis}"))?,
            AnyConnection::Postgresql(c) => c.batch_execute(&format!("SET statement_timeout = {millis}"))?,
        }
        Ok(())
    }

    /// Runs a statement without parameters.
    pub(super) fn command(&mut self, statement: &str) -> Result<(), StoreError> {
        Ok(self.batch_execute(statement)?)
    }

    /// Runs a statement that stays prepared, and returns the number of rows that it changed.
    pub(super) fn run_prepared(&mut self, parts: &[Part<'_>]) -> Result<usize, StoreError> {
        Ok(on_engine!(self, c => PreparedStatement(parts).execute(c))?)
    }

    /// Runs a statement without values, which stays prepared.
    pub(super) fn prepared_command(&mut self, statement: &'static str) -> Result<(), StoreError> {
        self.run_prepared(&[Part::Sql(statement)]).map(drop)
    }
}

/// How long a statement may wait for another transaction's row lock (PostgreSQL).
///
/// A job in a batch waits briefly: it holds the locks of the jobs before it, and two batches that wait for each other
/// would stop both until the deadlock detector wakes. What does not get its lock runs again alone, and then waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockWait {
    Brief,
    Patient,
}
