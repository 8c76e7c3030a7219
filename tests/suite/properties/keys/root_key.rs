//! A new root key: what each step leaves, and where the key may come from.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::json;

use super::credential;
use crate::support::{Finished, Program, Serving, contents, finish};

const VARIABLE: &str = "CHAVEIRO_ROOT_KEY";

async fn serving() -> (Program, Serving, crate::support::TestClient) {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    client.save_credential(&credential("i0", "secret of i0")).await;
    (program, server, client)
}

fn id(program: &Program) -> String {
    program.json(&["key", "status"])["root_key"]["id"].as_str().unwrap().into()
}

#[actix_web::test]
async fn every_wrapped_key_changes_and_the_former_root_key_is_refused_before_any_write() {
    let (program, server, client) = serving().await;
    let file = program.database.dir.path().join("root.key");
    let (former, before) = (fs::read(&file).unwrap(), id(&program));
    let wrapped = || super::hexadecimal(&program.database, "wrapped", "data_key ORDER BY id");
    let wrapped_before = wrapped();
    let rotated = program.json(&["key", "rotate-root"]);
    assert_eq!((&rotated["to_configure"], rotated["id"] == json!(before)), (&json!(false), false));
    assert_eq!(id(&program), rotated["id"].as_str().unwrap());
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
    let changed = wrapped_before.iter().zip(&wrapped()).filter(|(before, after)| before != after).count();
    assert_eq!((changed, wrapped_before.len()), (2, 2));
    assert!(!file.with_file_name("root.key.next").exists());
    // The running server goes on, also with a data key that it has not seen under the former root key.
    assert_eq!(client.password("i0").await, "secret of i0");
    program.done(&["key", "rotate"]);
    client.save_credential(&credential("i1", "x")).await;
    assert_eq!(client.password("i1").await, "x");
    client.get("/health/ready").await.expect(200);
    server.kill();
    fs::write(&file, &former).unwrap();
    let before = contents(&program.database);
    let refused = program.run(&["key", "status"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert_eq!(program.run(&["serve", "--listen", "127.0.0.1:0"]).code, 3);
    assert!(contents(&program.database) == before, "something was written");
}

#[actix_web::test]
async fn a_crash_between_the_steps_leaves_a_vault_that_starts_with_the_right_key() {
    let (program, server, client) = serving().await;
    server.kill();
    drop(client);
    let directory = program.database.dir.path().to_path_buf();
    let (file, next) = (directory.join("root.key"), directory.join("root.key.next"));
    let former = fs::read_to_string(&file).unwrap();
    let private = |path: &std::path::Path, text: &str| {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    // Staged, or cut off while it was staged, and nothing committed.
    for staged in ["ab".repeat(32), "ab".into(), String::new()] {
        private(&next, &staged);
        program.done(&["audit", "tail"]);
        assert_eq!(fs::read_to_string(&file).unwrap(), former);
    }
    // Committed and not moved.
    program.done(&["key", "rotate-root"]);
    let new = fs::read_to_string(&file).unwrap();
    assert_ne!(new, former);
    private(&next, &new);
    private(&file, &former);
    program.done(&["audit", "tail"]);
    assert_eq!((fs::read_to_string(&file).unwrap(), next.exists()), (new.clone(), false));
    // Moved, and the former file lost altogether.
    fs::rename(&file, &next).unwrap();
    program.done(&["audit", "tail"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), new);
    // A key of neither.
    private(&file, &former);
    private(&next, &"cd".repeat(32));
    assert_eq!(program.run(&["audit", "tail"]).code, 3);
    private(&file, &new);
    program.done(&["audit", "verify"]);
}

#[test]
fn a_root_key_that_was_staged_on_every_node_is_the_one_that_is_used() {
    let program = Program::initialised();
    let next = program.database.dir.path().join("root.key.next");
    let staged = "ab".repeat(32);
    fs::write(&next, &staged).unwrap();
    fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).unwrap();
    program.done(&["key", "rotate-root"]);
    assert_eq!(fs::read_to_string(program.database.dir.path().join("root.key")).unwrap(), staged);
}

#[test]
fn a_root_key_from_the_environment_is_taken_from_the_next_variable_or_a_file() {
    let program = Program::new();
    let run = |key: &str, next: Option<&str>, arguments: &[&str]| -> Finished {
        let mut command = program.command(arguments);
        command.env(VARIABLE, key);
        next.map(|next| command.env("CHAVEIRO_ROOT_KEY_NEXT", next));
        finish(command)
    };
    let keys = ["aa", "bb", "cc"].map(|digits| digits.repeat(32));
    let [first, second, third] = keys.each_ref().map(String::as_str);
    assert_eq!(run(first, None, &["database", "migrate"]).code, 0);
    let missing = run(first, None, &["key", "rotate-root"]);
    assert_eq!(missing.code, 3, "{missing:?}");
    assert!(missing.stderr.contains("CHAVEIRO_ROOT_KEY_NEXT"), "{missing:?}");
    assert_eq!(run(first, Some(first), &["key", "rotate-root"]).code, 3);
    let done = run(first, Some(second), &["key", "rotate-root"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("set the variable CHAVEIRO_ROOT_KEY"), "{done:?}");
    assert_eq!(run(first, None, &["key", "status"]).code, 3);
    // A node that has both starts before and after.
    assert_eq!(run(first, Some(second), &["key", "status"]).code, 0);
    assert_eq!(run(second, None, &["key", "status"]).code, 0);

    let file = program.database.dir.path().join("new-key");
    fs::write(&file, third).unwrap();
    let arguments = ["key", "rotate-root", "--new-key-file", file.to_str().unwrap()];
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run(second, None, &arguments).code, 3, "others may read it");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run(second, None, &arguments).code, 0);
    let status = run(third, None, &["key", "status", "--json"]);
    assert_eq!(status.code, 0);
    for key in [first, second, third] {
        assert!(!status.stdout.contains(key) && !done.stdout.contains(key));
    }
    assert!(!program.database.dir.path().join("root.key").exists());
}
