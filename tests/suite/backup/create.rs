//! Making a backup, and what is in it.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use super::{Recovery, expect_everything, filled};
use crate::support::{Service, TestDatabase, finish, program};

#[actix_web::test]
async fn a_backup_is_private_recorded_and_not_overwritten() {
    let recovery = Recovery::new();
    let (program, _server, _, _) = filled().await;
    let made = recovery.back_up(&program, "a.age");
    let file = recovery.path("a.age");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(std::fs::metadata(recovery.path("recovery.key")).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(made["rows"].as_u64().unwrap() > 30, "{made}");
    let records = program.json(&["audit", "tail", "-n", "50"]);
    let found = records.as_array().unwrap().iter().rfind(|record| record["action"] == "backup.create").unwrap();
    assert_eq!((&found["actor"], &found["outcome"]), (&json!("command-line"), &json!("ok")));

    let before = std::fs::read(&file).unwrap();
    let again = ["backup", "create", "--recipient", &recovery.recipient, "--output", &recovery.text("a.age")];
    let finished = program.run(&again);
    assert!(finished.code == 1 && finished.stderr.contains("never overwritten"), "{finished:?}");
    assert!(std::fs::read(&file).unwrap() == before);
    let left: Vec<_> =
        std::fs::read_dir(recovery.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let nobody = program.run(&["backup", "create", "--output", &recovery.text("b.age")]);
    assert!(nobody.code == 1 && nobody.stderr.contains("at least one recipient"), "{nobody:?}");
    let wrong = program.run(&["backup", "create", "--recipient", "age1x", "--output", &recovery.text("b.age")]);
    assert!(wrong.code == 2 && !recovery.path("b.age").exists(), "{wrong:?}");
}

#[actix_web::test]
async fn a_verified_backup_opens_every_secret_and_verifies_the_log() {
    let recovery = Recovery::new();
    let (program, _server, _, _) = filled().await;
    let made = recovery.back_up(&program, "a.age");
    let verified = recovery.verify("a.age");
    for member in ["created_at", "vault_id", "rows", "schema_version"] {
        assert_eq!(made[member], verified[member], "{member}");
    }
    let secrets = program.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM secret")[0];
    assert!(secrets >= 8 && verified["secrets"] == secrets, "{verified}");
    let chains = verified["chains"].as_array().unwrap();
    assert!(chains.len() >= 2 && chains.iter().all(|chain| chain["records"].as_i64().unwrap() > 0), "{verified}");
}

#[actix_web::test]
async fn no_secret_is_readable_in_a_backup_and_none_lies_beside_it() {
    let recovery = Recovery::new();
    let (program, _server, credentials, _) = filled().await;
    recovery.back_up(&program, "a.age");
    let bytes = std::fs::read(recovery.path("a.age")).unwrap();
    for text in ["a note", "JBSWY3DPEHPK3PXP", &credentials.secret, "PRIVATE KEY", "erp", "data_key"] {
        let found = bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!found, "{text}");
    }
}

#[actix_web::test]
async fn the_program_age_opens_a_backup_and_makes_keys_for_it() {
    let (Some(age), Some(keygen)) = (Service::find_program("age"), Service::find_program("age-keygen")) else { return };
    let recovery = Recovery::new();
    let (program, _server, _, _) = filled().await;
    let mut make = Command::new(keygen);
    make.arg("-o").arg(recovery.path("other.key"));
    let made = finish(make);
    let other = made.stderr.trim().strip_prefix("Public key: ").unwrap();
    let output = recovery.text("a.age");
    program.done(&["backup", "create", "--recipient", &recovery.recipient, "--recipient", other, "--output", &output]);
    for key in ["recovery.key", "other.key"] {
        let mut open = Command::new(&age);
        open.arg("-d").arg("-i").arg(recovery.path(key)).arg(&output);
        let opened = finish(open);
        assert_eq!(opened.code, 0, "{}", opened.stderr);
        assert!(opened.stdout.starts_with("{\"format\":\"chaveiro-backup\",\"format_version\":1,"), "{key}");
        assert!(opened.stdout.lines().last().unwrap().starts_with("{\"end\":{"), "{key}");
        assert!(!opened.stdout.contains("a note"), "secrets stay sealed");
        let identity = recovery.text(key);
        let verified = finish(self::program(&["backup", "verify", &output, "--identity", &identity]));
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}

#[actix_web::test]
async fn a_backup_of_a_log_that_was_pruned_verifies_and_restores() {
    let recovery = Recovery::new();
    let (program, server, credentials, client) = filled().await;
    let records = program.json(&["audit", "tail", "-n", "1"]);
    let archive = recovery.text("archive.jsonl");
    let prune = |time: &str| program.run(&["audit", "prune", "--before", time, "--archive", &archive]);
    assert_eq!((prune("2999-01-01").code, prune("soon").code), (2, 2));
    let pruned = prune(records[0]["at"].as_str().unwrap());
    assert!(pruned.code == 0 && !pruned.stdout.starts_with("0 records"), "{pruned:?}");
    program.done(&["audit", "verify"]);
    recovery.back_up(&program, "a.age");
    recovery.verify("a.age");
    drop(server);
    let restored = recovery.restore("a.age", TestDatabase::new());
    expect_everything(&restored, &credentials, &client).await;
}
