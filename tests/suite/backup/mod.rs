//! Backups, with the program as users run it: made under load, verified, restored on either engine with the recovery key alone.

mod create;
mod damage;
mod drill;
mod leftovers;
mod load;
mod restore;
mod upgrade;

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Credentials, Program, Serving, TestClient, TestDatabase, finish, program};

/// A recovery key in a directory of its own, where backups are written too.
struct Recovery {
    dir: TempDir,
    recipient: String,
}

impl Recovery {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = finish(program(&["backup", "key", "--output", dir.path().join("recovery.key").to_str().unwrap()]));
        assert_eq!(made.code, 0, "{made:?}");
        Self { recipient: made.stdout.trim().into(), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The path as an argument.
    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().into()
    }

    fn key(&self) -> String {
        self.text("recovery.key")
    }

    /// Makes a backup of this name.
    #[track_caller]
    fn back_up(&self, program: &Program, name: &str) -> Value {
        program.json(&["backup", "create", "--recipient", &self.recipient, "--output", &self.text(name)])
    }

    /// Verifies a backup, without a vault.
    #[track_caller]
    fn verify(&self, name: &str) -> Value {
        let verified = finish(program(&["backup", "verify", &self.text(name), "--identity", &self.key(), "--json"]));
        assert_eq!(verified.code, 0, "{verified:?}");
        serde_json::from_str(&verified.stdout).unwrap()
    }

    /// Restores a backup into a new place.
    #[track_caller]
    fn restore(&self, name: &str, database: TestDatabase) -> Program {
        let program = Program::on(database);
        let said = program.done(&["backup", "restore", &self.text(name), "--identity", &self.key()]);
        assert!(said.contains("recovery point: 20"), "{said}");
        program
    }
}

/// A vault that serves, with secrets of several kinds, versions and custody.
async fn filled() -> (Program, Serving, Credentials, TestClient) {
    filled_on(TestDatabase::new()).await
}

async fn filled_on(database: TestDatabase) -> (Program, Serving, Credentials, TestClient) {
    let program = Program::on(database);
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    client.create_device("a", "10.0.0.1").await;
    let credential = |identifier: &str, content: &str| json!({ "hostname": "a", "ip": "10.0.0.1", "username": identifier, "identifier": identifier, "content": content });
    for content in ["one", "two", "three é\u{1f511}\"\\"] {
        client.save_credential(&credential("i", content)).await;
    }
    let mut with_totp = credential("t", "four");
    with_totp["additional_settings"] = json!({ "secret_key": "JBSWY3DPEHPK3PXP" });
    client.save_credential(&with_totp).await;
    // A child with a lower id than its parent.
    client.save_credential(&credential("c", "of its own")).await;
    let parent = client.save_credential(&credential("p", "shared")).await;
    let mut child = credential("c", "");
    child.as_object_mut().unwrap().remove("content");
    child["parent_password"] = json!(parent);
    client.save_credential(&child).await;
    let private = include_str!("../fixtures/ssh/ed25519");
    let key = json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": private });
    client.post("/iso/pam/key", &key).await.expect(201);
    client.post("/iso/pam/info", &json!({ "identifier": "n", "content": "a note" })).await.expect(201);
    client.password("t").await;
    (program, server, credentials, client)
}

/// Asserts that a restored vault serves everything to the client of before, by its old token and by its secret.
async fn expect_everything(program: &Program, credentials: &Credentials, before: &TestClient) {
    let server = program.serve();
    let again = server.client(credentials).await;
    let old = before.at(server.address);
    for client in [&again, &old] {
        expect_contents(client).await;
    }
    // New objects get new ids and new versions.
    let credential =
        json!({ "hostname": "a", "ip": "10.0.0.1", "username": "i", "identifier": "i", "content": "four" });
    again.save_credential(&credential).await;
    assert_eq!(again.password("i").await, "four");
    again.create_device("b", "10.0.0.2").await;
    assert_eq!(server.stop().code, 0);
    program.done(&["audit", "verify"]);
    program.done(&["database", "check"]);
}

/// Asserts what a client of [`filled`] reads.
async fn expect_contents(client: &TestClient) {
    assert_eq!(client.password("i").await, "three é\u{1f511}\"\\");
    let read = client.get("/iso/pam/credential/i/versions/1").await.expect(200);
    assert_eq!(read["version"]["content"], "one");
    let key = client.get("/iso/pam/key/k").await.expect(200)["key"]["private_key"].clone();
    assert_eq!(key, include_str!("../fixtures/ssh/ed25519"));
    assert_eq!(client.password("c").await, "shared");
    assert_eq!(client.get("/iso/pam/credential/t/totp").await.expect(200)["totp"]["code"].as_str().unwrap().len(), 6);
    assert_eq!(client.get("/iso/pam/info/n").await.expect(200)["info"]["content"], "a note");
}
