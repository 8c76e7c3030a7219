//! Migrations of both engines, their reversal, and `schema.rs`.

mod job;
mod schema;

use std::ops::RangeInclusive;

use diesel::connection::SimpleConnection;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{QueryableByName, RunQueryDsl};
use uuid::Uuid;

use super::client::NewAuthorization;
use super::id::AuthorizationId;
use super::*;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Returns the columns of all tables, as `table.column`, sorted.
fn columns(connection: &mut AnyConnection) -> String {
    let query = match connection {
        AnyConnection::Sqlite(_) => {
            "SELECT m.name || '.' || c.name AS name FROM sqlite_master m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY 1"
        }
        AnyConnection::Postgresql(_) => {
            "SELECT table_name || '.' || column_name AS name FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_\\_%' ORDER BY 1"
        }
    };
    let mut names: Vec<String> =
        diesel::sql_query(query).load::<Column>(connection).unwrap().into_iter().map(|column| column.name).collect();
    names.sort();
    names.join("\n")
}

fn there_back_and_there_again(database: &mut Database) {
    assert!(database.pending_migrations().unwrap() > 0);
    assert!(database.migrate().unwrap() > 0);
    assert_eq!(database.pending_migrations().unwrap(), 0);
    insta::assert_snapshot!("columns", columns(database.connection()));
    database.connection().revert().unwrap();
    assert_eq!(columns(database.connection()), "");
    database.migrate().unwrap();
    assert_eq!(database.migrate().unwrap(), 0);
    insta::assert_snapshot!("columns", columns(database.connection()));
}

/// Runs a test on an empty SQLite file, and on an empty schema when there is a PostgreSQL.
pub(crate) fn on_each_engine(test: impl Fn(&mut Database)) {
    let dir = tempfile::tempdir().unwrap();
    let location = DatabaseLocation::Sqlite(dir.path().join("vault.sqlite"));
    assert!(Database::connect(&location, false).unwrap().is_none());
    test(&mut Database::connect(&location, true).unwrap().unwrap());
    on_postgresql(test);
}

/// Runs a test on an empty schema when there is a PostgreSQL, for what is of PostgreSQL alone.
pub(crate) fn on_postgresql(test: impl Fn(&mut Database)) {
    let Ok(server) = std::env::var("TEST_DATABASE_URL") else { return };
    let joint = if server.contains('?') { '&' } else { '?' };
    let server = format!("{server}{joint}connect_timeout=60");
    let schema = format!("test_{}", Uuid::new_v4().simple());
    let mut database = Database::connect(&DatabaseLocation::parse(&server).unwrap(), true).unwrap().unwrap();
    let connection = database.connection();
    connection.batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path TO {schema}")).unwrap();
    test(&mut database);
    database.connection().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).unwrap();
}

/// Runs a test on PostgreSQL, as [`on_each_engine`], whose statements keep the plans that are made while the tables are empty.
pub(crate) fn with_plans_of_empty_tables(test: impl Fn(&mut AnyConnection)) {
    on_postgresql(|database| {
        database.migrate().unwrap();
        let connection = database.connection();
        connection.plan_once().unwrap();
        keep_without_statistics(connection);
        test(connection);
    });
}

/// Lets every authorization see the objects of a kind with these ids.
pub(crate) fn link_all(connection: &mut AnyConnection, kind: &str, ids: RangeInclusive<i32>) {
    let (first, last) = (ids.start(), ids.end());
    let numbers = format!("SELECT {first} UNION ALL SELECT n + 1 FROM number WHERE n < {last}");
    let links = format!("SELECT id, '{kind}', n FROM \"authorization\", number");
    run_sql(connection, &format!("WITH RECURSIVE number (n) AS ({numbers}) INSERT INTO authorization_link {links}"));
}

/// Inserts a data key with an id of the test's own.
pub(crate) fn insert_data_key(connection: &mut AnyConnection, id: i32) {
    let state = if id == 1 { "current" } else { "retiring" };
    let values = "INSERT INTO data_key (id, purpose, state, wrapped, created_at, resealed)";
    run_sql(connection, &format!("{values} VALUES ({id}, 'values', '{state}', '', 0, 0)"));
}

/// Inserts an application with an authorization that sees nothing.
pub(crate) fn insert_client(connection: &mut AnyConnection) -> AuthorizationId {
    let name = Uuid::new_v4().to_string();
    let application_id = client::insert_application(connection, &name, 0).unwrap();
    let row = NewAuthorization {
        application_id,
        client_id: &name,
        access: "read-only",
        resources: "",
        allowed_ips: "",
        referers: "",
        certificates: "",
        sender_constraint: None,
        expires_at: None,
        active: true,
        created_at: 0,
    };
    client::insert_authorization(connection, &row).unwrap()
}

/// Bytes with the header of a value under a data key.
pub(crate) fn sealed_bytes(key: i32, content: i32) -> Vec<u8> {
    [[1].as_slice(), &key.to_be_bytes(), &[0; 24], &content.to_be_bytes()].concat()
}

/// Runs SQL as somebody does who changes the database from outside.
pub(crate) fn run_sql(connection: &mut AnyConnection, sql: &str) {
    connection.batch_execute(sql).unwrap();
}

/// Keeps PostgreSQL from analyzing the tables of the inventory and of secrets, which replaces the plans that were made while they were empty.
pub(crate) fn keep_without_statistics(connection: &mut AnyConnection) {
    for table in [
        "device",
        "credential",
        "ssh_key",
        "information",
        "authorization_link",
        "secret",
        "secret_head",
        "rotation_record",
    ] {
        run_sql(connection, &format!("ALTER TABLE {table} SET (autovacuum_enabled = off)"));
    }
}

/// Inserts 3,000 devices, each with a password of `root`, whose names are their ids.
pub(crate) fn insert_accounts(connection: &mut AnyConnection) {
    run_sql(
        connection,
        "INSERT INTO device SELECT n, n, n, '', '', '', '', '', '', '', '', '', '', TRUE, 0, 0 FROM generate_series(1, 3000) n;
         INSERT INTO credential (id, kind, device_id, username, identifier, credential_type, additional, tags, domain, active,
             created_at, changed_at)
             SELECT n, 'password', n, 'root', n, '', '', '', '', TRUE, 0, 0 FROM generate_series(1, 3000) n",
    );
}

/// Returns how many rows PostgreSQL reads for some work.
pub(crate) fn rows_read(connection: &mut AnyConnection, work: impl FnOnce(&mut AnyConnection)) -> i64 {
    #[derive(QueryableByName)]
    struct Read {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let until_now = |connection: &mut AnyConnection| {
        let read = "SELECT CAST(SUM(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0)) AS BIGINT) AS rows
            FROM pg_stat_xact_user_tables WHERE schemaname = current_schema()";
        diesel::sql_query(read).get_result::<Read>(connection).unwrap().rows
    };
    run_sql(connection, "BEGIN");
    let before = until_now(connection);
    work(connection);
    let rows = until_now(connection) - before;
    run_sql(connection, "COMMIT");
    rows
}

#[test]
fn the_migrations_go_there_back_and_there_again() {
    on_each_engine(there_back_and_there_again);
}

/// Returns the steps of SQLite's plan of a query.
pub(crate) fn sqlite_plan(connection: &mut SqliteConnection, query: &impl QueryFragment<Sqlite>) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let text = diesel::debug_query::<Sqlite, _>(query).to_string();
    let sql = text.split(" -- binds").next().unwrap_or_default();
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(connection).unwrap();
    steps.into_iter().map(|step| step.detail).collect()
}
