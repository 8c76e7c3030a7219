//! `kill -9` in the middle of a change of an SSH key on a real host, at messages that pass between the two.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rotation::{Gate, Stop, end_lease, let_time_pass, wait_until};
use crate::support::{Program, Serving, Sshd, TestClient};

const KEY: &str = "/iso/pam/key/deploy";
/// Every so many messages are a place to be killed at: SSH has many for each step.
const STEP: usize = 4;

/// The program with an SSH key whose host is behind the gate.
struct Vault {
    program: Program,
    server: Option<Serving>,
    client: TestClient,
    host: Sshd,
}

impl Vault {
    async fn start(host: Sshd, port: u16, private_key: &str) -> Self {
        let program = Program::new();
        let credentials = program.create_client("rotation");
        let server = serve(&program);
        let client = server.client(&credentials).await;
        let device = json!({ "hostname": "host", "ip": "127.0.0.1", "type": "Server", "vendor": "Debian", "model": "12",
                             "site": "Default", "connectivities": format!("SSH:{port}") });
        client.post("/iso/pam/device", &device).await.expect(201);
        let key = json!({ "hostname": "host", "ip": "127.0.0.1", "username": host.username, "identifier": "deploy",
                          "private_key": private_key,
                          "execution_settings": { "change_plugin": "ssh-key", "use_own_credential_to_connect": true } });
        client.post("/iso/pam/key", &key).await.expect(201);
        Self { program, server: Some(server), client, host }
    }

    fn restart(&mut self) {
        self.server.take().unwrap().kill();
        let server = serve(&self.program);
        self.client = self.client.at(server.address);
        self.server = Some(server);
    }

    /// The private key, whose public key has to fit.
    async fn key(&self) -> String {
        let key = self.client.get(KEY).await.expect(200)["key"].take();
        let private = text(&key["private_key"]);
        assert!(text(&key["public_key"]).starts_with(&self.host.public_key(&private, "")), "{}", key["public_key"]);
        private
    }

    /// Whether the change has ended with another key than this.
    async fn has_changed(&self, before: &str) -> bool {
        let rotation = self.client.get(&format!("{KEY}/rotation")).await.expect(200)["rotation"].take();
        rotation["phase"] == json!("idle") && rotation["waiting"] == json!(0) && self.key().await != before
    }
}

/// Serves with the shortest history: what is to be removed from the host must be known for as long as it is there.
fn serve(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__HISTORY__VERSIONS", "1");
    Serving::start(command)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_string()
}

#[actix_web::test]
async fn a_change_of_a_key_that_is_killed_at_any_message_locks_nobody_out_and_completes_once() {
    if crate::support::Service::find_program("ssh-keygen").is_none() {
        return;
    }
    let (first, line) = Sshd::key_pair("ed25519", "", "deploy");
    let Some(host) = Sshd::start(&format!("# of others\n{line}\n")) else { return };
    let gate = Gate::before(host.port).await;
    let mut vault = Vault::start(host, gate.port, &first).await;
    let mut logins = BTreeSet::new();
    for at in (0..).step_by(STEP) {
        let stop = Stop { at, is_delivered: (at / STEP).is_multiple_of(2) };
        let Some(login) = change_and_kill(&mut vault, &gate, stop).await else { break };
        logins.insert(login);
    }
    // The change, the check, and what retires the old key, each with a login of its own. Messages may come as one, but not those
    // that answer another, of which a login has more than are between two kills.
    assert!(logins.len() >= 3, "killed in the logins {logins:?}");
    vault.server.take().unwrap().stop();
    vault.program.done(&["audit", "verify"]);
}

/// Changes the key, kills the program at a message, and lets it go on. Returns the number of the login with that message, if the
/// change has it.
async fn change_and_kill(vault: &mut Vault, gate: &Gate, stop: Stop) -> Option<usize> {
    let before = vault.key().await;
    gate.set(Some(stop));
    vault.client.post(&format!("{KEY}/rotate"), &json!({})).await.expect(201);
    wait_until(async || gate.has_stopped() || vault.has_changed(&before).await).await;
    let login = gate.stopped()?;
    vault.restart();

    // The lease of the killed process still runs, so nothing happens: what is stored now is what a person would find.
    let current = vault.key().await;
    let both = vault.client.get(&format!("{KEY}/rotation/passwords")).await;
    let candidate = match both.status.as_u16() {
        200 => text(&both.json()["unverified"]["candidate"]["private_key"]),
        _ => current.clone(),
    };
    assert!(
        vault.host.lets_in(&current) || vault.host.lets_in(&candidate),
        "{stop:?}: neither key logs in: {}",
        vault.host.authorized_keys()
    );

    gate.set(None);
    end_lease(&vault.program);
    wait_until(async || {
        let_time_pass(&vault.program);
        vault.has_changed(&before).await
    })
    .await;
    assert_eq!(vault.key().await, candidate, "{stop:?}: what was sent is what is in force");
    assert!(vault.host.lets_in(&candidate) && !vault.host.lets_in(&before), "{stop:?}");
    let line = vault.host.public_key(&candidate, "");
    assert_eq!(vault.host.authorized_keys(), format!("# of others\n{line} deploy\n"), "{stop:?}");
    Some(login)
}
