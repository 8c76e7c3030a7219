//! The errors of both engines, provoked, each under its name; their cause in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chaveiro::store::{AnyConnection, Cause, Database, DatabaseLocation, StoreError, Ticket, Transaction};
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};

use super::bench::{Bench, location, register, ticket};
use crate::support::{TestDatabase, logged};

/// A migrated database, and a connection to it.
fn database() -> (TestDatabase, Database) {
    let database = TestDatabase::new();
    let mut connected = Database::connect(&location(&database), true).unwrap().unwrap();
    connected.migrate().unwrap();
    (database, connected)
}

fn run(connection: &mut AnyConnection, sql: &str) -> Result<(), StoreError> {
    Ok(connection.batch_execute(sql)?)
}

/// What the database says to these statements in a transaction.
fn refused(database: &mut Database, sql: &str) -> StoreError {
    database.transaction(|connection| run(connection, sql)).unwrap_err()
}

fn cause() -> Cause {
    Cause::default()
}

const INSERT: &str = "INSERT INTO domain (name, name_key) VALUES ('a', 'a')";

#[test]
fn a_full_disk_is_told_apart() {
    let (kept, mut database) = database();
    if kept.is_postgresql() {
        return; // No disk of its own to fill; the message has a unit test.
    }
    run(database.connection(), "PRAGMA max_page_count = 1").unwrap();
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                INSERT INTO domain (name, name_key) SELECT hex(zeroblob(1000)), 'k' || i FROM n";
    assert_eq!(refused(&mut database, fill), StoreError::DiskFull(cause()));
}

#[test]
fn a_read_only_database_is_told_apart() {
    let (kept, mut database) = database();
    let read_only =
        if kept.is_postgresql() { "SET default_transaction_read_only = on" } else { "PRAGMA query_only = ON" };
    run(database.connection(), read_only).unwrap();
    let error = refused(&mut database, INSERT);
    assert_eq!(error, StoreError::ReadOnly(cause()));
    assert!(error.is_temporary());
}

#[test]
fn a_damaged_database_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vault.sqlite");
    std::fs::write(&path, "this is no database. ".repeat(1000)).unwrap();
    let opened = Database::connect(&DatabaseLocation::Sqlite(path), true);
    assert_eq!(opened.map(drop), Err(StoreError::Corrupt(cause())));
}

#[test]
fn a_statement_that_takes_too_long_is_told_apart() {
    let (kept, mut database) = database();
    if !kept.is_postgresql() {
        return; // SQLite bounds no statement.
    }
    let error = refused(&mut database, "SET LOCAL statement_timeout = 10; SELECT pg_sleep(60)");
    assert_eq!(error, StoreError::StatementTimeout(cause()));
}

#[test]
fn a_wait_for_another_transaction_is_told_apart() {
    let (kept, mut database) = database();
    let mut other = Database::connect(&location(&kept), false).unwrap().unwrap();
    run(database.connection(), INSERT).unwrap();
    let (hold, impatient) = if kept.is_postgresql() {
        ("UPDATE domain SET short_name = 'x'", "SET lock_timeout = 10")
    } else {
        ("SELECT 1", "PRAGMA busy_timeout = 10")
    };
    run(other.connection(), impatient).unwrap();
    let held = database.transaction(|connection| {
        run(connection, hold)?;
        Ok(refused(&mut other, "UPDATE domain SET short_name = 'y'"))
    });
    assert_eq!(held, Ok(StoreError::Contended(cause())));
}

