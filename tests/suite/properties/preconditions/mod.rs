//! `ETag`, `If-None-Match` and `If-Match`: an item is brought only when it has changed, and changed only while it is in
//! the state that the client knows.

mod if_match;
mod if_none_match;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient, device};

const PRIVATE_KEY: &str = include_str!("../../fixtures/ssh/ed25519");

/// The kinds of item: the path of one, where it is saved, and what saves it.
fn kinds() -> [(&'static str, &'static str, Value); 4] {
    [
        ("/iso/pam/device/a", "/iso/pam/device", device("a", "10.0.0.1")),
        ("/iso/pam/credential/i", "/iso/pam/credential", credential("i", "one")),
        ("/iso/pam/info/i", "/iso/pam/info", json!({ "identifier": "i", "content": "one" })),
        ("/iso/pam/key/k", "/iso/pam/key", ssh_key("k")),
    ]
}

fn credential(username: &str, content: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": username, "content": content })
}

fn ssh_key(identifier: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": identifier, "private_key": PRIVATE_KEY })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// A vault with one item of each kind.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start_with(|settings| settings.store.writers = 1).await;
    let client = app.client().await;
    for (_, collection, body) in kinds() {
        client.post(collection, &body).await.expect(201);
    }
    (app, client)
}

async fn tag(client: &TestClient, path: &str) -> String {
    let answer = client.get(path).await;
    answer.expect(200);
    answer.header("etag").unwrap_or_else(|| panic!("{path} has no tag")).to_string()
}

async fn call(client: &TestClient, method: &Method, path: &str, header: (&str, &str), body: &Value) -> Answer {
    let request = client.request(method.clone(), path).header(header.0, header.1);
    client.send(if *method == Method::POST { request.json(body) } else { request }).await
}

async fn get_unless(client: &TestClient, path: &str, tags: &str) -> Answer {
    call(client, &Method::GET, path, ("If-None-Match", tags), &Value::Null).await
}

async fn post_if(client: &TestClient, path: &str, tags: &str, body: &Value) -> Answer {
    call(client, &Method::POST, path, ("If-Match", tags), body).await
}

/// The last record: action, object, outcome.
async fn last_record(app: &TestApp) -> (String, String, String) {
    let record = app.records().await.pop().unwrap();
    (record.action, record.object, record.outcome)
}

fn rows(app: &TestApp, table: &str) -> i32 {
    app.database.numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM {table}"))[0]
}

/// Makes every sealed value one that does not open.
fn spoil_secrets(app: &TestApp) {
    let bytes = if app.database.is_postgresql() { "'\\x00'" } else { "x'00'" };
    app.database.run(&format!("UPDATE secret SET sealed = {bytes}"));
}
