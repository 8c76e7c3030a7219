//! The operator of an account logs in only where somebody who sees it named it: a client that sees the account alone moves, renames and
//! redirects it in vain.

use serde_json::{Value, json};

use super::{ACCOUNT, Directory, credential, dn, jit_settings};
use crate::support::{BIND_DN, TestClient, Trap, outsider, save_directory};

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
        let mut account = credential("temp", &dn("temp"));
        account["jit_settings"] = jit_settings("creation_and_deletion", "openldap", BIND_DN, "console");
        self.directory.client.save_credential(&account).await;
    }

    /// Saves the account as the other client, with these members in place of the stored ones.
    async fn save(&self, members: Value) {
        let mut account = credential("temp", &dn("temp"));
        account.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.other.save_credential(&account).await;
    }

    /// Saves a device as the other client.
    async fn save_device(&self, hostname: &str, ip: &str, port: u16) {
        save_directory(&self.other, hostname, ip, port).await;
    }

    /// Expects that no custody is taken, and that it is once somebody who sees the administrator names it.
    async fn expect_refused_until_it_is_named_again(&self) {
        self.other.get(ACCOUNT).await.expect_refusal(400, REFUSED);
        assert!(self.directory.account().await.is_null());
        self.name_again().await;
        assert!(self.directory.logs_in("temp", &self.directory.take().await).await);
    }
}

#[actix_web::test]
async fn an_account_that_a_client_moves_to_its_own_device_is_not_created_there() {
    let Some(shared) = Shared::start().await else { return };
    let trap = Trap::set("127.0.0.1");
    shared.save_device("evil", "127.0.0.1", trap.port()).await;
    shared.save(json!({ "hostname": "evil" })).await;
    shared.expect_refused_until_it_is_named_again().await;
    trap.expect_silence();
}

#[actix_web::test]
async fn an_account_that_a_client_renames_is_not_created() {
    let Some(shared) = Shared::start().await else { return };
    shared.save(json!({ "username": dn("renamed") })).await;
    shared.expect_refused_until_it_is_named_again().await;
    assert!(!shared.directory.exists("renamed").await);
}

#[actix_web::test]
async fn an_account_that_a_client_lets_be_enabled_in_place_of_created_is_neither() {
    let Some(shared) = Shared::start().await else { return };
    let settings = json!({ "jit": true, "credential_creation_and_deletion": false, "enable_disable_credential": true,
                           "credential_enable_plugin": "openldap", "credential_disable_plugin": "openldap" });
    shared.save(json!({ "jit_settings": settings })).await;
    shared.expect_refused_until_it_is_named_again().await;
}

#[actix_web::test]
async fn a_device_that_a_client_redirects_is_not_logged_in_to() {
    let Some(shared) = Shared::start().await else { return };
    let trap = Trap::set("127.0.0.2");
    shared.save_device("directory", "127.0.0.2", trap.port()).await;
    shared.other.get(ACCOUNT).await.expect_refusal(400, REFUSED);
    shared.save_device("directory", "127.0.0.1", shared.directory.server.tls_port()).await;
    assert!(shared.directory.logs_in("temp", &shared.directory.take().await).await);
    trap.expect_silence();
}

#[actix_web::test]
async fn an_address_that_an_inventory_changes_needs_the_identity_that_is_known_there() {
    let Some(shared) = Shared::start().await else { return };
    let port = shared.directory.server.tls_port();
    shared.save_device("directory", "localhost", port).await;
    shared.other.get(ACCOUNT).await.expect_refusal(400, REFUSED);
    shared.save_device("directory", "127.0.0.1", port).await;
    shared.directory.take().await;
    shared.directory.release().await.expect(200);
    shared.directory.run().await;
    shared.save_device("directory", "localhost", port).await;
    assert!(shared.directory.logs_in("temp", &shared.directory.take().await).await);
}

#[actix_web::test]
async fn only_who_sees_the_operator_decides_where_it_logs_in() {
    let Some(shared) = Shared::start().await else { return };
    let decision = "/iso/pam/credential/temp/rotation/decision";
    shared.directory.take().await;
    let identity = shared.directory.app.database.texts("SELECT identity FROM target_identity").remove(0);
    let trust = json!({ "decision": "trust-identity", "identity": identity });
    let follow = json!({ "decision": "follow-device" });
    shared.directory.app.database.run("UPDATE target_identity SET identity = 'SHA256:another'");
    shared.directory.release().await.expect(200);
    shared.directory.run().await;
    for refused in [&trust, &follow] {
        shared.other.post(decision, refused).await.expect_refusal(400, "decision");
    }
    shared.directory.decide(&trust).await.expect(201);
    shared.directory.run().await;
    assert!(!shared.directory.exists("temp").await);

    shared.directory.app.database.run("UPDATE target_identity SET identity = 'SHA256:another'");
    shared.directory.client.get(ACCOUNT).await.expect_refusal(409, "another identity");
    shared.other.post(decision, &trust).await.expect_refusal(400, "decision");
    shared.directory.decide(&trust).await.expect(201);
    assert!(shared.directory.logs_in("temp", &shared.directory.take().await).await);
}
