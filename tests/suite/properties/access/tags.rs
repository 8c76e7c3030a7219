//! Links by tag: whatever bears the tag is seen, for as long as it bears it.

use chaveiro::vault::access::link::LinkTarget;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, device};

fn credential(username: &str, tags: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": username, "content": "p", "tags": tags })
}

/// An owner with the device `a`, and a client, both linked to the tag `Finance`: nobody else may set it.
async fn vault() -> (TestApp, TestClient, TestClient) {
    let app = TestApp::start().await;
    let (owner, client) = (app.client().await, app.client().await);
    owner.create_device("a", "10.0.0.1").await;
    for client in [&owner, &client] {
        app.link(client, LinkTarget::Tag("Finance".into())).await;
    }
    (app, owner, client)
}

async fn create_key(owner: &TestClient, identifier: &str, tags: &str) -> String {
    let key = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "deploy", "identifier": identifier, "tags": tags,
                      "private_key": include_str!("../../fixtures/ssh/ed25519") });
    owner.post("/iso/pam/key", &key).await.expect(201)["key"]["id"].as_str().unwrap().into()
}

async fn listed(client: &TestClient, path: &str, payload: &str) -> Vec<String> {
    let body = client.get(path).await.expect(200);
    body[payload].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().into()).collect()
}

#[actix_web::test]
async fn a_tagged_credential_is_seen_and_no_other() {
    let (_app, owner, client) = vault().await;
    let tagged = owner.save_credential(&credential("u", "eu, FINANCE ,x")).await;
    owner.save_credential(&credential("v", "finances")).await;
    owner.save_credential(&credential("w", "")).await;
    assert_eq!(client.password("u").await, "p");
    client.get("/iso/pam/credential/v").await.expect_number(1009);
    client.get("/iso/pam/credential/w").await.expect_number(1009);
    client.get("/iso/pam/device/a").await.expect_number(1011);
    assert_eq!(listed(&client, "/iso/pam/credential", "credentials").await, [tagged]);
}

#[actix_web::test]
async fn a_tagged_device_is_seen_with_its_credentials_and_keys() {
    let (_app, owner, client) = vault().await;
    let password = owner.save_credential(&credential("u", "")).await;
    let key = create_key(&owner, "k", "").await;
    let mut sent = device("a", "10.0.0.1");
    sent["device_tags"] = json!("finance");
    owner.post("/iso/pam/device", &sent).await.expect(201);
    assert_eq!(client.password("u").await, "p");
    client.get("/iso/pam/key/k").await.expect(200);
    client.get("/iso/pam/device/a").await.expect(200);
    assert_eq!(listed(&client, "/iso/pam/credential", "credentials").await, [password, key.clone()]);
    assert_eq!(listed(&client, "/iso/pam/key", "keys").await, [key]);
    assert_eq!(listed(&client, "/iso/pam/device", "devices").await.len(), 1);
}

#[actix_web::test]
async fn a_tagged_key_is_seen() {
    let (_app, owner, client) = vault().await;
    let key = create_key(&owner, "k", "a;b,finance").await;
    client.get("/iso/pam/key/k").await.expect(200);
    assert_eq!(listed(&client, "/iso/pam/key", "keys").await, [key]);
}

#[actix_web::test]
async fn taking_the_tag_away_ends_it() {
    let (_app, owner, client) = vault().await;
    owner.save_credential(&credential("u", "finance")).await;
    // Sent without tags it keeps them.
    let mut untold = credential("u", "");
    untold.as_object_mut().unwrap().remove("tags");
    owner.save_credential(&untold).await;
    assert_eq!(client.password("u").await, "p");
    owner.save_credential(&credential("u", "other")).await;
    client.get("/iso/pam/credential/u").await.expect_number(1009);
    assert!(listed(&client, "/iso/pam/credential", "credentials").await.is_empty());
}
