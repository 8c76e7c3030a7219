//! `kill -9` of the program in the middle of rotations.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use reqwest::StatusCode;

use super::{credential, data_keys, holds_value_under};
use crate::support::{Credentials, Program, Serving, TestClient, noticed};

const CREDENTIALS: usize = 400;
const ROUNDS: u64 = 12;

async fn prepared() -> (Program, Credentials, Serving) {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    let save = |number: usize| {
        let client = client.clone();
        async move { save(&client, &format!("i{number}")).await }
    };
    stream::iter(0..CREDENTIALS).map(save).buffer_unordered(8).collect::<()>().await;
    (program, credentials, server)
}

/// Saves a credential; again where a busy machine lets the server wait too long.
async fn save(client: &TestClient, identifier: &str) {
    let sent = credential(identifier, &format!("secret of {identifier}"));
    while client.post("/iso/pam/credential", &sent).await.status == StatusCode::SERVICE_UNAVAILABLE {}
}

async fn assert_readable(client: &TestClient, every: usize) {
    for number in (0..CREDENTIALS).step_by(every) {
        let identifier = format!("i{number}");
        assert_eq!(client.password(&identifier).await, format!("secret of {identifier}"));
    }
}

/// Does what time does: the leases of the killed process run out, and its jobs are due.
fn let_leases_run_out(program: &Program) {
    program.database.run("UPDATE job SET lease_until = 1 WHERE state = 'running'");
    program.database.run("UPDATE job SET due_at = 1 WHERE state = 'queued'");
}

#[actix_web::test]
async fn a_rotation_that_is_killed_again_and_again_goes_on_and_ends() {
    let (program, credentials, mut server) = prepared().await;
    let rotated = program.json(&["key", "rotate"]);
    let (former, current) = (rotated["former"].as_i64().unwrap(), rotated["current"].as_i64().unwrap());
    let mut moved = 0;
    for round in 0..ROUNDS {
        // Not a wait for something: the moment of the blow, at a different step each time.
        actix_web::rt::time::sleep(Duration::from_millis(20 * round)).await;
        server.kill();
        let_leases_run_out(&program);
        let now = program
            .database
            .numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM secret WHERE data_key_id = {current}"))[0];
        assert!(now >= moved, "nothing goes back to the former key");
        moved = now;
        server = program.serve();
        assert_readable(&server.client(&credentials).await, 97).await;
    }
    noticed("the end of the rotation", async || data_keys(&program.database).len() == 1).await;
    assert!(!holds_value_under(&program.database, i32::try_from(former).unwrap()));
    assert_readable(&server.client(&credentials).await, 1).await;
    let ended = program.database.texts("SELECT outcome FROM audit_record WHERE action = 'key.finish-rotation'");
    assert_eq!(ended, ["ok"]);
    program.done(&["audit", "verify"]);
}

#[actix_web::test]
async fn a_rotation_that_no_server_has_begun_is_done_by_the_next_one() {
    let (program, credentials, server) = prepared().await;
    server.kill();
    let_leases_run_out(&program);
    program.done(&["key", "rotate"]);
    assert_eq!(data_keys(&program.database).len(), 2);
    let server = program.serve();
    noticed("the end of the rotation", async || data_keys(&program.database).len() == 1).await;
    assert_readable(&server.client(&credentials).await, 50).await;
}

#[actix_web::test]
async fn a_rotation_of_the_root_key_that_is_killed_at_any_moment_leaves_a_vault_that_starts() {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    client.save_credential(&credential("i0", "secret of i0")).await;
    let mut ids = std::collections::BTreeSet::new();
    for round in 0..20 {
        let mut child = program.command(&["key", "rotate-root"]).spawn().unwrap();
        actix_web::rt::time::sleep(Duration::from_millis(10 * round)).await;
        let _ = child.kill();
        child.wait().unwrap();
        let status = program.json(&["key", "status"]);
        ids.insert(status["root_key"]["id"].as_str().unwrap().to_string());
        assert_eq!(client.get("/iso/pam/credential/i0").await.status, StatusCode::OK);
    }
    program.done(&["key", "rotate-root"]);
    assert!(!ids.is_empty());
    // The running server takes the new root key from its file when it needs it.
    program.done(&["key", "rotate"]);
    client.save_credential(&credential("i1", "secret of i1")).await;
    assert_eq!(client.password("i1").await, "secret of i1");
    server.kill();
    let server = program.serve();
    assert_eq!(server.client(&credentials).await.password("i0").await, "secret of i0");
    program.done(&["audit", "verify"]);
}
