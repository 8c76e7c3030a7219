//! The read call of the Central Credential Provider, by rule, and with the published clients.

mod access;
mod clients;
mod search;

use chaveiro::config::Settings;
use chaveiro::vault::access::authorization::AuthorizationRequest;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{ClientAccess, Resource};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

const ACCOUNTS: &str = "/AIMWebService/api/Accounts";
const NOT_FOUND: (u16, &str) = (404, "APPAP004E");
const NOT_AUTHENTICATED: (u16, &str) = (403, "APPAP306E");
const TOO_MANY: (u16, &str) = (400, "APPAP229E");
const INVALID: (u16, &str) = (400, "APPAP081E");
const INVALID_QUERY: (u16, &str) = (400, "AIMWS030E");

/// An authorization that is found by its AppID from this machine.
fn by_app_id(request: &mut AuthorizationRequest) {
    request.resources = vec![Resource::AppId];
    request.access = ClientAccess::ReadOnly;
    request.allowed_ips = vec!["127.0.0.1".into()];
}

/// An empty vault that serves the call.
async fn app_with(adjust: impl FnOnce(&mut Settings)) -> TestApp {
    let enabled = |settings: &mut Settings| {
        settings.ccp.enabled = true;
        adjust(settings);
    };
    TestApp::start_with(enabled).await
}

/// A vault with the items, and a client of the call that sees them.
async fn vault_with(adjust: impl FnOnce(&mut Settings)) -> (TestApp, TestClient) {
    let app = app_with(adjust).await;
    create_items(&app.client().await).await;
    let robot = reader(&app, by_app_id).await;
    (app, robot)
}

async fn vault() -> (TestApp, TestClient) {
    vault_with(|_| {}).await
}

/// An anonymous client whose `client_id` is the AppID of an authorization that sees the items.
async fn reader(app: &TestApp, adjust: impl FnOnce(&mut AuthorizationRequest)) -> TestClient {
    let client = app.unauthenticated_client(adjust).await;
    app.link(&client, LinkTarget::Device("srv".into())).await;
    app.link(&client, LinkTarget::Information("note".into())).await;
    app.vault.refresh().await.unwrap();
    client
}

/// Creates the credentials `erp` and `srv/corp/ana`, the key `key` and the protected information `note`.
async fn create_items(client: &TestClient) {
    client.create_device("srv", "10.0.0.1").await;
    client
        .save_credential(&credential("batch", json!({ "identifier": "erp", "content": "erp's", "tags": "ops" })))
        .await;
    client.save_credential(&credential("corp/ana", json!({ "content": "ana's", "additional": "FIN" }))).await;
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

/// The answer to a request with the AppID of a client.
async fn ask(client: &TestClient, query: &str) -> Answer {
    client.get(&format!("{ACCOUNTS}?AppID={}&{query}", client.client_id)).await
}

/// The content of the only account.
async fn content(client: &TestClient, query: &str) -> Value {
    ask(client, query).await.expect(200)["Content"].clone()
}

/// Asserts an error by its status and code.
#[track_caller]
fn expect_error(answer: &Answer, (status, code): (u16, &str)) {
    let body = answer.expect(status);
    assert_eq!(body["ErrorCode"], code, "{}", answer.text);
    assert!(body["ErrorMsg"].is_string() && body.as_object().unwrap().len() == 2, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-type").unwrap().starts_with("application/json"));
}
