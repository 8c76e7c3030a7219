//! The login of another credential goes only to the place for which somebody who sees that credential named it: a client that sees the
//! account alone moves, renames and redirects it in vain.

use std::time::Duration;

use serde_json::{Value, json};

use super::{DECISION, Directory, FIRST, ROTATE, credential, dn};
use crate::support::{BIND_DN, LdapServer, TestClient, Trap, outsider, save_directory};

const REFUSED: &str = "authentication_credential";

/// A directory whose administrator is a credential that its other client does not see.
struct Shared {
    directory: Directory,
    /// A client that sees the account and its device, and not the administrator.
    other: TestClient,
}

impl Shared {
    async fn start() -> Option<Self> {
        let directory = Directory::start(|_| {}).await?;
        let other = outsider(&directory.app, &directory.client).await;
        let shared = Self { directory, other };
        shared.name_again().await;
        Some(shared)
    }

    /// Names the administrator, as somebody who sees it.
    async fn name_again(&self) {
        self.directory.name_operator("console").await;
    }

    /// Saves the account as the other client, with these members in place of the stored ones.
    async fn save(&self, members: Value) {
        let mut account =
            json!({ "hostname": "directory", "ip": "127.0.0.1", "username": dn("erp"), "identifier": "erp" });
        account.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.other.save_credential(&account).await;
    }

    /// Saves a device as the other client.
    async fn save_device(&self, hostname: &str, ip: &str, port: u16) {
        save_directory(&self.other, hostname, ip, port).await;
    }

    /// Saves an account of the other client's own on the directory, which changes its own password.
    async fn save_own(&self) {
        let mut own = credential("neighbour", &dn("neighbour"), FIRST);
        own["execution_settings"] = json!({ "change_plugin": "openldap", "use_own_credential_to_connect": true });
        self.other.save_credential(&own).await;
    }

    async fn rotate(&self, identifier: &str) -> Value {
        self.other.post(&format!("/iso/pam/credential/{identifier}/rotate"), &json!({})).await.expect(201);
        self.directory.run().await;
        let path = format!("/iso/pam/credential/{identifier}/rotation");
        self.other.get(&path).await.expect(200)["rotation"].take()
    }

    /// Expects that a change that was requested before ends without a word to its target, and that another one is refused.
    async fn expect_refused(&self) {
        self.directory.run().await;
        let rotation = self.directory.rotation().await;
        assert_eq!(rotation["problem"], "place-changed", "{rotation}");
        assert_eq!(rotation["needs_decision"], true, "{rotation}");
        self.other.post(ROTATE, &json!({})).await.expect_refusal(400, REFUSED);
        self.other.post(DECISION, &json!({ "decision": "retry" })).await.expect(201);
        self.directory.run().await;
        assert_eq!(self.directory.rotation().await["problem"], "place-changed");
        assert_eq!(self.directory.password().await, FIRST);
    }

    /// Names the administrator again, and expects that the account is changed.
    async fn expect_mended(&self) {
        self.name_again().await;
        self.directory.client.post(DECISION, &json!({ "decision": "retry" })).await.expect(201);
        self.directory.run().await;
        let rotation = self.directory.rotation().await;
        assert_eq!(rotation["phase"], "idle", "{rotation}");
        assert!(self.directory.logs_in("erp", &self.directory.password().await).await);
        self.directory.rotate().await;
    }
}

#[actix_web::test]
async fn an_account_that_a_client_moves_to_its_own_device_is_not_changed_there() {
    let Some(shared) = Shared::start().await else { return };
    let trap = Trap::set("127.0.0.1");
    shared.other.post(ROTATE, &json!({})).await.expect(201);
    shared.save_device("evil", "127.0.0.1", trap.port()).await;
    shared.save(json!({ "hostname": "evil" })).await;
    shared.expect_refused().await;
    trap.expect_silence();
    shared.expect_mended().await;
    shared.directory.app.verify_audit().await;
}

