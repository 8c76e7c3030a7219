//! The client commands, against a server.

mod exec;
mod get;
mod login;
mod tls;
mod token_cache;

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Credentials, Finished, Program, Serving, TestClient, finish, noticed, program};

const PASSWORD: &str = "hunter2 päss'word\"";
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// A server with items of every kind, and a user with a login.
struct Vault {
    program: Program,
    server: Serving,
    client: TestClient,
    credentials: Credentials,
    home: TempDir,
}

impl Vault {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A vault with these settings of the server.
    async fn with(settings: &[(&str, &str)]) -> Self {
        let program = Program::new();
        let credentials = program.create_client("erp");
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        let server = Serving::start({
            command.envs(settings.iter().copied());
            command
        });
        let client = server.client(&credentials).await;
        client.create_device("erp-01", "10.0.0.1").await;
        let account = |username: &str| json!({ "hostname": "erp-01", "ip": "10.0.0.1", "username": username });
        let mut sent = account("svc_erp");
        sent["identifier"] = json!("erp-batch");
        sent["content"] = json!(PASSWORD);
        sent["additional_settings"] = json!({ "secret_key": SEED });
        client.save_credential(&sent).await;
        sent = account("root");
        sent["content"] = json!("hunter2-root");
        client.save_credential(&sent).await;
        sent = account("git");
        sent["identifier"] = json!("deploy");
        sent["private_key"] = json!(include_str!("../../fixtures/ssh/ed25519"));
        client.post("/iso/pam/key", &sent).await.expect(201);
        sent = json!({ "identifier": "licence", "name": "Licence", "content": "hunter2\nsecond line\n" });
        client.post("/iso/pam/info", &sent).await.expect(201);
        Self { program, server, client, credentials, home: tempfile::tempdir().unwrap() }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// A client command without a login.
    fn anonymous(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin").env("CHAVEIRO_URL", self.url());
        command
    }

    /// A client command with the login of the client.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.anonymous(arguments);
        command.env("CHAVEIRO_CLIENT_ID", &self.credentials.id).env("CHAVEIRO_CLIENT_SECRET", &self.credentials.secret);
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Finished {
        finish(self.command(arguments))
    }

    /// What a command prints that has to work without a word on standard error.
    #[track_caller]
    fn prints(&self, arguments: &[&str]) -> String {
        let finished = self.run(arguments);
        assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{arguments:?}: {finished:?}");
        finished.stdout
    }

    /// The outcomes of the records of an action by the client.
    fn records(&self, action: &str) -> Vec<String> {
        let select = format!("SELECT outcome FROM audit_record WHERE action = '{action}' ORDER BY seq");
        self.program.database.texts(&select)
    }

    /// The directory of cached tokens.
    fn cache(&self) -> PathBuf {
        self.home.path().join(".cache/chaveiro")
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().into()
    }

    /// A read-only client with a static token that sees the device.
    async fn static_token(&self) -> String {
        let create = ["authorization", "create", "--application", "erp", "--resource", "pam-core"];
        let options = ["--access", "read-only", "--allow-ip", "127.0.0.1"];
        let made: Value = self.program.json(&[&create[..], &options].concat());
        let id = made["client_id"].as_str().unwrap();
        self.program.done(&["authorization", "link", "--client-id", id, "--device", "erp-01"]);
        let created = self.program.json(&["authorization", "create-token", "--client-id", id, "--name", "x"]);
        let token = created["token"].as_str().unwrap();
        let client = self.client.with_token(token);
        noticed("a new token", async || client.get("/iso/pam/item/erp-batch").await.status == 200).await;
        token.into()
    }
}

/// Asserts that a client command failed with one sentence that holds no secret.
#[track_caller]
fn expect_complaint(finished: &Finished, code: i32, part: &str) {
    super::expect_complaint(finished, code, part);
    assert!(!finished.stderr.contains("chv_") && !finished.stderr.contains("cht_"), "{finished:?}");
}
