//! Databases of other versions: newer ones are refused by name, and a vault of each release opens.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::{expect_contents, filled_on};
use crate::support::{Credentials, Program, Service, TestDatabase};

/// Vaults of each release: a folder each, named by its version.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/vaults")
}

const FILES: [&str; 3] = ["vault.sqlite", "root.key", "audit-heads.jsonl"];

/// Writes the vault of this version anew when `CHAVEIRO_UPDATE_FIXTURES` is set.
async fn update_fixture() {
    if std::env::var_os("CHAVEIRO_UPDATE_FIXTURES").is_none() {
        return;
    }
    let (program, server, credentials, _) = filled_on(TestDatabase::sqlite()).await;
    assert_eq!(server.stop().code, 0);
    program.database.run("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    let folder = fixtures().join(env!("CARGO_PKG_VERSION"));
    fs::create_dir_all(&folder).unwrap();
    for name in FILES {
        fs::copy(program.database.dir.path().join(name), folder.join(name)).unwrap();
    }
    let client = json!({ "client_id": credentials.id, "client_secret": credentials.secret });
    fs::write(folder.join("client.json"), format!("{client:#}\n")).unwrap();
}

#[actix_web::test]
async fn a_vault_of_each_release_opens_with_all_of_its_secrets() {
    update_fixture().await;
    let mut versions = 0;
    for folder in fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        versions += 1;
        let program = Program::on(TestDatabase::sqlite());
        let place = program.database.dir.path().to_path_buf();
        for name in FILES {
            fs::copy(folder.join(name), place.join(name)).unwrap();
            fs::set_permissions(place.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let outdated = "a fixture before the first release follows the migrations; see CONTRIBUTING.md";
        let before = fs::read(place.join("vault.sqlite")).unwrap();
        let found = program.run(&["database", "preflight", "--json"]);
        assert_eq!(found.code, 0, "{}: {found:?}; {outdated}", folder.display());
        assert!(fs::read(place.join("vault.sqlite")).unwrap() == before, "the database was changed");
        let found: Value = serde_json::from_str(&found.stdout).unwrap();
        let stored = program.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM secret")[0];
        assert!(stored >= 8 && found["secrets"] == stored, "{found}");
        let client: Value = serde_json::from_slice(&fs::read(folder.join("client.json")).unwrap()).unwrap();
        let text = |name: &str| client[name].as_str().unwrap().to_string();
        let credentials = Credentials { id: text("client_id"), secret: text("client_secret") };
        let server = program.serve();
        expect_contents(&server.client(&credentials).await).await;
        assert_eq!(server.stop().code, 0);
        program.done(&["audit", "verify"]);
    }
    assert!(versions > 0);
}

#[actix_web::test]
async fn a_preflight_names_what_an_upgrade_would_fail_with_and_changes_nothing() {
    let (program, server, _, _) = filled_on(TestDatabase::sqlite()).await;
    assert_eq!(server.stop().code, 0);
    program.database.run("UPDATE secret SET version = 9 WHERE kind = 'information.content'");
    let before = crate::support::contents(&program.database);
    let scratch = tempfile::tempdir().unwrap();
    let found = program.run(&["database", "preflight", "--scratch", scratch.path().to_str().unwrap()]);
    assert!(found.code == 8 && found.stderr.contains("version 9 of information.content"), "{found:?}");
    assert!(crate::support::contents(&program.database) == before);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

/// The newest migration of an engine: its version, and the SQL that reverts it.
fn newest_migration(database: &TestDatabase) -> (String, String) {
    let engine = if database.is_postgresql() { "postgresql" } else { "sqlite" };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let newest = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let name = newest.file_name().unwrap().to_str().unwrap();
    (name.split_once('_').unwrap().0.into(), fs::read_to_string(newest.join("down.sql")).unwrap())
}

/// Each round takes the newest migration back, and kills the program that applies it again a little later than in the one before.
#[actix_web::test]
async fn a_killed_migration_leaves_the_old_or_the_new_state_and_every_secret() {
    const ROUNDS: u32 = 8;
    let (program, server, credentials, _) = filled_on(TestDatabase::new()).await;
    assert_eq!(server.stop().code, 0);
    let (version, down) = newest_migration(&program.database);
    let revert = || {
        let forget = format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}'");
        program.database.run(&format!("{down}; {forget}"));
    };
    revert();
    let started = Instant::now();
    program.done(&["database", "migrate"]);
    let whole = started.elapsed();
    let mut killed = 0;
    for round in 0..ROUNDS {
        revert();
        let mut child = program.command(&["database", "migrate"]).spawn().unwrap();
        tokio::time::sleep(whole * round / ROUNDS).await;
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().code().is_none());
        let server = program.serve();
        expect_contents(&server.client(&credentials).await).await;
        assert_eq!(server.stop().code, 0);
    }
    assert!(killed > 0, "no program was killed before its end");
    program.done(&["audit", "verify"]);
}

#[test]
fn a_preflight_on_postgresql_says_what_to_do_instead() {
    let program = Program::initialised();
    if program.database.is_postgresql() {
        let found = program.run(&["database", "preflight"]);
        assert!(found.code == 4 && found.stderr.contains("chaveiro backup restore"), "{found:?}");
    } else {
        Service::PostgreSql.skip();
    }
}

/// Overwrites a page of a SQLite file.
fn damage(file: &Path, page: i32) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start((u64::try_from(page).unwrap() - 1) * 4096)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
}

