//! The read calls of KV version 2, by route, and with the published clients.

mod access;
mod capabilities;
mod clients;
mod comparison;
mod jwt_login;
mod list;
mod login;
mod read;
mod routes;
mod token;
mod vaultrs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

/// A vault that serves these routes.
pub(crate) async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.vault_kv.enabled = true).await
}

/// Creates the credentials `erp` (two versions) and `srv/corp/ana` without an identifier, the key `key` and the
/// protected information `note`.
pub(crate) async fn create_items(client: &TestClient) {
    client.create_device("srv", "10.0.0.1").await;
    for content in ["first", "second"] {
        client.save_credential(&credential("batch", json!({ "identifier": "erp", "content": content }))).await;
    }
    client.save_credential(&credential("corp/ana", json!({ "content": "ana's" }))).await;
    let key = json!({ "hostname": "srv", "ip": "10.0.0.1", "username": "deploy", "identifier": "key",
                      "private_key": include_str!("../fixtures/ssh/ed25519") });
    client.post("/iso/pam/key", &key).await.expect(201);
    client.post("/iso/pam/info", &json!({ "identifier": "note", "content": "a text" })).await.expect(201);
}

/// The parameters of a credential on `srv`.
fn credential(username: &str, more: Value) -> Value {
    let mut body = json!({ "hostname": "srv", "ip": "10.0.0.1", "username": username });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// A vault with the items, and a client that sees them.
async fn vault() -> (TestApp, TestClient) {
    let app = app().await;
    let client = app.client().await;
    create_items(&client).await;
    (app, client)
}

/// The answer to a read.
async fn read(client: &TestClient, name: &str) -> Answer {
    client.get(&format!("/v1/secret/data/{name}")).await
}

/// The fields of an item.
async fn fields(client: &TestClient, name: &str) -> Value {
    read(client, name).await.expect(200)["data"]["data"].clone()
}

/// The answer to a list.
async fn list(client: &TestClient, folder: &str) -> Answer {
    let method = Method::from_bytes(b"LIST").unwrap();
    client.send(client.request(method, &format!("/v1/secret/metadata{folder}"))).await
}

/// Asserts an error by its status and messages.
#[track_caller]
fn expect_errors(answer: &Answer, status: u16, messages: &[&str]) {
    assert_eq!(answer.expect(status), json!({ "errors": messages }));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-type").unwrap().starts_with("application/json"));
}

const DENIED: &[&str] = &["permission denied"];
