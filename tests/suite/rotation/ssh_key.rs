//! Changes of SSH keys on a real host.

use std::net::TcpListener;
use std::time::Duration;

use chaveiro::config::Settings;
use chaveiro::vault::access::ClientAccess;
use serde_json::{Value, json};

use super::time_of_change;
use crate::support::{Answer, Program, Sshd, TestApp, TestClient, noticed};

const KEY: &str = "/iso/pam/key/erp";
const KEY_ROTATE: &str = "/iso/pam/key/erp/rotate";
const KEY_ROTATION: &str = "/iso/pam/key/erp/rotation";
const KEY_DECISION: &str = "/iso/pam/key/erp/rotation/decision";
const KEYS: &str = "/iso/pam/key/erp/rotation/passwords";
const PASSPHRASE: &str = "the passphrase of the key";

/// A host with an account, and a vault with its SSH key.
struct Host {
    server: Sshd,
    app: TestApp,
    client: TestClient,
    /// The lines of other keys.
    others: String,
    first: String,
    first_public: String,
}

impl Host {
    /// Starts both with a key of this kind, or says that there is no host to start.
    async fn start(kind: &str, passphrase: &str, adjust: impl FnOnce(&mut Settings)) -> Option<Self> {
        crate::support::Service::find_program("ssh-keygen")?;
        let (first, first_public) = Sshd::key_pair(kind, passphrase, "jo@erp");
        let (_, other) = Sshd::key_pair("ed25519", "", "another");
        let others = format!("# of others\nno-pty {other}\n\n");
        let server = Sshd::start(&format!("{others}no-pty {first_public}\n"))?;
        let app = TestApp::start_with(adjust).await;
        let client = app.client().await;
        let device = json!({ "hostname": "host", "ip": "127.0.0.1", "type": "Server", "vendor": "Debian", "model": "12",
                             "site": "Default", "connectivities": format!("SSH:{}", server.port) });
        client.post("/iso/pam/device", &device).await.expect(201);
        let host = Self { server, app, client, others, first, first_public };
        let mut key = host.key("ssh-key");
        key["password"] = json!(passphrase);
        host.client.post("/iso/pam/key", &key).await.expect(201);
        // A restored version is told from the next one by the time.
        host.app.clock.advance(Duration::from_secs(1));
        Some(host)
    }

    fn key(&self, plugin: &str) -> Value {
        json!({ "hostname": "host", "ip": "127.0.0.1", "username": self.server.username, "identifier": "erp",
                "private_key": self.first, "public_key": format!("from=\"127.0.0.1\" {}", self.first_public),
                "execution_settings": { "change_plugin": plugin, "automatic_change": true,
                                        "use_own_credential_to_connect": true } })
    }

    async fn run(&self) -> usize {
        self.app.vault.run_due_rotations().await.unwrap()
    }

    async fn rotation(&self) -> Value {
        self.client.get(KEY_ROTATION).await.expect(200)["rotation"].take()
    }

    async fn rotate(&self) {
        self.client.post(KEY_ROTATE, &json!({})).await.expect(201);
        self.run().await;
        assert_eq!(self.rotation().await["phase"], "idle");
    }

    /// Begins a change, and ends the vault when it has connected to a host that does not answer.
    async fn end_during_a_change(&mut self) {
        self.server.stop();
        let silent = TcpListener::bind(("127.0.0.1", self.server.port)).unwrap();
        silent.set_nonblocking(true).unwrap();
        self.client.post(KEY_ROTATE, &json!({})).await.expect(201);
        let vault = self.app.vault.clone();
        let running = actix_web::rt::spawn(async move { vault.run_due_rotations().await });
        noticed("the connection of the change", async || silent.accept().is_ok()).await;
        running.abort();
        let _ = running.await;
    }

    /// Reads the key, and requires that its parts fit one another.
    async fn read(&self) -> Value {
        self.matching(&self.client.get(KEY).await)
    }