#[test]
fn a_deadlock_of_two_connections_is_told_apart() {
    let (kept, mut database) = database();
    if !kept.is_postgresql() {
        return; // SQLite has one writer.
    }
    run(database.connection(), "INSERT INTO domain (name, name_key) VALUES ('a', 'a'), ('b', 'b')").unwrap();
    let line = Arc::new(std::sync::Barrier::new(2));
    let update = |name: &str| format!("UPDATE domain SET short_name = 'x' WHERE name_key = '{name}'");
    let both = |first: String, second: String| {
        let (location, line) = (location(&kept), Arc::clone(&line));
        std::thread::spawn(move || {
            let mut database = Database::connect(&location, false).unwrap().unwrap();
            database.transaction(|connection| {
                run(connection, "SET LOCAL deadlock_timeout = 50; SET LOCAL lock_timeout = '1min'")?;
                run(connection, &first)?;
                line.wait();
                run(connection, &second)
            })
        })
    };
    let threads = [both(update("a"), update("b")), both(update("b"), update("a"))];
    let mut ended = threads.map(|thread| thread.join().unwrap());
    ended.sort_by_key(Result::is_err);
    assert_eq!(ended, [Ok(()), Err(StoreError::Contended(cause()))]);
}

#[test]
fn a_text_of_another_encoding_is_told_apart() {
    let (kept, mut database) = database();
    if !kept.is_postgresql() {
        return; // SQLite stores the bytes of a text.
    }
    let error = refused(&mut database, "SELECT convert_from('\\xff', 'UTF8')");
    assert_eq!(error, StoreError::Encoding(cause()));
    assert!(!error.is_temporary());
}

#[actix_web::test]
async fn an_unknown_error_is_not_retried_and_its_cause_is_logged_once() {
    let bench = Bench::new();
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let unknown = move |transaction: &mut Transaction<'_>| {
        count.fetch_add(1, Ordering::SeqCst);
        sql_query("SELECT hunter2 FROM nowhere").execute(transaction.connection()?)?;
        Ok(())
    };
    let ticket = Ticket::new(ticket().lane, "request-of-the-unknown-error");
    let error = bench.store.write(ticket, unknown).await.unwrap_err();
    assert_eq!((&error, runs.load(Ordering::SeqCst)), (&StoreError::Refused(cause()), 1));
    assert!(!error.is_temporary());
    let lines = logged("request-of-the-unknown-error");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("nowhere"), "{lines:?}");
}

#[actix_web::test]
async fn the_cause_of_a_conflict_is_logged_once_after_all_runs_and_without_the_value() {
    let bench = Bench::new();
    bench.store.write(ticket(), register("taken-by-somebody")).await.unwrap();
    let insert = move |transaction: &mut Transaction<'_>| {
        let insert = "INSERT INTO domain (name, name_key) VALUES ('again', 'taken-by-somebody')";
        sql_query(insert).execute(transaction.connection()?)?;
        Ok(())
    };
    let ticket = Ticket::new(ticket().lane, "request-of-the-conflict");
    assert!(bench.store.write(ticket, insert).await.unwrap_err().is_conflict());
    let lines = logged("request-of-the-conflict");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("domain") && !lines[0].contains("taken-by-somebody"), "{lines:?}");
}

#[actix_web::test]
async fn the_cause_of_a_failed_read_is_logged_once() {
    let bench = Bench::new();
    let query = |connection: &mut AnyConnection| run(connection, INSERT);
    let error = bench.store.read_for("request-of-the-read", query).await.unwrap_err();
    assert_eq!(error, StoreError::ReadOnly(cause()));
    assert_eq!(logged("request-of-the-read").len(), 1);
}

#[actix_web::test]
async fn what_a_key_is_too_long_for_stays_refused() {
    let bench = Bench::new();
    if !bench.database.is_postgresql() {
        return; // SQLite's indexes take keys of any length.
    }
    let long = |transaction: &mut Transaction<'_>| {
        let name: String =
            (0..9000).map(|_| char::from(b'a' + chaveiro::crypto::random_bytes::<1>()[0] % 26)).collect();
        let insert = sql_query(format!("INSERT INTO domain (name, name_key) VALUES ('x', '{name}')"));
        insert.execute(transaction.connection()?)?;
        Ok(())
    };
    assert_eq!(bench.store.write(ticket(), long).await, Err(StoreError::Refused(cause())));
}
