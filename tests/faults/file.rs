//! The file of SQLite, removed or replaced under the server, and its write-ahead log.

use std::path::Path;
use std::time::{Duration, Instant};

use chaveiro::store::id::AuthorizationId;
use chaveiro::store::list::{self, Filter, Selection};
use chaveiro::store::{Cause, Database, DatabaseLocation, StoreError};
use diesel::connection::SimpleConnection;

use crate::support::{Program, Writers, prepared};
use crate::{assert_whole, ready_is};

const NAMED: &str = "every request is refused from now on";

/// Swaps the file while clients write, and expects that nothing is acknowledged that the file at its path lacks.
async fn swapped(swap: impl Fn(&Path), bring_back: impl Fn(&Path)) {
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    let writers = Writers::start(&client, "swap");
    writers.have_begun().await;
    let dir = program.database.dir.path();
    swap(dir);
    ready_is(&client, 503, Duration::from_secs(15)).await;
    let refused = client.get("/iso/pam/device").await;
    assert_eq!(refused.status.as_u16(), 503, "{}", refused.text);
    assert_eq!(refused.header("retry-after"), Some("1"));
    client.get("/health/live").await.expect(200);
    server.stderr.wait_for(NAMED, Duration::from_secs(10)).expect("a line that names it");
    let lines = server.stderr.text();
    let named = lines.lines().filter(|line| line.contains(NAMED)).count();
    assert_eq!(named, 1, "{lines}");
    server.kill();
    let written = writers.have_ended().await;

    bring_back(dir);
    assert_whole(&program, &client, &written).await;
}

/// Renames each file of the database.
fn rename(dir: &Path, from: &str, to: &str) {
    for suffix in ["", "-wal", "-shm"] {
        let path = |name: &str| dir.join(format!("{name}{suffix}"));
        let _ = std::fs::rename(path(from), path(to));
    }
}

#[actix_web::test]
async fn a_database_that_was_moved_away_takes_no_write() {
    let away = |dir: &Path| rename(dir, "vault.sqlite", "away.sqlite");
    swapped(away, |dir| rename(dir, "away.sqlite", "vault.sqlite")).await;
}

#[actix_web::test]
async fn a_database_that_was_replaced_takes_no_write() {
    let replace = |dir: &Path| {
        rename(dir, "vault.sqlite", "away.sqlite");
        std::fs::copy(dir.join("away.sqlite"), dir.join("vault.sqlite")).unwrap();
    };
    let bring_back = |dir: &Path| {
        std::fs::remove_file(dir.join("vault.sqlite")).unwrap();
        rename(dir, "away.sqlite", "vault.sqlite");
    };
    swapped(replace, bring_back).await;
}

#[actix_web::test]
async fn the_write_ahead_log_shrinks_after_a_long_reader() {
    const LIMIT: u64 = 64 << 20;
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    let size = || std::fs::metadata(program.database.dir.path().join("vault.sqlite-wal")).unwrap().len();
    let (location, big) = (DatabaseLocation::parse(&program.url).unwrap(), "x".repeat(1 << 20));
    let connect = || Database::connect(&location, false).unwrap().unwrap();
    let (mut reader, mut writer) = (connect(), connect());
    reader.connection().batch_execute("BEGIN; SELECT * FROM device").unwrap();
    writer.connection().batch_execute("CREATE TABLE filler (text TEXT)").unwrap();
    for _ in 0..(LIMIT >> 20) + 16 {
        writer.connection().batch_execute(&format!("INSERT INTO filler VALUES ('{big}')")).unwrap();
    }
    assert!(size() > LIMIT, "the reader keeps the log");
    client.create_device("b", "10.0.0.2").await;
    reader.connection().batch_execute("COMMIT").unwrap();
    // The first write finds that the log can be copied, the second begins it anew.
    for number in 3..6 {
        client.create_device(&format!("c{number}"), &format!("10.0.0.{number}")).await;
    }
    assert!(size() <= LIMIT, "{}", size());
}

#[test]
fn a_database_without_its_file_is_no_vault_for_a_command() {
    let program = Program::initialised();
    rename(program.database.dir.path(), "vault.sqlite", "away.sqlite");
    assert_ne!(program.run(&["application", "list"]).code, 0);
}

#[actix_web::test]
async fn a_list_that_stops_at_its_deadline_lets_the_write_ahead_log_go() {
    let (program, credentials, server) = prepared().await;
    let client = server.client(&credentials).await;
    for number in 2..4 {
        client.create_device(&format!("d{number}"), &format!("10.0.0.{number}")).await;
    }
    let location = DatabaseLocation::parse(&program.url).unwrap();
    if program.database.is_postgresql() {
        return;
    }
    let connect = || Database::connect(&location, false).unwrap().unwrap();
    let (mut reader, mut other) = (connect(), connect());
    let log = program.database.dir.path().join("vault.sqlite-wal");
    let mut is_reset = || {
        other.connection().batch_execute("PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        std::fs::metadata(&log).unwrap().len() == 0
    };
    let filter = Filter::default();
    let list = |reader: &mut Database, deadline| {
        let selection = Selection { filter: &filter, page: None, deadline };
        list::devices(reader.connection(), AuthorizationId::new(1), selection).map(|rows| rows.len())
    };

    reader.connection().batch_execute("BEGIN").unwrap();
    assert_eq!(list(&mut reader, None), Ok(3));
    client.create_device("d4", "10.0.0.4").await;
    assert!(!is_reset(), "the reader keeps the log");
    // A statement that was not ended would keep the snapshot beyond its transaction.
    assert_eq!(list(&mut reader, Some(Instant::now())), Err(StoreError::StatementTimeout(Cause::default())));
    reader.connection().batch_execute("COMMIT").unwrap();
    client.create_device("d5", "10.0.0.5").await;
    assert!(is_reset());
}
