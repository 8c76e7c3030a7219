//! The reads of version 2, by route: credentials without their secrets.

mod access;
mod conditional;
mod errors;
mod fields;
mod list;
mod rate_limit;
mod read;
mod routes;

use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

/// The list of credentials.
pub(crate) const LIST: &str = "/api/v2/pam/credentials";

/// A vault that serves these routes.
pub(crate) async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.pam_v2.enabled = true).await
}

/// A vault with three passwords (1, 2, 3), an SSH key (4) and an inactive password (5) on two devices, and a client that sees
/// them.
async fn vault() -> (TestApp, TestClient) {
    let app = app().await;
    let client = app.client().await;
    client.create_device("erp", "10.0.0.1").await;
    client.create_device("web", "10.0.0.2").await;
    for (hostname, username, more) in [
        (
            "erp",
            "batch",
            json!({ "tags": "prod,linux", "additional": "for the night",
                                 "additional_settings": { "criticality": "High", "user_credential_owner": "ana" } }),
        ),
        ("erp", "root", json!({ "tags": "prod", "execution_settings": { "status": true } })),
        ("web", "root", json!({ "tags": "linux", "additional_settings": { "criticality": "Low" } })),
    ] {
        save(&client, hostname, username, more).await;
    }
    let key = json!({ "hostname": "web", "ip": "10.0.0.2", "username": "deploy",
                      "private_key": include_str!("../fixtures/ssh/ed25519") });
    client.post("/iso/pam/key", &key).await.expect(201);
    let id = save(&client, "web", "old", json!({})).await;
    client.delete(&format!("/iso/pam/credential/{id}")).await.expect(200);
    (app, client)
}

/// Saves a credential with the password `a secret`, and returns its id.
async fn save(client: &TestClient, hostname: &str, username: &str, more: Value) -> String {
    let ip = if hostname == "erp" { "10.0.0.1" } else { "10.0.0.2" };
    let mut body = json!({ "hostname": hostname, "ip": ip, "username": username, "content": "a secret" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.save_credential(&body).await
}

/// The answer to a list with a query.
async fn list(client: &TestClient, query: &str) -> Answer {
    client.get(&format!("{LIST}?{query}")).await
}

/// The ids of a list.
async fn ids(client: &TestClient, query: &str) -> Vec<i64> {
    let body = list(client, query).await.expect(200);
    body["data"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// The answer to a read.
async fn read(client: &TestClient, key: &str) -> Answer {
    client.get(&format!("{LIST}/{key}")).await
}

/// Asserts an error by its status and code, and its headers; returns the fields that it names.
#[track_caller]
fn expect_code(answer: &Answer, status: u16, code: &str) -> Vec<String> {
    let error = answer.expect(status)["error"].clone();
    assert_eq!(error["code"], code, "{}", answer.text);
    assert_eq!(Some(error["request_id"].as_str().unwrap()), answer.header("x-request-id"));
    assert!(!error["message"].as_str().unwrap().is_empty());
    expect_headers(answer);
    assert_eq!(answer.header("etag").is_some(), status == 412, "only a failed precondition has an ETag");
    error["details"].as_array().unwrap().iter().map(|issue| issue["field"].as_str().unwrap().into()).collect()
}

/// Asserts the headers of every answer, and returns the number of requests that are left.
#[track_caller]
fn expect_headers(answer: &Answer) -> u32 {
    let number = |name: &str| answer.header(name).unwrap_or_else(|| panic!("no {name}")).parse::<u64>().unwrap();
    assert_eq!(answer.header("x-request-id").unwrap().len(), 32);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(number("x-ratelimit-remaining") <= number("x-ratelimit-limit"));
    // The end of the minute of the fixed clock, 2026-03-04T05:07:00Z.
    assert_eq!(number("x-ratelimit-reset"), 1_772_600_820);
    number("x-ratelimit-remaining").try_into().unwrap()
}
