//! The program as users run it: output, exit codes, audit records, and how soon a running server notices a change.

mod arguments;
mod audit_log;
mod changes;
mod client;
mod client_key;
mod environment;
mod exit_codes;
mod expiry;
mod identity;
mod issuer;
mod key;
mod manual;
mod private_files;
mod quickstart;
mod response_key;
mod signals;
mod signing_key;
mod static_token;
mod template;
mod text_rules;
mod transfer;

use serde_json::{Value, json};

use crate::support::{Credentials, Finished, Program, Serving, TestClient};

/// Asserts that the command failed with this code and printed one sentence that holds no secret.
#[track_caller]
fn expect_complaint(finished: &Finished, code: i32, part: &str) {
    assert_eq!(finished.code, code, "{finished:?}");
    assert_eq!((finished.stdout.as_str(), finished.stderr.lines().count()), ("", 1), "{finished:?}");
    assert!(finished.stderr.starts_with("chaveiro: ") && finished.stderr.contains(part), "{finished:?}");
    assert!(!finished.stderr.contains("hunter2"), "{finished:?}");
}

/// Returns the newest audit record of a command other than looking at the audit log.
/// A server beside it writes merged failures later, so its own may be newer.
fn last_record(program: &Program) -> Value {
    let records = program.json(&["audit", "tail", "-n", "50"]);
    let of_command = |record: &&Value| record["actor"] == "command-line" && record["action"] != "audit.read";
    let found = records.as_array().unwrap().iter().rfind(of_command);
    found.expect("a record").clone()
}

/// Asserts that the command failed with code 1 and a message, and left a record of the action with the reason.
#[track_caller]
fn expect_recorded_failure(program: &Program, arguments: &[&str], part: &str, action: &str, reason: &str) {
    expect_complaint(&program.run(arguments), 1, part);
    let record = last_record(program);
    let seen = (&record["actor"], &record["action"], &record["outcome"]);
    assert_eq!(seen, (&json!("command-line"), &json!(action), &json!(reason)), "{arguments:?}");
}

/// A server with a client.
async fn serving() -> (Program, Serving, Credentials, TestClient) {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    (program, server, credentials, client)
}
