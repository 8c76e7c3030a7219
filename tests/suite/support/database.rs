//! A database of a test's own.

use std::time::{Duration, Instant};

use chaveiro::store::{AnyConnection, Database, DatabaseLocation};
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};
use tempfile::TempDir;
use uuid::Uuid;

use super::Service;

/// A SQLite file in a temporary directory, or a schema on the PostgreSQL of `TEST_DATABASE_URL`. Gone when dropped.
pub(crate) struct TestDatabase {
    pub(crate) dir: TempDir,
    /// The URL, for the program and for the library.
    pub(crate) url: String,
    schema: Option<(String, String)>,
}

impl TestDatabase {
    /// A SQLite file, whatever the other tests run on.
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("vault.sqlite").display());
        Self { dir, url, schema: None }
    }

    pub(crate) fn new() -> Self {
        match std::env::var("TEST_DATABASE_URL") {
            Err(_) => Self::sqlite(),
            Ok(server) => {
                let server = patient(&server);
                let dir = tempfile::tempdir().unwrap();
                let schema = format!("test_{}", Uuid::new_v4().simple());
                run(&server, &format!("CREATE SCHEMA {schema}"));
                let url = format!("{server}&options=--search_path%3D{schema}");
                Self { dir, url, schema: Some((server, schema)) }
            }
        }
    }

    /// Whether this is PostgreSQL.
    pub(crate) fn is_postgresql(&self) -> bool {
        self.schema.is_some()
    }

    /// Whether this is PostgreSQL, for a test that is about nothing else: says "skipped" where it is not.
    #[track_caller]
    pub(crate) fn is_postgresql_or_skip(&self) -> bool {
        if !self.is_postgresql() {
            Service::PostgreSql.skip();
        }
        self.is_postgresql()
    }

    /// The whole numbers in the first column of a query, looked up behind the vault's back.
    pub(crate) fn numbers(&self, sql: &str) -> Vec<i32> {
        use diesel::RunQueryDsl;
        let select = diesel::dsl::sql::<diesel::sql_types::Integer>(sql);
        with(&self.url, |connection| select.load(connection).unwrap())
    }

    /// The texts in the first column of a query, looked up behind the vault's back.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        use diesel::RunQueryDsl;
        let select = diesel::dsl::sql::<diesel::sql_types::Text>(sql);
        with(&self.url, |connection| select.load(connection).unwrap())
    }

    /// Runs SQL that removes what a test has made, when the test is dropped. A server may still be using it: it is tried some
    /// times, and not at all behind a test that has failed, whose message would be lost with the process.
    pub(crate) fn remove(&self, sql: &str) {
        remove(|| with(&self.url, |connection| connection.batch_execute(sql)));
    }

    /// Runs SQL behind the vault's back.
    pub(crate) fn run(&self, sql: &str) {
        run(&self.url, sql);
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some((server, schema)) = &self.schema {
            drop_schema(server, schema);
        }
    }
}

/// Drops a schema that a server of the test may still be using: its transactions hold locks in another order, so that PostgreSQL
/// ends one of the two as the victim of a deadlock.
fn drop_schema(server: &str, schema: &str) {
    let end_users = format!(
        "SELECT pg_terminate_backend(locks.pid) FROM pg_locks locks JOIN pg_class ON pg_class.oid = locks.relation \
         JOIN pg_database ON pg_database.oid = locks.database AND pg_database.datname = current_database() \
         WHERE pg_class.relnamespace = '{schema}'::regnamespace AND locks.pid <> pg_backend_pid()"
    );
    let drop = format!("DROP SCHEMA {schema} CASCADE");
    remove(|| {
        with(server, |connection| connection.batch_execute(&end_users).and_then(|()| connection.batch_execute(&drop)))
    });
}

fn remove<E: std::fmt::Debug>(attempt: impl Fn() -> Result<(), E>) {
    const ATTEMPTS: usize = 10;
    if (1..ATTEMPTS).all(|_| attempt().is_err()) && !std::thread::panicking() {
        attempt().unwrap();
    }
}

/// Returns the URL of a server that a busy machine has the time to connect to.
pub(crate) fn patient(server: &str) -> String {
    let joint = if server.contains('?') { '&' } else { '?' };
    format!("{server}{joint}connect_timeout=60")
}

fn run(url: &str, sql: &str) {
    with(url, |connection| connection.batch_execute(sql).unwrap());
}

fn with<T>(url: &str, work: impl FnOnce(&mut AnyConnection) -> T) -> T {
    let location = DatabaseLocation::parse(url).unwrap();
    let mut database = Database::connect(&location, true).unwrap().unwrap();
    let connection = database.connection();
    if matches!(connection, AnyConnection::Postgresql(_)) {
        // A new database waits for a checkpoint, which on a busy machine takes longer than a request may.
        connection.batch_execute("SET statement_timeout = 0").unwrap();
    }
    work(connection)
}

/// Waits until another session waits for a lock that this connection holds, on PostgreSQL.
pub(crate) async fn until_waited_for(connection: &mut AnyConnection) {
    let waiting = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
    let since = Instant::now();
    while sql_query(waiting).execute(connection).unwrap() == 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "nobody waits");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}