#[actix_web::test]
async fn an_account_that_a_client_renames_gets_no_password_of_another_one() {
    let Some(shared) = Shared::start().await else { return };
    shared.other.post(ROTATE, &json!({})).await.expect(201);
    shared.save(json!({ "username": dn("neighbour") })).await;
    shared.expect_refused().await;
    assert!(shared.directory.logs_in("neighbour", FIRST).await && shared.directory.logs_in("erp", FIRST).await);
    shared.expect_mended().await;
}

#[actix_web::test]
async fn a_device_that_a_client_redirects_is_not_logged_in_to() {
    let Some(shared) = Shared::start().await else { return };
    let trap = Trap::set("127.0.0.2");
    shared.other.post(ROTATE, &json!({})).await.expect(201);
    shared.save_device("directory", "127.0.0.2", trap.port()).await;
    shared.expect_refused().await;
    trap.expect_silence();
    // Who names the administrator once more does not know that the port is another one.
    shared.save_device("directory", "127.0.0.1", trap.port()).await;
    shared.name_again().await;
    shared.other.post(ROTATE, &json!({})).await.expect_refusal(400, REFUSED);
    trap.expect_silence();
    shared.save_device("directory", "127.0.0.1", shared.directory.server.tls_port()).await;
    shared.expect_mended().await;
}

#[actix_web::test]
async fn an_identity_that_another_account_was_the_first_to_meet_proves_nothing() {
    let Some(shared) = Shared::start().await else { return };
    let Some(evil) = LdapServer::with_persons(&["erp", "neighbour"], FIRST) else { return };
    shared.directory.rotate().await;
    let password = shared.directory.password().await;
    shared.save_device("directory", "127.0.0.1", evil.tls_port()).await;
    shared.save_own().await;
    // It may not set its own password there, but its host is known from now on.
    assert_eq!(shared.rotate("neighbour").await["problem"], "denied");
    assert_eq!(shared.directory.app.database.texts("SELECT service FROM target_identity").len(), 2);
    shared.other.post(ROTATE, &json!({})).await.expect_refusal(400, REFUSED);
    assert!(evil.lets_in("erp", FIRST).await && shared.directory.logs_in("erp", &password).await);
}

#[actix_web::test]
async fn another_plugin_or_template_is_not_run_with_the_login() {
    let Some(shared) = Shared::start().await else { return };
    for settings in
        [json!({ "change_plugin": "http" }), json!({ "change_plugin": "LDAP", "change_template": "theirs" })]
    {
        shared.save(json!({ "execution_settings": settings })).await;
        let refused = shared.other.post(ROTATE, &json!({})).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        shared.save(json!({ "execution_settings": { "change_template": "" } })).await;
    }
    shared.save(json!({ "execution_settings": { "change_plugin": "OpenLDAP" } })).await;
    shared.directory.rotate().await;
    shared.save(json!({ "domain": "" })).await;
    shared.directory.rotate().await;
}

#[actix_web::test]
async fn who_sees_the_other_credential_moves_the_account_along_with_its_login() {
    let Some(shared) = Shared::start().await else { return };
    let mut renamed = credential("erp", &dn("third"), FIRST);
    renamed["connectivities"] = json!(format!("LDAPS:{}", shared.directory.server.tls_port()));
    shared.directory.client.save_credential(&renamed).await;
    shared.directory.rotate().await;
    assert!(shared.directory.logs_in("third", &shared.directory.password().await).await);
    assert!(shared.directory.logs_in("erp", FIRST).await);
}

#[actix_web::test]
async fn an_address_that_an_inventory_changes_needs_the_identity_that_is_known_there() {
    let Some(shared) = Shared::start().await else { return };
    let port = shared.directory.server.tls_port();
    shared.save_device("directory", "localhost", port).await;
    shared.other.post(ROTATE, &json!({})).await.expect_refusal(400, REFUSED);
    shared.save_device("directory", "127.0.0.1", port).await;
    assert_eq!(shared.rotate("erp").await["phase"], "idle");
    shared.save_device("directory", "localhost", port).await;
    for _ in 0..2 {
        let before = shared.directory.password().await;
        assert_eq!(shared.rotate("erp").await["phase"], "idle");
        let password = shared.directory.password().await;
        assert!(password != before && shared.directory.logs_in("erp", &password).await);
    }
}

