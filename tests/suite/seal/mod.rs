//! The root key in shares, or from a program: what a sealed server answers, and how it is opened.

mod command;
mod pkcs11;
mod routes;
mod shares;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Credentials, Finished, Program, Serving, finish_with_input};

const SHARES: usize = 5;
const THRESHOLD: usize = 3;

/// A vault with a credential of a client. Its root key is in the file.
async fn vault() -> (Program, Credentials) {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    let credential =
        json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "kept" });
    client.save_credential(&credential).await;
    server.stop();
    (program, credentials)
}

/// The same, with the root key in shares alone.
async fn split_vault() -> (Program, Credentials, Vec<String>) {
    let (program, credentials) = vault().await;
    let shares = split(&program, &["--remove"]);
    assert!(!root_key(&program).exists());
    (program, credentials, shares)
}

/// Splits the root key.
#[track_caller]
fn split(program: &Program, options: &[&str]) -> Vec<String> {
    let (shares, threshold) = (SHARES.to_string(), THRESHOLD.to_string());
    let command = ["key", "split", "--shares", &shares, "--threshold", &threshold];
    let printed = program.done(&[&command[..], options].concat());
    let shares: Vec<String> = printed.lines().map(String::from).collect();
    assert_eq!(shares.len(), SHARES);
    assert!(shares.iter().all(|share| share.starts_with("chv-share1") && share.len() == 85), "{shares:?}");
    shares
}

fn root_key(program: &Program) -> PathBuf {
    program.database.dir.path().join("root.key")
}

/// Enters a text at the server.
async fn enter(server: &Serving, text: &str) -> crate::support::Answer {
    server.anonymous().post("/unseal", &json!({ "share": text })).await
}

fn sealed(progress: usize) -> Value {
    json!({ "sealed": true, "threshold": THRESHOLD, "shares": SHARES, "progress": progress })
}

/// `chaveiro unseal` with these lines on its standard input.
fn unseal(server: &Serving, lines: &[&str]) -> Finished {
    let command = crate::support::program(&["unseal", "--url", &format!("http://{}", server.address)]);
    finish_with_input(command, lines.join("\n").as_bytes())
}

/// Waits until the server of the open vault serves, and reads the password of the vault.
async fn expect_open(server: &Serving, credentials: &Credentials) {
    wait_until_open(server);
    let client = server.client(credentials).await;
    assert_eq!(client.password("i").await, "kept");
    client.get("/health/ready").await.expect(200);
    let seal = client.get("/unseal").await.expect(200);
    assert_eq!(seal, json!({ "sealed": false }));
}

/// Waits for the line of the log of the open vault, the second one of a server that was sealed.
#[track_caller]
fn wait_until_open(server: &Serving) {
    server.stderr.wait_for("the shares give the root key", std::time::Duration::from_secs(60)).unwrap();
    let opened = format!("] serving on http://{}", server.address);
    while !server.stderr.text().contains(&opened) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
