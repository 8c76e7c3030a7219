//! Custody (contract, section 6).

use serde_json::json;

use crate::support::{TestApp, TestClient};

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client
        .save_credential(
            &json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" }),
        )
        .await;
    (app, client)
}

#[actix_web::test]
async fn a_read_takes_custody_and_the_holder_gives_it_back_once() {
    let (_app, client) = vault().await;
    client.delete("/iso/pam/credential/custody/1").await.expect_number(1018);
    client.password("1").await;
    client.password("1").await;
    let body = client.delete("/iso/pam/credential/custody/i").await.expect(200);
    assert_eq!(body["response"]["message"], "Credential custody 1 released");
    client.delete("/iso/pam/credential/custody/u@a").await.expect_number(1018);
}

#[actix_web::test]
async fn custody_is_each_clients_own() {
    let (app, client) = vault().await;
    let other = app.read_only_client().await;
    app.vault.link(&other.client_id, chaveiro::vault::admin::LinkTarget::Credential("i".into())).await.unwrap();
    client.password("1").await;
    other.delete("/api/pam/credential/custody/1").await.expect_number(1018);
    // Shared by default; and who may only read may give back.
    other.password("1").await;
    other.delete("/api/pam/credential/custody/1").await.expect(200);
    client.delete("/iso/pam/credential/custody/1").await.expect(200);
}

#[actix_web::test]
async fn custody_survives_a_restart_and_ends_with_the_credential() {
    let (app, client) = vault().await;
    client.password("1").await;
    let token = client.token;
    let app = app.restart().await;
    let mut client = app.anonymous();
    client.token = token;
    client.delete("/iso/pam/credential/custody/1").await.expect(200);
    client.password("1").await;
    client.delete("/iso/pam/credential/1").await.expect(200);
    client.delete("/iso/pam/credential/custody/1").await.expect_number(1008);
    client.put("/iso/pam/credential/1").await.expect(200);
    client.delete("/iso/pam/credential/custody/1").await.expect_number(1018);
}

#[actix_web::test]
async fn what_is_not_there_is_1007_and_what_is_not_seen_1009() {
    let (app, client) = vault().await;
    client.delete("/iso/pam/credential/custody/99").await.expect_number(1007);
    let stranger = app.client().await;
    stranger.delete("/iso/pam/credential/custody/1").await.expect_number(1009);
    // The word is a path of its own, also for a credential that bears it as its identifier.
    client.delete("/iso/pam/credential/custody").await.expect_number(1007);
}
