//! A damaged backup is an error with its own exit code, and never a panic or a vault.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use reqwest::Method;
use serde_json::json;

use super::{Recovery, filled};
use crate::support::{Program, finish, program};

#[actix_web::test]
async fn a_flipped_bit_or_a_missing_end_anywhere_ends_verify_with_8() {
    let recovery = Recovery::new();
    let (source, _server, _, _) = filled().await;
    recovery.back_up(&source, "a.age");
    let whole = std::fs::read(recovery.path("a.age")).unwrap();
    let verify = |bytes: &[u8]| {
        std::fs::write(recovery.path("damaged.age"), bytes).unwrap();
        let file = recovery.text("damaged.age");
        finish(program(&["backup", "verify", &file, "--identity", &recovery.key()]))
    };
    assert_eq!(verify(&whole).code, 0);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let strategy = (any::<prop::sample::Index>(), 0u8..8, any::<bool>());
    let result = runner.run(&strategy, |(index, bit, is_cut)| {
        let position = index.index(whole.len());
        let mut bytes = whole.clone();
        if is_cut {
            bytes.truncate(position);
        } else {
            bytes[position] ^= 1 << bit;
        }
        let finished = verify(&bytes);
        // A changed stanza of the header is one for somebody else.
        let is_stranger = finished.code == 1 && position < 120 && finished.stderr.contains("of none of the recipients");
        prop_assert!(is_stranger || finished.code == 8, "byte {position}: {finished:?}");
        prop_assert!(!finished.stderr.contains("panic") && finished.stdout.is_empty(), "{finished:?}");
        Ok(())
    });
    result.unwrap();
    let longer = [whole.as_slice(), b"x"].concat();
    assert_eq!(verify(&longer).code, 8);
}

#[actix_web::test]
async fn a_damaged_backup_restores_nothing() {
    let recovery = Recovery::new();
    let (source, _server, _, _) = filled().await;
    recovery.back_up(&source, "a.age");
    let whole = std::fs::read(recovery.path("a.age")).unwrap();
    std::fs::write(recovery.path("cut.age"), &whole[..whole.len() - 10]).unwrap();
    let target = Program::new();
    let finished = target.run(&["backup", "restore", &recovery.text("cut.age"), "--identity", &recovery.key()]);
    assert!(finished.code == 8 && finished.stderr.contains("damaged"), "{finished:?}");
    assert_eq!(std::fs::read_dir(target.database.dir.path()).unwrap().count(), 0);
    // The same place takes a whole one afterwards.
    target.done(&["backup", "restore", &recovery.text("a.age"), "--identity", &recovery.key()]);
}

#[actix_web::test]
async fn what_was_damaged_in_the_database_is_named() {
    let damages = [
        (
            "UPDATE secret SET owner_id = 99 WHERE kind = 'credential.password' AND version = 2",
            "credential.password of",
        ),
        ("UPDATE secret_head SET current_version = 1 WHERE highest_version = 3", "credential.password of"),
        ("UPDATE secret SET state = 'current' WHERE version = 2", "has two current versions"),
        ("DELETE FROM secret WHERE kind = 'ssh_key.private_key'", "ssh_key.private_key of"),
        ("UPDATE audit_record SET actor = 'x' WHERE seq = 2", "record 2"),
        ("DELETE FROM audit_record WHERE seq = 3", "record 3"),
        ("UPDATE idempotency SET result = replace(result, 'bytes', 'octets')", "a stored result of authorization"),
        (
            "UPDATE idempotency SET authorization_id = 1, result = replace(result, 'bytes\":\"01', 'bytes\":\"02')",
            "a stored result",
        ),
    ];
    for (sql, part) in damages {
        let recovery = Recovery::new();
        let (source, server, _, client) = filled().await;
        let used = client.request(Method::POST, "/iso/pam/use").header("Idempotency-Key", "key-1");
        client.send(used.json(&json!({ "identifier": "i" }))).await.expect(200);
        assert_eq!(server.stop().code, 0);
        source.database.run(sql);
        recovery.back_up(&source, "a.age");
        let file = recovery.text("a.age");
        let finished = finish(program(&["backup", "verify", &file, "--identity", &recovery.key()]));
        assert!(finished.code == 8 && finished.stderr.contains(part), "{sql}: {finished:?}");
    }
}
