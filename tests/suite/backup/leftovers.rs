//! No vault is made where another one has left its root key or its heads.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Program, TestDatabase};

/// Takes the database away from a vault, and leaves its directory. Returns the empty database that it has instead.
fn without_database(program: &mut Program) -> Option<TestDatabase> {
    if program.database.is_postgresql() {
        let other = TestDatabase::new();
        program.url.clone_from(&other.url);
        return Some(other);
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(program.database.dir.path().join(format!("vault.sqlite{suffix}")));
    }
    None
}

#[test]
fn beside_a_root_key_or_heads_without_a_database_no_vault_is_made() {
    let mut program = Program::initialised();
    let _empty = without_database(&mut program);
    let dir = program.database.dir.path().to_path_buf();
    for (kept, removed) in [("root.key", "audit-heads.jsonl"), ("audit-heads.jsonl", "root.key")] {
        std::fs::write(dir.join("audit-heads.jsonl"), "").unwrap();
        let saved = std::fs::read(dir.join(removed)).unwrap();
        std::fs::remove_file(dir.join(removed)).unwrap();
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["quickstart"], &["database", "migrate"]] {
            let finished = program.run(command);
            assert!(finished.code == 1 && finished.stderr.contains("--init"), "{command:?}: {finished:?}");
            assert!(finished.stderr.contains(kept), "{finished:?}");
        }
        assert!(!dir.join(removed).exists() && !dir.join("vault.sqlite").exists());
        std::fs::write(dir.join(removed), saved).unwrap();
        std::fs::set_permissions(dir.join(removed), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    program.done(&["database", "migrate", "--init"]);
    program.done(&["database", "check"]);
}

#[test]
fn a_first_start_that_was_interrupted_goes_on() {
    let program = Program::new();
    let dir = program.database.dir.path();
    // As the first start leaves it between the root key and the database.
    std::fs::write(dir.join("first-start"), "").unwrap();
    std::fs::write(dir.join("root.key"), "ab".repeat(32)).unwrap();
    std::fs::set_permissions(dir.join("root.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    program.done(&["database", "migrate"]);
    program.done(&["database", "check"]);
    assert!(!dir.join("first-start").exists());
}
