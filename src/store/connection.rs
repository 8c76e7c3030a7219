//! A connection to either engine, and everything in which the engines differ.

use std::path::PathBuf;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{Connection, ConnectionError, MultiConnection, PgConnection, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::StoreError;

const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRESQL_MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgresql");

/// Timeouts on PostgreSQL: of a statement, and of a wait for a lock.
const TIMEOUTS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '5s'";
/// The key of the advisory lock of migrations: each schema holds one vault.
const MIGRATION_LOCK: &str = "hashtextextended('chaveiro/migrations/' || current_schema(), 0)";

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

/// The location of the database.
#[derive(Clone)]
pub enum DatabaseLocation {
    /// The path of a SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL; may contain a password.
    Postgresql(String),
}

impl std::fmt::Debug for DatabaseLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            Self::Postgresql(_) => f.write_str("Postgresql([secret])"),
        }
    }
}

impl DatabaseLocation {
    /// Parses a URL: `sqlite:PATH` or `postgres://…`. The scheme is required, so that a mistyped URL is an error and
    /// not the name of a file.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let refuse = |why: &str| Err(StoreError::Location(why.into()));
        match url.split_once(':') {
            Some(("sqlite", path)) => match path.trim_start_matches("//") {
                "" | ":memory:" => refuse("the database URL names no file; write sqlite:/path/to/vault.sqlite"),
                _ => Ok(Self::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))),
            },
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                if !cfg!(feature = "postgres-tls") && requires_tls(url) {
                    return refuse(
                        "the database URL requires TLS, which this build lacks; build with --features postgres-tls",
                    );
                }
                Ok(Self::Postgresql(url.into()))
            }
            _ => refuse("the database URL has an unknown scheme; use sqlite:PATH or postgres://HOST/NAME"),
        }
    }

    /// Returns the number of writers for this engine: SQLite allows one.
    pub(super) fn writers(&self, wanted: usize) -> usize {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgresql(_) => wanted.max(1),
        }
    }

    /// Whether the database exists. A PostgreSQL database is created by its administrator, so this is always true for
    /// it.
    pub(super) fn exists(&self) -> bool {
        match self {
            Self::Sqlite(path) => path.exists(),
            Self::Postgresql(_) => true,
        }
    }

    /// Opens and configures a connection. A missing SQLite file is created, readable by its owner alone.
    pub(super) fn connect(&self) -> Result<AnyConnection, StoreError> {
        self.open(|_| {})
    }

    /// Opens a connection for a running store, where no caller reports the cause: a failure is logged.
    pub(super) fn reconnect(&self) -> Result<AnyConnection, StoreError> {
        self.open(log_refusal)
    }

    fn open(&self, refused: impl FnOnce(&ConnectionError)) -> Result<AnyConnection, StoreError> {
        match self {
            Self::Sqlite(path) => {
                create_private(path)?;
                let path = path.to_str().ok_or_else(|| StoreError::Location("the path is not UTF-8".into()))?;
                let mut connection = SqliteConnection::establish(path)
                    .map_err(|_| StoreError::Unavailable("the SQLite file cannot be opened"))?;
                // synchronous=FULL: an acknowledged write survives a power failure, not only a crash.
                connection.batch_execute(
                    "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                     PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
                )?;
                Ok(AnyConnection::Sqlite(connection))
            }
            Self::Postgresql(url) => {
                let mut connection = PgConnection::establish(url).map_err(|error| {
                    refused(&error);
                    StoreError::Unavailable("PostgreSQL does not accept the connection")
                })?;
                connection.batch_execute(&format!(
                    "SET application_name = 'chaveiro'; {TIMEOUTS}; SET client_min_messages = warning"
                ))?;
                set_message_language(&mut connection)?;
                Ok(AnyConnection::Postgresql(connection))
            }
        }
    }
}

/// Logs why a connection failed. A message about the URL itself may quote its password, and is left out.
fn log_refusal(error: &ConnectionError) {
    if let ConnectionError::BadConnection(message) = error
        && message.starts_with("connection to server")
    {
        log::error!("cannot connect to PostgreSQL: {}", message.lines().next().unwrap_or_default());
    }
}

/// Sets the language of PostgreSQL's error messages to English, because errors are classified by their messages. This
/// needs a superuser, or a role with the privilege to set `lc_messages`; otherwise the server has to be configured
/// so.
fn set_message_language(connection: &mut PgConnection) -> Result<(), StoreError> {
    static WARNED: std::sync::Once = std::sync::Once::new();
    let language: String =
        diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('lc_messages')"))
            .get_result(connection)?;
    let is_english = ["C", "POSIX", "en", ""].iter().any(|english| match *english {
        "en" => language.starts_with("en"),
        exact => language == exact || language.starts_with("C."),
    });
    if !is_english && connection.batch_execute("SET lc_messages = 'C'").is_err() {
        WARNED.call_once(|| {
            log::warn!(
                "PostgreSQL reports errors in the language {language}, so deadlocks cannot be distinguished from \
                 other errors; run: ALTER ROLE <role of chaveiro> SET lc_messages = 'C'"
            );
        });
    }
    Ok(())
}

/// Whether the URL requires TLS. `sslmode=prefer` and weaker modes do not.
fn requires_tls(url: &str) -> bool {
    ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"].iter().any(|mode| url.contains(mode))
}