#[actix_web::test]
async fn only_who_sees_the_other_credential_trusts_another_identity() {
    let Some(shared) = Shared::start().await else { return };
    shared.save_own().await;
    shared.directory.rotate().await;
    let identity = shared.directory.app.database.texts("SELECT identity FROM target_identity").remove(0);
    let trust = json!({ "decision": "trust-identity", "identity": identity });
    shared.directory.app.database.run("UPDATE target_identity SET identity = 'SHA256:another'");
    for identifier in ["erp", "neighbour"] {
        assert_eq!(shared.rotate(identifier).await["problem"], "identity-changed");
        let path = format!("/iso/pam/credential/{identifier}/rotation/decision");
        shared.other.post(&path, &trust).await.expect_refusal(400, "decision");
    }
    let pinned = shared.directory.app.database.texts("SELECT identity FROM target_identity");
    assert_eq!(pinned, ["SHA256:another"]);
    shared.directory.client.post(DECISION, &trust).await.expect(201);
    shared.directory.run().await;
    assert_eq!(shared.directory.rotation().await["phase"], "idle");
}

#[actix_web::test]
async fn a_credential_that_reconciles_stays_at_its_place_too() {
    let Some(mut shared) = Shared::start().await else { return };
    let mut account = credential("erp", &dn("erp"), "not the password");
    account["execution_settings"] = json!({
        "use_own_credential_to_connect": true, "authentication_credential": "", "status": true,
        "reconciliation_credential": BIND_DN, "reconciliation_hostname": "console",
        "reconciliation_ip": "127.0.0.1",
    });
    shared.directory.client.save_credential(&account).await;
    shared.save_device("mirror", "127.0.0.1", shared.directory.server.tls_port()).await;
    shared.save(json!({ "hostname": "mirror" })).await;
    shared.other.post(ROTATE, &json!({})).await.expect(201);
    for _ in 0..8 {
        shared.directory.run().await;
        shared.directory.app.clock.advance(Duration::from_secs(4 * 3600));
        shared.directory.app.vault.refresh().await.unwrap();
    }
    shared.directory.client = shared.directory.client.with_token(&shared.directory.client.fetch_token().await);
    let rotation = shared.directory.rotation().await;
    assert_eq!((&rotation["phase"], &rotation["problem"]), (&json!("needs-reconcile"), &json!("place-changed")));
    assert!(shared.directory.logs_in("erp", FIRST).await);
}

#[actix_web::test]
async fn an_ssh_key_that_a_client_moves_is_not_changed_there() {
    let Some(shared) = Shared::start().await else { return };
    let mut key = json!({
        "hostname": "directory", "ip": "127.0.0.1", "username": "jo", "identifier": "key",
        "private_key": include_str!("../fixtures/ssh/ed25519"),
        "execution_settings": {
            "change_plugin": "ssh-key", "use_own_credential_to_connect": false, "authentication_credential": BIND_DN,
            "authentication_hostname": "console", "authentication_ip": "127.0.0.1",
        },
    });
    shared.directory.client.post("/iso/pam/key", &key).await.expect(201);
    let renamed = json!({ "identifier": "key", "username": "root" });
    shared.other.post("/iso/pam/key", &renamed).await.expect(201);
    shared.other.post("/iso/pam/key/key/rotate", &json!({})).await.expect_refusal(400, REFUSED);
    key["username"] = json!("root");
    shared.directory.client.post("/iso/pam/key", &key).await.expect(201);
    shared.other.post("/iso/pam/key/key/rotate", &json!({})).await.expect(201);
}
