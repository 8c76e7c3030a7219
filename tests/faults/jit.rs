//! `kill -9` while an account is created for a client, or removed after it, at each message that passes between vault and directory.

use serde_json::json;

use crate::rotation::{Gate, Stop, wait_until};
use crate::support::{BIND_DN, BIND_PASSWORD, LdapServer, Program, Serving, TestClient, person_dn};

const UID: &str = "temp";
const ACCOUNT: &str = "/iso/pam/credential/temp";
const CUSTODY: &str = "/iso/pam/credential/custody/temp";

/// The program with the credential of an account that exists just in time, in a directory behind the gate.
struct Vault {
    program: Program,
    server: Option<Serving>,
    client: TestClient,
    directory: LdapServer,
    gate: Gate,
}

impl Vault {
    async fn start(directory: LdapServer) -> Self {
        let port = directory.plain_url().rsplit_once(':').unwrap().1.parse().unwrap();
        let gate = Gate::before(port).await;
        let program = Program::new();
        let credentials = program.create_client("just-in-time");
        let server = serve(&program);
        let client = server.client(&credentials).await;
        let device = json!({ "hostname": "directory", "ip": "127.0.0.1", "type": "Server", "vendor": "OpenLDAP",
                             "model": "2.6", "site": "Default", "connectivities": format!("LDAP:{}", gate.port) });
        client.post("/iso/pam/device", &device).await.expect(201);
        let credential = |identifier: &str, username: &str| json!({ "hostname": "directory", "ip": "127.0.0.1", "username": username, "identifier": identifier });
        let mut operator = credential("operator", BIND_DN);
        operator["content"] = json!(BIND_PASSWORD);
        client.save_credential(&operator).await;
        let mut account = credential("temp", &person_dn(UID));
        account["jit_settings"] = json!({
            "jit": true, "credential_creation_and_deletion": true, "use_own_credential_to_connect": false,
            "authentication_credential": BIND_DN, "authentication_hostname": "directory",
            "authentication_ip": "127.0.0.1", "credential_creation_plugin": "openldap",
        });
        client.save_credential(&account).await;
        Self { program, server: Some(server), client, directory, gate }
    }

    fn kill_and_restart(&mut self) {
        self.server.take().unwrap().kill();
        let server = serve(&self.program);
        self.client = self.client.at(server.address);
        self.server = Some(server);
    }

    /// Lets the lease of the killed process and every pause end.
    fn let_time_pass(&self) {
        self.program.database.run(
            "UPDATE jit_account SET changed_at = 1 WHERE state = 'present';
             UPDATE job SET due_at = 1 WHERE kind = 'jit.account' AND state = 'queued'",
        );
    }

    fn end_lease(&self) {
        self.program.database.run("UPDATE job SET lease_until = 1 WHERE kind = 'jit.account' AND state = 'running'");
    }

    fn is_held(&self) -> bool {
        self.program.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM custody")[0] > 0
    }

    fn state(&self) -> String {
        self.program.database.texts("SELECT state FROM jit_account").pop().unwrap_or_default()
    }

    async fn exists(&self) -> bool {
        self.directory.has(UID).await
    }

    async fn logs_in(&self, password: &str) -> bool {
        self.directory.lets_in(UID, password).await
    }

    /// Lets the directory be reached again, and waits until the account is gone.
    async fn is_removed(&self, stop: Stop) {
        self.gate.set(None);
        self.end_lease();
        wait_until(async || {
            self.let_time_pass();
            self.state() == "absent"
        })
        .await;
        assert!(!self.exists().await, "{stop:?}: an orphan");
    }
}

fn serve(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHAVEIRO__ROTATION__OPTIONS", "openldap.tls=off").env("CHAVEIRO__ROTATION__JUST_IN_TIME", "true");
    Serving::start(command)
}

#[actix_web::test]
async fn an_account_whose_vault_is_killed_at_any_message_is_in_custody_or_removed() {
    let Some(directory) = LdapServer::with_persons(&[], "") else { return };
    let mut vault = Vault::start(directory).await;
    let (mut creations, mut removals) = (0, 0);
    for is_removal in [false, true] {
        for at in 0.. {
            let mut has_stopped = false;
            for is_delivered in [false, true] {
                let stop = Stop { at, is_delivered };
                has_stopped |= if is_removal {
                    remove_and_kill(&mut vault, stop).await
                } else {
                    create_and_kill(&mut vault, stop).await
                };
            }
            if !has_stopped {
                break;
            }
            *(if is_removal { &mut removals } else { &mut creations }) += 2;
        }
    }
    // Login, entry and password; login, look and deletion: each with its answer.
    assert!(creations >= 12 && removals >= 12, "{creations} and {removals} kills");
    vault.server.take().unwrap().stop();
    vault.program.done(&["audit", "verify"]);
}

/// Takes custody, and kills the program at a message. Returns whether the creation has that message.
async fn create_and_kill(vault: &mut Vault, stop: Stop) -> bool {
    vault.gate.set(Some(stop));
    let client = vault.client.clone();
    let request = client.request(reqwest::Method::GET, ACCOUNT);
    let mut reading = actix_web::rt::spawn(async move { request.send().await.map(|answer| answer.status().as_u16()) });
    wait_until(async || vault.gate.has_stopped() || reading.is_finished()).await;
    let has_stopped = vault.gate.has_stopped();
    if !has_stopped {
        assert_eq!((&mut reading).await.unwrap().unwrap(), 200, "{stop:?}");
    }
    vault.kill_and_restart();
    reading.abort();
    if vault.is_held() {
        // The last messages end the connection, after the answer to the client.
        vault.gate.set(None);
        let password = vault.client.password("temp").await;
        assert!(vault.logs_in(password.as_str().unwrap()).await, "{stop:?}");
        vault.client.delete(CUSTODY).await.expect(200);
    }
    vault.is_removed(stop).await;
    has_stopped
}

/// Releases custody, and kills the program at a message. Returns whether the removal has that message.
async fn remove_and_kill(vault: &mut Vault, stop: Stop) -> bool {
    vault.gate.set(None);
    let password = vault.client.password("temp").await;
    vault.gate.set(Some(stop));
    vault.client.delete(CUSTODY).await.expect(200);
    wait_until(async || vault.gate.has_stopped() || vault.state() == "absent").await;
    let has_stopped = vault.gate.has_stopped();
    vault.kill_and_restart();
    vault.is_removed(stop).await;
    assert!(!vault.logs_in(password.as_str().unwrap()).await, "{stop:?}");
    has_stopped
}
