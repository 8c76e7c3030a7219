//! Restoring on an empty place of either engine.

use std::os::unix::fs::PermissionsExt;

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
