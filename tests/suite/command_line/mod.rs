//! The program as its users meet it: what it prints, how it ends, and how soon a running server hears of a change.

mod answer_keys;
mod audit_log;
mod changes;
mod exit_codes;
mod keyfactor;
mod quickstart;

use crate::support::{Credentials, Finished, Program, Serving, TestClient};

/// The command failed with this code, and said why in one sentence that holds no secret.
#[track_caller]
fn expect_complaint(finished: &Finished, code: i32, part: &str) {
    assert_eq!(finished.code, code, "{finished:?}");
    assert_eq!((finished.stdout.as_str(), finished.stderr.lines().count()), ("", 1), "{finished:?}");
    assert!(finished.stderr.starts_with("chaveiro: ") && finished.stderr.contains(part), "{finished:?}");
    assert!(!finished.stderr.contains("hunter2"), "{finished:?}");
}

/// A server with a client.
async fn serving() -> (Program, Serving, Credentials, TestClient) {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    (program, server, credentials, client)
}