#[test]
fn verifying_the_log_of_a_damaged_database_ends_with_4_and_names_what_is_damaged() {
    let parts = [
        ("audit_record", "audit_record"),
        ("audit_chain", "the database"),
        ("data_key", "data_key"),
        ("vault_meta", "vault_meta"),
        ("role", "clients and roles"),
    ];
    for (table, part) in parts {
        let program = Program::on(TestDatabase::sqlite());
        program.create_client("erp");
        program.database.run("PRAGMA wal_checkpoint(TRUNCATE)");
        let page = program.database.numbers(&format!("SELECT rootpage FROM sqlite_master WHERE name = '{table}'"))[0];
        damage(&program.database.dir.path().join("vault.sqlite"), page);
        let finished = program.run(&["audit", "verify"]);
        let last = finished.stderr.lines().last().unwrap();
        assert!(finished.code == 4 && last.contains(part), "{table}: {finished:?}");
    }
    for (sql, part) in [
        ("UPDATE data_key SET wrapped = zeroblob(72) WHERE id = 2", "data key 2"),
        ("UPDATE secret SET sealed = zeroblob(100) WHERE kind = 'token.signing_key'", "signing key"),
    ] {
        let program = Program::on(TestDatabase::sqlite());
        program.done(&["database", "migrate"]);
        program.database.run(sql);
        let finished = program.run(&["audit", "verify"]);
        assert!(finished.code == 4 && finished.stderr.contains(part), "{sql}: {finished:?}");
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused_by_name_and_left_alone() {
    let program = Program::initialised();
    let insert = "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('9999', CURRENT_TIMESTAMP)";
    program.database.run(insert);
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["database", "migrate"], &["database", "check"]] {
        let finished = program.run(command);
        assert!(finished.code == 4 && finished.stderr.contains("newer version"), "{command:?}: {finished:?}");
        assert!(finished.stderr.contains("9999"), "{finished:?}");
    }
}

#[test]
fn a_missing_or_renamed_table_or_column_is_named_at_the_start_and_by_a_check() {
    for (sql, part) in [
        ("ALTER TABLE custody RENAME TO keeping", "table custody"),
        ("ALTER TABLE device RENAME COLUMN vendor TO maker", "device.vendor"),
        ("ALTER TABLE identity DROP COLUMN password", "identity.password"),
    ] {
        let program = Program::initialised();
        program.database.run(sql);
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["database", "check"], &["audit", "verify"]] {
            let finished = program.run(command);
            assert!(finished.code == 4 && finished.stderr.contains(part), "{command:?}: {finished:?}");
        }
    }
}
