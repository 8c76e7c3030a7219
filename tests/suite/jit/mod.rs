//! Accounts that exist, or can log in, only while custody lasts: on a real directory, database and host.

mod custody;
mod failure;
mod linux;
mod place;
mod postgresql;
mod settings;

use std::time::Duration;

use chaveiro::config::Settings;
use serde_json::{Value, json};

use crate::support::{Answer, BIND_DN, BIND_PASSWORD, LdapServer, TestApp, TestClient, person_dn as dn};

const FIRST: &str = "first-password";
const ACCOUNT: &str = "/iso/pam/credential/temp";
const CUSTODY: &str = "/iso/pam/credential/custody/temp";
const ROTATION: &str = "/iso/pam/credential/temp/rotation";

/// A directory with an account of somebody else, and a vault with the credential of one that exists just in time.
struct Directory {
    server: LdapServer,
    app: TestApp,
    client: TestClient,
}

impl Directory {
    /// Starts both, or says that there is no directory to start.
    async fn start(adjust: impl FnOnce(&mut Settings)) -> Option<Self> {
        let server = LdapServer::with_persons(&["theirs"], FIRST)?;
        let app = TestApp::start_with(|settings| {
            settings.rotation.just_in_time = true;
            adjust(settings);
        })
        .await;
        let client = app.client().await;
        let device = json!({ "hostname": "directory", "ip": "127.0.0.1", "type": "Server", "vendor": "OpenLDAP",
                             "model": "2.6", "site": "Default",
                             "connectivities": format!("LDAPS:{}", server.tls_port()) });
        client.post("/iso/pam/device", &device).await.expect(201);
        let mut operator = credential("operator", BIND_DN);
        operator["content"] = json!(BIND_PASSWORD);
        client.save_credential(&operator).await;
        let directory = Self { server, app, client };
        directory.save("temp", "temp", "creation_and_deletion").await;
        Some(directory)
    }

    /// Saves the credential of an account that exists, or can log in, just in time.
    async fn save(&self, identifier: &str, name: &str, mode: &str) {
        let mut account = credential(identifier, &dn(name));
        account["jit_settings"] = jit_settings(mode, "openldap", BIND_DN, "directory");
        self.client.save_credential(&account).await;
    }

    async fn exists(&self, name: &str) -> bool {
        self.server.has(name).await
    }

    async fn logs_in(&self, name: &str, password: &str) -> bool {
        self.server.lets_in(name, password).await
    }

    /// Reads the credential, which takes custody.
    async fn take(&self) -> String {
        self.client.password("temp").await.as_str().unwrap().to_string()
    }

    async fn release(&self) -> Answer {
        self.client.delete(CUSTODY).await
    }

    /// Decides what becomes of the account.
    async fn decide(&self, decision: &Value) -> Answer {
        self.client.post("/iso/pam/credential/temp/rotation/decision", decision).await
    }

    /// Goes on with what is due.
    async fn run(&self) -> usize {
        self.app.vault.run_due_rotations().await.unwrap()
    }

    /// What is shown of the account.
    async fn account(&self) -> Value {
        self.client.get(ROTATION).await.expect(200)["rotation"]["account"].take()
    }

    async fn advance(&mut self, seconds: u64) {
        self.app.clock.advance(Duration::from_secs(seconds));
        self.app.vault.refresh().await.unwrap();
        self.client = self.client.with_token(&self.client.fetch_token().await);
    }

    /// How often an action was recorded as done.
    async fn count(&self, action: &str) -> usize {
        let records = self.app.records().await;
        records.iter().filter(|record| record.action == action && record.outcome == "ok").count()
    }
}

fn credential(identifier: &str, username: &str) -> Value {
    json!({ "hostname": "directory", "ip": "127.0.0.1", "username": username, "identifier": identifier })
}

/// The settings of an account that exists (`creation_and_deletion`), or can log in (`enable_disable`), just in time.
fn jit_settings(mode: &str, plugin: &str, operator: &str, hostname: &str) -> Value {
    let is_created = mode == "creation_and_deletion";
    let (begin, end) = if is_created { ("creation", "deletion") } else { ("enable", "disable") };
    let mut settings = json!({
        "jit": true, "credential_creation_and_deletion": is_created, "enable_disable_credential": !is_created,
        "use_own_credential_to_connect": false, "authentication_credential": operator,
        "authentication_hostname": hostname, "authentication_ip": "127.0.0.1",
    });
    for step in [begin, end] {
        settings[format!("credential_{step}_plugin")] = json!(plugin);
    }
    settings
}
