//! The calls of DevOps Secret Manager, by route, read as strictly as the Go clients do.

mod access;
mod clients;
mod conditions;
mod limits;
mod read;
mod register;
mod registered;
mod save;
pub(crate) mod variables;

use chaveiro::vault::access::Resource;
use chaveiro::vault::access::link::LinkTarget;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

const APPLICATION: &str = "/iso/dapp/application";
const AUTHORIZATION: &str = "/iso/dapp/application/authorization";
const VARIABLES: &str = "/iso/cicd/variables";
const SECRETS: &str = "/iso/sctm/secret";

/// A vault that serves these routes, with a maker of credentials on the device `srv`.
async fn app() -> (TestApp, TestClient) {
    let app = TestApp::start_with(|settings| settings.dsm.enabled = true).await;
    let maker = app.client().await;
    maker.create_device("srv", "10.0.0.1").await;
    for content in ["first", "second"] {
        maker.save_credential(&credential("batch", json!({ "identifier": "erp", "content": content }))).await;
    }
    maker.save_credential(&credential("corp/ana", json!({ "content": "ana's" }))).await;
    (app, maker)
}

/// A client of the resource that sees everything on `srv`.
async fn reader(app: &TestApp) -> TestClient {
    let client = app.client_with(|request| request.resources = vec![Resource::Dsm]).await;
    app.link(&client, LinkTarget::Device("srv".into())).await;
    client
}

fn credential(username: &str, more: Value) -> Value {
    let mut body = json!({ "hostname": "srv", "ip": "10.0.0.1", "username": username });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// What the clients read: both decode into these types, and any other type of JSON fails them.
#[derive(Deserialize)]
struct Read {
    response: Outcome,
    #[serde(default)]
    error: String,
    application: Option<Application>,
    secrets: Option<Vec<Secret>>,
}

#[derive(Deserialize)]
struct Outcome {
    status: i64,
    message: String,
    error: bool,
    #[serde(default)]
    error_code: i64,
}

#[derive(Deserialize)]
struct Application {
    name: String,
    #[expect(dead_code, reason = "its type matters")]
    description: Option<String>,
    #[expect(dead_code, reason = "its type matters")]
    tags: Option<Vec<String>>,
    #[expect(dead_code, reason = "its type matters")]
    system: Option<String>,
    #[expect(dead_code, reason = "its type matters")]
    environment: Option<String>,
    secrets: Vec<Secret>,
}

#[derive(Deserialize)]
struct Secret {
    secret_id: String,
    secret_name: String,
    identity: String,
    version: String,
    expiration_date: String,
    engine: String,
    data: Vec<serde_json::Map<String, Value>>,
}

fn parse(answer: &Answer) -> Read {
    serde_json::from_str(&answer.text).unwrap()
}

/// The identities in an answer of [`APPLICATION`].
async fn identities(client: &TestClient) -> Vec<String> {
    let read = parse(&client.get(APPLICATION).await);
    read.application.unwrap().secrets.into_iter().map(|secret| secret.identity).collect()
}

#[track_caller]
fn expect_failure(answer: &Answer, status: u16, message: &str) {
    answer.expect(status);
    let Read { response, error, application, secrets } = parse(answer);
    assert!(response.error && error.is_empty() && application.is_none() && secrets.is_none());
    let code = match status {
        401 => 1,
        404 => 4,
        other => i64::from(other),
    };
    assert_eq!((response.status, response.error_code), (i64::from(status), code));
    assert_eq!(response.message, message);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
