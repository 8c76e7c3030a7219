//! Restoring on an empty place of either engine.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use url::Url;

use super::{Recovery, expect_everything, filled, filled_on};
use crate::support::{Program, TestDatabase, finish, program};

#[actix_web::test]
async fn a_restored_vault_serves_with_the_recovery_key_alone() {
    let recovery = Recovery::new();
    let (program, server, credentials, client) = filled().await;
    recovery.back_up(&program, "a.age");
    drop((server, program));
    let restored = recovery.restore("a.age", TestDatabase::new());
    let key = restored.database.dir.path().join("root.key");
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o7777, 0o600);
    expect_everything(&restored, &credentials, &client).await;
    let records = restored.json(&["audit", "tail", "-n", "100"]);
    assert!(records.as_array().unwrap().iter().any(|record| record["action"] == "backup.restore"), "{records}");
}

#[actix_web::test]
async fn a_backup_moves_a_vault_between_the_engines_and_back() {
    let recovery = Recovery::new();
    let (program, server, credentials, client) = filled().await;
    if !program.database.is_postgresql_or_skip() {
        return;
    }
    recovery.back_up(&program, "postgresql.age");
    drop((server, program));
    let on_sqlite = recovery.restore("postgresql.age", TestDatabase::sqlite());
    recovery.back_up(&on_sqlite, "sqlite.age");
    expect_everything(&on_sqlite, &credentials, &client).await;
    let back = recovery.restore("sqlite.age", TestDatabase::new());
    assert!(back.database.is_postgresql());
    expect_everything(&back, &credentials, &client).await;
}

#[actix_web::test]
async fn a_vault_of_sqlite_moves_to_the_other_engine() {
    let recovery = Recovery::new();
    let (program, server, credentials, client) = filled_on(TestDatabase::sqlite()).await;
    recovery.back_up(&program, "a.age");
    drop((server, program));
    let restored = recovery.restore("a.age", TestDatabase::new());
    expect_everything(&restored, &credentials, &client).await;
    recovery.back_up(&restored, "b.age");
    recovery.verify("b.age");
}

#[actix_web::test]
async fn a_place_that_is_not_empty_is_left_alone() {
    let recovery = Recovery::new();
    let (program, server, _, _) = filled().await;
    recovery.back_up(&program, "a.age");
    drop(server);
    let restore = ["backup", "restore", &recovery.text("a.age"), "--identity", &recovery.key()];
    let before = crate::support::contents(&program.database);
    let finished = program.run(&restore);
    assert!(finished.code == 1 && finished.stderr.contains("empty place"), "{finished:?}");
    assert!(crate::support::contents(&program.database) == before);
    // A used database, from another directory.
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = self::program(&restore);
    command.arg("--data-dir").arg(elsewhere.path().join("new")).arg("--database-url").arg(&program.url);
    let finished = finish(command);
    assert!(finished.code == 1 && finished.stderr.contains("empty place"), "{finished:?}");
    assert!(!elsewhere.path().join("new").exists());
    // A directory with anything in it.
    let other = Program::new();
    std::fs::write(other.database.dir.path().join("notes.txt"), "").unwrap();
    let finished = other.run(&restore);
    assert!(finished.code == 1 && finished.stderr.contains("is not empty"), "{finished:?}");
}

#[actix_web::test]
async fn a_wrong_identity_is_named_and_leaves_nothing() {
    let (recovery, stranger) = (Recovery::new(), Recovery::new());
    let (program, _server, _, _) = filled().await;
    recovery.back_up(&program, "a.age");
    let target = Program::new();
    for command in ["verify", "restore"] {
        let finished = target.run(&["backup", command, &recovery.text("a.age"), "--identity", &stranger.key()]);
        assert!(finished.code == 1 && finished.stderr.contains("of none of the recipients"), "{finished:?}");
        let finished = target.run(&["backup", command, &recovery.text("a.age"), "--identity", &recovery.text("a.age")]);
        assert!(finished.code == 1 && finished.stderr.contains("a.age"), "{finished:?}");
    }
    assert_eq!(std::fs::read_dir(target.database.dir.path()).unwrap().count(), 0);
}

/// Forwards connections to a PostgreSQL server. The one that commits a restore is cut when the server has answered the commit.
fn cut_at_commit(server: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = server.to_string();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let is_restore = Arc::new(AtomicBool::new(false));
            let is_committed = Arc::new(AtomicBool::new(false));
            let forward = |mut from: TcpStream, mut to: TcpStream, from_client: bool| {
                let (is_restore, is_committed) = (Arc::clone(&is_restore), Arc::clone(&is_committed));
                std::thread::spawn(move || {
                    let mut buffer = [0; 1 << 16];
                    while let Ok(read) = from.read(&mut buffer) {
                        if read == 0 || !from_client && is_committed.load(Ordering::SeqCst) {
                            break;
                        }
                        let has = |text: &[u8]| buffer[..read].windows(text.len()).any(|part| part == text);
                        if from_client && has(b"LOCK TABLE vault_meta") {
                            is_restore.store(true, Ordering::SeqCst);
                        }
                        if from_client && has(b"COMMIT") && is_restore.load(Ordering::SeqCst) {
                            is_committed.store(true, Ordering::SeqCst);
                        }
                        if to.write_all(&buffer[..read]).is_err() {
                            break;
                        }
                    }
                    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                });
            };
            forward(client.try_clone().unwrap(), server.try_clone().unwrap(), true);
            forward(server, client, false);
        }
    });
    address
}

#[actix_web::test]
async fn a_restore_whose_commit_is_not_confirmed_keeps_the_root_key() {
    let database = TestDatabase::new();
    if !database.is_postgresql_or_skip() {
        return;
    }
    let recovery = Recovery::new();
    let (source, server, credentials, client) = filled().await;
    recovery.back_up(&source, "a.age");
    drop(server);
    let mut url = Url::parse(&database.url).unwrap();
    let direct = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
    let proxy = cut_at_commit(&direct);
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.port())).unwrap();
    let mut program = Program::on(database);
    let direct = std::mem::replace(&mut program.url, url.into());
    let restored = program.run(&["backup", "restore", &recovery.text("a.age"), "--identity", &recovery.key()]);
    assert!(restored.code != 0 && restored.stderr.contains("whether it was is unknown"), "{restored:?}");
    assert!(program.database.dir.path().join("root.key").exists());
    program.url = direct;
    expect_everything(&program, &credentials, &client).await;
}
