//! Changes of passwords on a real directory, and of SSH keys on a real host.

mod decision;
mod figures;
mod place;
mod policy;
mod request;
mod shared;
mod ssh_key;
mod template;
mod workers;

use chaveiro::config::Settings;
use serde_json::{Value, json};

use crate::support::{BIND_DN, BIND_PASSWORD, LdapServer, TestApp, TestClient, person_dn as dn};

const FIRST: &str = "first-password";
const ROTATE: &str = "/iso/pam/credential/erp/rotate";
const ROTATION: &str = "/iso/pam/credential/erp/rotation";
const DECISION: &str = "/iso/pam/credential/erp/rotation/decision";
const PASSWORDS: &str = "/iso/pam/credential/erp/rotation/passwords";

/// A directory with an account, and a vault with its credential and that of the directory's administrator.
struct Directory {
    server: LdapServer,
    app: TestApp,
    client: TestClient,
}

impl Directory {
    /// Starts both, or says that there is no directory to start.
    async fn start(adjust: impl FnOnce(&mut Settings)) -> Option<Self> {
        let server = LdapServer::with_persons(&["erp", "neighbour", "third"], FIRST)?;
        let app = TestApp::start_with(adjust).await;
        let client = app.client().await;
        let connectivities = format!("LDAPS:{}", server.tls_port());
        let device = json!({ "hostname": "directory", "ip": "127.0.0.1", "type": "Server", "vendor": "OpenLDAP",
                             "model": "2.6", "site": "Default", "connectivities": connectivities });
        client.post("/iso/pam/device", &device).await.expect(201);
        client.save_credential(&credential("operator", BIND_DN, BIND_PASSWORD)).await;
        let mut account = credential("erp", &dn("erp"), FIRST);
        account["execution_settings"] = execution_settings("directory");
        client.save_credential(&account).await;
        Some(Self { server, app, client })
    }

    /// Names the administrator of this device again, for the place where the account is now.
    async fn name_operator(&self, hostname: &str) {
        let account = json!({ "hostname": "directory", "ip": "127.0.0.1", "username": dn("erp"), "identifier": "erp",
                              "execution_settings": execution_settings(hostname) });
        self.client.save_credential(&account).await;
    }

    /// Whether an account of the directory logs in.
    async fn logs_in(&self, name: &str, password: &str) -> bool {
        self.server.lets_in(name, password).await
    }

    /// Goes on with what is due.
    async fn run(&self) -> usize {
        self.app.vault.run_due_rotations().await.unwrap()
    }

    async fn rotation(&self) -> Value {
        self.client.get(ROTATION).await.expect(200)["rotation"].take()
    }

    async fn password(&self) -> String {
        self.client.password("erp").await.as_str().unwrap().to_string()
    }

    /// Changes the password as a person asks for it.
    async fn rotate(&self) {
        self.client.post(ROTATE, &json!({})).await.expect(201);
        self.run().await;
        assert_eq!(self.rotation().await["phase"], "idle");
    }

    /// The events of the rotation, oldest first.
    async fn events(&self) -> Vec<String> {
        let rotation = self.rotation().await;
        let events = rotation["events"].as_array().unwrap().iter().rev();
        events.map(|event| event["event"].as_str().unwrap().to_string()).collect()
    }
}

fn credential(identifier: &str, username: &str, content: &str) -> Value {
    json!({ "hostname": "directory", "ip": "127.0.0.1", "username": username, "identifier": identifier,
            "content": content })
}

/// The settings of an account that the administrator of this device changes.
fn execution_settings(hostname: &str) -> Value {
    json!({
        "change_plugin": "openldap", "automatic_change": true, "use_own_credential_to_connect": false,
        "authentication_credential": BIND_DN, "authentication_hostname": hostname, "authentication_ip": "127.0.0.1",
    })
}

/// The time at which a credential or an SSH key was changed, as lists show it.
async fn time_of_change(client: &TestClient, identifier: &str) -> String {
    let list = client.get("/iso/pam/credential").await.expect(200);
    let mut credentials = list["credentials"].as_array().unwrap().iter();
    let listed = credentials.find(|credential| credential["identifier"] == identifier).unwrap();
    listed["change"].as_str().unwrap().to_string()
}
