//! The calls of Robocorp's secret API, by rule, and with the published client.

mod access;
mod clients;
mod read;
pub(crate) mod save;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::support::{Answer, TestApp, TestClient};
use crate::vault_kv::create_items;

pub(crate) const SECRETS: &str = "/secrets-v1/workspaces/default/secrets";
const SCHEME: &str = "robocloud-vault-transit-v2";
/// A key whose private half nobody has.
const PUBLIC_KEY: &[u8] = include_bytes!("../fixtures/transit/rsa-2048.der");

/// A vault that serves the calls.
async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.robocorp.enabled = true).await
}

/// A vault with the items, and a client that sees them.
async fn vault() -> (TestApp, TestClient) {
    let app = app().await;
    let client = app.client().await;
    create_items(&client).await;
    (app, client)
}

/// The query of a read.
fn query(scheme: &str, public_key: &str) -> String {
    let key = utf8_percent_encode(public_key, NON_ALPHANUMERIC);
    format!("encryptionScheme={scheme}&publicKey={key}")
}

/// The answer to a read.
pub(crate) async fn read(client: &TestClient, name: &str) -> Answer {
    let query = query(SCHEME, &STANDARD.encode(PUBLIC_KEY));
    client.get(&format!("{SECRETS}/{name}?{query}")).await
}

/// Asserts an error by its status and code.
#[track_caller]
fn expect_error(answer: &Answer, status: u16, code: &str) {
    let body = answer.expect(status);
    assert_eq!(body, json!({ "error": { "code": code, "message": body["error"]["message"] } }));
    assert!(!body["error"]["message"].as_str().unwrap().is_empty());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