/// Creates the file if it is missing. An existing file is not opened: closing it would drop the locks of the other
/// connections of this process (sqlite.org/howtocorrupt.html, section 2.2).
fn create_private(path: &std::path::Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => Err(StoreError::Unavailable("the SQLite file cannot be created or written")),
    }
}

impl AnyConnection {
    /// Begins a transaction that may write. On SQLite it takes the write lock at once: a transaction that upgrades
    /// from a read lock fails when another one has written in between.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        match self {
            AnyConnection::Sqlite(c) => c.batch_execute("BEGIN IMMEDIATE")?,
            AnyConnection::Postgresql(c) => c.batch_execute("BEGIN")?,
        }
        Ok(())
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

    /// Sets the lock timeout for the rest of the transaction. SQLite has no row locks.
    pub(super) fn set_lock_timeout(&mut self, waiting: LockWait) -> Result<(), StoreError> {
        match (self, waiting) {
            (AnyConnection::Postgresql(c), LockWait::Brief) => Ok(c.batch_execute("SET LOCAL lock_timeout = '20ms'")?),
            _ => Ok(()),
        }
    }

    /// Whether the connection uses a network, and can be lost.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, AnyConnection::Postgresql(_))
    }

    /// Makes this connection read-only.
    pub(super) fn set_read_only(&mut self) -> Result<(), StoreError> {
        match self {
            AnyConnection::Sqlite(c) => c.batch_execute("PRAGMA query_only = ON")?,
            AnyConnection::Postgresql(c) => c.batch_execute("SET default_transaction_read_only = on")?,
        }
        Ok(())
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

    /// Applies the pending migrations and returns their number. When several nodes start at once, one applies them
    /// and the others wait.
    pub(super) fn migrate(&mut self) -> Result<usize, StoreError> {
        match self {
            AnyConnection::Sqlite(c) => {
                AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?;
                let applied = c.run_pending_migrations(SQLITE_MIGRATIONS).map(|done| done.len());
                match applied {
                    Ok(_) => AnsiTransactionManager::commit_transaction(c)?,
                    Err(_) => AnsiTransactionManager::rollback_transaction(c)?,
                }
                applied.map_err(|_| StoreError::Migration)
            }
            AnyConnection::Postgresql(c) => {
                // Neither the wait for another node nor the migration of a large table has to fit into the time of a
                // request.
                c.batch_execute("SET statement_timeout = 0; SET lock_timeout = '5min'")?;
                c.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))?;
                let applied = c.run_pending_migrations(POSTGRESQL_MIGRATIONS).map(|done| done.len());
                c.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK}); {TIMEOUTS}"))?;
                applied.map_err(|_| StoreError::Migration)
            }
        }
    }

    /// Returns the number of pending migrations.
    pub(super) fn pending_migrations(&mut self) -> Result<usize, StoreError> {
        let pending = match self {
            AnyConnection::Sqlite(c) => c.pending_migrations(SQLITE_MIGRATIONS).map(|left| left.len()),
            AnyConnection::Postgresql(c) => c.pending_migrations(POSTGRESQL_MIGRATIONS).map(|left| left.len()),
        };
        pending.map_err(|_| StoreError::Migration)
    }

    /// Reverts all migrations, newest first. For tests of the `down.sql` files.
    #[cfg(test)]
    pub(super) fn revert(&mut self) -> Result<(), StoreError> {
        let reverted = match self {
            AnyConnection::Sqlite(c) => c.revert_all_migrations(SQLITE_MIGRATIONS).map(drop),
            AnyConnection::Postgresql(c) => c.revert_all_migrations(POSTGRESQL_MIGRATIONS).map(drop),
        };
        reverted.map_err(|_| StoreError::Migration)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_the_engine() {
        assert!(
            matches!(DatabaseLocation::parse("sqlite:/a/b.sqlite"), Ok(DatabaseLocation::Sqlite(p)) if p == *"/a/b.sqlite")
        );
        assert!(matches!(DatabaseLocation::parse("sqlite:///a/b"), Ok(DatabaseLocation::Sqlite(p)) if p == *"/a/b"));
        assert!(matches!(DatabaseLocation::parse("sqlite:a"), Ok(DatabaseLocation::Sqlite(p)) if p == *"a"));
        for url in ["postgres://h/d", "postgresql://u:p@h/d?sslmode=prefer"] {
            assert!(matches!(DatabaseLocation::parse(url), Ok(DatabaseLocation::Postgresql(_))), "{url}");
        }
    }

    #[test]
    fn an_unknown_scheme_is_refused_without_repeating_the_url() {
        for url in
            ["", "vault.db", "mysql://h/d", "postgres:nobody", "sqlite:", "sqlite::memory:", "postgre://u:pw@h/d"]
        {
            let Err(StoreError::Location(text)) = DatabaseLocation::parse(url) else { panic!("{url} was taken") };
            assert!(!text.contains("pw"), "{text}");
        }
    }

    #[cfg(not(feature = "postgres-tls"))]
    #[test]
    fn a_url_that_asks_for_tls_is_refused_in_a_build_without_it() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let url = format!("postgres://h/d?sslmode={mode}");
            assert!(matches!(DatabaseLocation::parse(&url), Err(StoreError::Location(text)) if text.contains("TLS")));
        }
    }

    #[test]
    fn debug_does_not_show_a_url() {
        let location = DatabaseLocation::parse("postgres://u:hunter2@h/d").unwrap();
        assert_eq!(format!("{location:?}"), "Postgresql([secret])");
    }
}