    fn matching(&self, read: &Answer) -> Value {
        let key = read.expect(200)["key"].take();
        let (private, passphrase) = (key["private_key"].as_str().unwrap(), key["password"].as_str().unwrap_or(""));
        let derived = self.server.public_key(private, passphrase);
        assert!(key["public_key"].as_str().unwrap().contains(&derived), "{}", key["public_key"]);
        key
    }

    /// Lets time pass, for a client whose token lives on.
    async fn wait(&mut self, time: Duration) {
        self.app.clock.advance(time);
        self.app.vault.refresh().await.unwrap();
        self.client = self.client.with_token(&self.client.fetch_token().await);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[actix_web::test]
async fn a_key_is_changed_on_its_host_and_then_in_the_vault() {
    let Some(host) = Host::start("ed25519", "", |_| {}).await else { return };
    assert!(host.server.lets_in(&host.first));
    let (before, changed) = (host.read().await, time_of_change(&host.client, "erp").await);
    let requested = host.client.post(KEY_ROTATE, &json!({})).await.expect(201);
    assert_eq!((&requested["rotation"]["phase"], &requested["rotation"]["waiting"]), (&json!("idle"), &json!(1)));
    assert_eq!(host.run().await, 1);

    let after = host.read().await;
    let new = text(&after["private_key"]);
    assert!(new.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n") && new != host.first);
    assert!(host.server.lets_in(new) && !host.server.lets_in(&host.first));
    let line = host.server.public_key(new, "");
    assert_eq!(after["public_key"], format!("from=\"127.0.0.1\" {line} jo@erp"));
    assert_eq!((&after["comment"], &after["password"]), (&json!("jo@erp"), &Value::Null));
    assert_ne!(after["fingerprint"], before["fingerprint"]);
    assert!(time_of_change(&host.client, "erp").await > changed);
    assert_eq!(host.server.authorized_keys(), format!("{}no-pty {line} jo@erp\n", host.others));
    let rotation = host.rotation().await;
    assert_eq!((&rotation["phase"], &rotation["needs_decision"]), (&json!("idle"), &json!(false)));
    let events: Vec<&str> = rotation["events"].as_array().unwrap().iter().rev().map(|e| text(&e["event"])).collect();
    let expected = ["opened", "identity-pinned", "change-started", "change-confirmed", "verified", "finished"];
    assert_eq!(events, expected.map(|event| format!("rotation.{event}")));
    // The next one goes from the generated key.
    host.rotate().await;
    let third = host.read().await;
    assert!(host.server.lets_in(text(&third["private_key"])) && !host.server.lets_in(new));
    host.app.verify_audit().await;
}

#[actix_web::test]
async fn a_key_keeps_its_algorithm_and_its_passphrase_and_an_old_version_gets_its_own_back() {
    let Some(host) = Host::start("ecdsa", PASSPHRASE, |_| {}).await else { return };
    host.rotate().await;
    let after = host.read().await;
    assert_eq!((&after["password"], &after["algorithm"]), (&json!(PASSPHRASE), &json!("ecdsa-sha2-nistp256")));
    assert!(!host.server.lets_in(text(&after["private_key"])), "it is encrypted");
    assert!(host.server.lets_in(&host.server.decrypted(text(&after["private_key"]), PASSPHRASE)));
    let versions = host.client.get("/iso/pam/key/erp/versions").await.expect(200);
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2);
    host.client.post("/iso/pam/key/erp/versions/1/restore", &json!({})).await.expect(201);
    let restored = host.read().await;
    assert_eq!((text(&restored["private_key"]), &restored["password"]), (host.first.as_str(), &json!(PASSPHRASE)));
}

#[actix_web::test]
async fn versions_are_kept_while_a_change_is_open_and_the_history_is_short() {
    let Some(mut host) = Host::start("ed25519", "", |settings| settings.history.versions = 1).await else { return };
    host.server.stop();
    host.client.post(KEY_ROTATE, &json!({})).await.expect(201);
    host.run().await;
    assert_eq!(host.rotation().await["phase"], "unreachable");
    host.wait(Duration::from_secs(1)).await;
    let (saved, public) = Sshd::key_pair("ed25519", "", "");
    let sent = json!({ "identifier": "erp", "private_key": saved, "public_key": public });
    host.client.post("/iso/pam/key", &sent).await.expect(201);
    host.client.post(KEY_DECISION, &json!({ "decision": "keep-current" })).await.expect(201);
    host.client.post(&format!("{KEY}/versions/1/restore"), &json!({})).await.expect(201);
    assert_eq!(host.read().await["private_key"], host.first);
    // Once it has ended, the history is as long as the settings say.
    host.client.get(&format!("{KEY}/versions/1")).await.expect(400);
}

#[actix_web::test]
async fn the_replaced_key_is_kept_until_the_host_does_not_know_it_any_more() {
    let Some(host) = Host::start("ed25519", PASSPHRASE, |settings| settings.history.versions = 1).await else { return };
    host.rotate().await;
    let after = host.read().await;
    assert!(host.server.lets_in(&host.server.decrypted(text(&after["private_key"]), PASSPHRASE)));
    assert!(!host.server.lets_in(&host.server.decrypted(&host.first, PASSPHRASE)));
    let versions = host.client.get("/iso/pam/key/erp/versions").await.expect(200);
    assert_eq!(versions["versions"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_key_that_was_saved_meanwhile_is_replaced_with_its_passphrase_and_can_be_restored_with_it() {
    let Some(mut host) = Host::start("ed25519", PASSPHRASE, |_| {}).await else { return };
    host.server.stop();
    host.client.post(KEY_ROTATE, &json!({})).await.expect(201);
    host.run().await;
    assert_eq!(host.rotation().await["phase"], "unreachable");
    host.wait(Duration::from_secs(1)).await;
    let (saved, public) = Sshd::key_pair("ed25519", "another passphrase", "");
    let sent =
        json!({ "identifier": "erp", "private_key": saved, "public_key": public, "password": "another passphrase" });
    host.client.post("/iso/pam/key", &sent).await.expect(201);
    assert_eq!(host.read().await["private_key"], saved);
    host.client.post(KEY_DECISION, &json!({ "decision": "accept-candidate" })).await.expect(201);
    let candidate = host.read().await;
    assert!(candidate["private_key"] != saved && candidate["password"] == PASSPHRASE);
    for (version, key, passphrase) in [(3, &saved, "another passphrase"), (1, &host.first.clone(), PASSPHRASE)] {
        host.client.post(&format!("{KEY}/versions/{version}/restore"), &json!({})).await.expect(201);
        let restored = host.read().await;
        assert_eq!((text(&restored["private_key"]), text(&restored["password"])), (key.as_str(), passphrase));
        host.wait(Duration::from_secs(1)).await;
    }
}

#[actix_web::test]
async fn a_host_that_cannot_be_reached_keeps_its_key_until_it_is_back() {
    let Some(mut host) = Host::start("ed25519", PASSPHRASE, |_| {}).await else { return };
    host.rotate().await;
    let before = host.read().await;
    assert_eq!(host.client.get(KEY).await.header("password-state"), None);
    host.client.get(KEYS).await.expect(400);
    host.server.stop();
    host.client.post(KEY_ROTATE, &json!({})).await.expect(201);
    host.run().await;
    assert_eq!(host.rotation().await["phase"], "unreachable");
    let read = host.client.get(KEY).await;
    assert_eq!((read.header("password-state"), host.matching(&read)), (Some("unverified"), before.clone()));
    let refused = host.client.get("/iso/pam/key/erp?fail_on_change=true").await;
    assert_eq!(refused.status.as_u16(), 409);
    assert!(!refused.text.contains("PRIVATE KEY"));

    // Both keys are there for whom may write, until a person decides.
    let both = host.client.get(KEYS).await.expect(200)["unverified"].take();
    assert_eq!(both["current"], json!({ "private_key": before["private_key"], "password": PASSPHRASE }));
    let candidate = both["candidate"].clone();
    assert_eq!(candidate["password"], PASSPHRASE);
    host.server.public_key(text(&candidate["private_key"]), PASSPHRASE);
    let reader = host.app.client_with(|request| request.access = ClientAccess::ReadOnly).await;
    reader.get(KEYS).await.expect_number(1039);

    // After a restart the host is back.
    host.app = host.app.restart().await;
    host.server.serve();
    host.client = host.client.at(host.app.address);
    host.wait(Duration::from_secs(3600)).await;
    assert_eq!(host.run().await, 1);
    assert_eq!(host.rotation().await["phase"], "idle");
    let after = host.read().await;
    assert_eq!(after["private_key"], candidate["private_key"]);
    assert!(host.server.lets_in(&host.server.decrypted(text(&after["private_key"]), PASSPHRASE)));
    assert!(!host.server.lets_in(&host.server.decrypted(text(&before["private_key"]), PASSPHRASE)));
    host.client.get("/iso/pam/key/erp?fail_on_change=true").await.expect(200);
}

#[actix_web::test]
async fn a_vault_that_ends_during_a_change_goes_on_with_the_same_candidate() {
    let Some(mut host) = Host::start("ed25519", "", |_| {}).await else { return };
    host.rotate().await;
    let before = host.read().await;
    host.end_during_a_change().await;

    assert_eq!(host.rotation().await["phase"], "changing");
    let read = host.client.get(KEY).await;
    assert_eq!((read.header("password-state"), host.matching(&read)), (Some("unverified"), before.clone()));
    let candidate = host.client.get(KEYS).await.expect(200)["unverified"]["candidate"]["private_key"].take();
    host.server.serve();
    // First it finds that the current key is in force, and then it sends the candidate once more.
    for phase in ["candidate-stored", "idle"] {
        host.wait(Duration::from_secs(3600)).await;
        host.run().await;
        assert_eq!(host.rotation().await["phase"], phase);
    }
    assert_eq!(host.read().await["private_key"], candidate);
    assert!(host.server.lets_in(text(&candidate)) && !host.server.lets_in(text(&before["private_key"])));
}

#[actix_web::test]
async fn what_a_change_replaces_is_retired_and_not_what_was_saved_since() {
    let Some(mut host) = Host::start("ed25519", "", |_| {}).await else { return };
    // The vault ends when it has sent the change, and before it knows of the answer.
    host.rotate().await;
    let before = host.read().await;
    host.end_during_a_change().await;
    let candidate = host.client.get(KEYS).await.expect(200)["unverified"]["candidate"]["private_key"].take();
    let line = |key: &Value| host.server.public_key(text(key), "");
    let (old, new) = (line(&before["private_key"]), line(&candidate));
    // Meanwhile a person saves a key that is on the host too.
    let (saved, saved_line) = Sshd::key_pair("ed25519", "", "saved");
    host.wait(Duration::from_secs(1)).await;
    let sent = json!({ "identifier": "erp", "private_key": saved, "public_key": saved_line, "password": "" });
    host.client.post("/iso/pam/key", &sent).await.expect(201);
    assert_eq!(host.read().await["private_key"], saved);

    host.server.set_authorized_keys(&format!("{old}\n{saved_line}\n{new}\n"));
    host.server.serve();
    host.wait(Duration::from_secs(3600)).await;
    host.run().await;
    assert_eq!(host.rotation().await["phase"], "idle");
    assert_eq!(host.read().await["private_key"], candidate);
    assert_eq!(host.server.authorized_keys(), format!("{saved_line}\n{new}\n"));
    host.app.verify_audit().await;
}

#[actix_web::test]
async fn a_key_is_changed_when_it_reaches_its_age() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let Some(mut host) = Host::start("ed25519", "", |settings| settings.rotation.after_days = 30).await else { return };
    host.rotate().await;
    let before = host.read().await;
    host.wait(DAY * 31).await;
    host.app.vault.schedule_jobs().await.unwrap();
    host.app.vault.run_due_jobs().await.unwrap();
    assert_eq!(host.run().await, 1);
    let after = host.read().await;
    assert!(after["private_key"] != before["private_key"] && host.server.lets_in(text(&after["private_key"])));
}

#[actix_web::test]
async fn a_plugin_changes_secrets_of_its_kind_alone() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("host", "127.0.0.1").await;
    let save = async |key: &str, plugin: Value| {
        let mut sent = json!({ "hostname": "host", "ip": "127.0.0.1", "username": "erp", "identifier": "erp",
                               "private_key": key });
        sent["execution_settings"] = json!({ "change_plugin": plugin });
        client.post("/iso/pam/key", &sent).await
    };
    let key = include_str!("../fixtures/ssh/ed25519");
    save(key, Value::Null).await.expect(201);
    client.post(KEY_ROTATE, &json!({})).await.expect_refusal(400, "change_plugin");
    for plugin in ["linux-password", "no such plugin"] {
        save(key, json!(plugin)).await.expect(201);
        client.post(KEY_ROTATE, &json!({})).await.expect_refusal(400, "change_plugin");
    }
    save(key, json!("SSH-key")).await.expect(201);
    client.post(KEY_ROTATE, &json!({})).await.expect(201);
    save(include_str!("../fixtures/ssh/rsa"), json!("ssh-key")).await.expect(201);
    client.post(KEY_ROTATE, &json!({})).await.expect_refusal(400, "private_key");
    let parent = json!({ "identifier": "erp", "execution_settings": { "parent_credential": "u", "parent_hostname": "host",
                         "parent_ip": "127.0.0.1" } });
    client.post("/iso/pam/key", &parent).await.expect_refusal(400, "parent");

    let mut password = json!({ "hostname": "host", "ip": "127.0.0.1", "username": "u", "identifier": "password",
                               "content": "first" });
    password["execution_settings"] = json!({ "change_plugin": "ssh-key" });
    client.save_credential(&password).await;
    client.post("/iso/pam/credential/password/rotate", &json!({})).await.expect_refusal(400, "change_plugin");
    // Each kind has routes of its own.
    client.post("/iso/pam/credential/erp/rotate", &json!({})).await.expect(400);
    client.post("/iso/pam/key/password/rotate", &json!({})).await.expect(400);
    client.get("/iso/pam/credential/erp/rotation").await.expect(400);
    client.post("/iso/pam/key/nothing/rotate", &json!({})).await.expect(400);
}

#[actix_web::test]
async fn the_operator_has_a_key_changed_and_decides_by_the_commands_of_credentials() {
    let Some(mut host) = Host::start("ed25519", "", |_| {}).await else { return };
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = program.serve();
    let client = server.client(&credentials).await;
    let device = json!({ "hostname": "host", "ip": "127.0.0.1", "type": "Server", "vendor": "Debian", "model": "12",
                         "site": "Default", "connectivities": format!("SSH:{}", host.server.port) });
    client.post("/iso/pam/device", &device).await.expect(201);
    client.post("/iso/pam/key", &host.key("ssh-key")).await.expect(201);
    let requested = program.json(&["credential", "rotate", "erp"]);
    assert_eq!(requested["credential"], json!(1));
    noticed("the new key", async || {
        let rotation = program.json(&["credential", "rotation", "erp"]);
        rotation["phase"] == "idle" && rotation["changed_at"].is_string()
    })
    .await;
    let new = client.get(KEY).await.expect(200)["key"]["private_key"].take();
    assert!(host.server.lets_in(text(&new)) && !host.server.lets_in(&host.first));
    let decided = program.run(&["credential", "decide", "erp", "--decision", "retry"]);
    assert!(decided.code == 1 && decided.stderr.contains("does not allow this decision"), "{decided:?}");
    let unknown = program.run(&["credential", "rotate", "nothing"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");

    host.server.stop();
    program.json(&["credential", "rotate", "erp"]);
    noticed("the host that is gone", async || {
        program.json(&["credential", "rotation", "erp"])["phase"] == "unreachable"
    })
    .await;
    let log = server.stop().stderr;
    assert!(log.contains("rotation of credential:1: the target cannot be reached: "), "{log}");
}
