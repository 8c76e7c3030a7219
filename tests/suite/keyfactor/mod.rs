//! The Keyfactor families (contract: the Keyfactor families).

mod basic;
mod clients;
mod entry;
mod identity;
mod ldap;
mod listing;
mod permission;
mod permission_set;
mod provider;
mod provider_type;
mod role;
mod role_assignment;
mod role_version_one;
mod routes;
mod security_claim;
mod text_rules;

use chaveiro::vault::access::Resource;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

const BASE: &str = "/KeyfactorAPI";

/// A client that holds the built-in role.
pub(crate) async fn administrator(app: &TestApp) -> TestClient {
    client_with_roles(app, &["Administrator"]).await
}

async fn client_with_roles(app: &TestApp, roles: &[&str]) -> TestClient {
    let roles = roles.iter().map(ToString::to_string).collect();
    app.client_with(|request| {
        request.resources = vec![Resource::Administration];
        request.roles = roles;
    })
    .await
}

/// A client that holds these access-control strings through a role of the global set.
async fn client_holding(app: &TestApp, permissions: &str) -> TestClient {
    let name = format!("holds {permissions}");
    app.database.run(&format!(
        "INSERT INTO role (name, name_key, description, immutable, permission_set_id, permissions, created_at, changed_at)
         SELECT '{name}', '{name}', '', FALSE, id, '{permissions}', 0, 0 FROM permission_set WHERE name = 'Global'
         ON CONFLICT DO NOTHING"
    ));
    client_with_roles(app, &[&name]).await
}

/// A call in version 1, to a path below the base path.
async fn call(client: &TestClient, method: Method, path: &str, body: Option<&Value>) -> Answer {
    call_in(client, "1", method, path, body).await
}

async fn call_in(client: &TestClient, version: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = client.request(method, &format!("{BASE}{path}")).header("x-keyfactor-api-version", version);
    client.send(body.into_iter().fold(request, |request, body| request.json(body))).await
}

async fn get(client: &TestClient, path: &str) -> Answer {
    call(client, Method::GET, path, None).await
}

pub(crate) async fn post(client: &TestClient, path: &str, body: &Value) -> Answer {
    call(client, Method::POST, path, Some(body)).await
}

async fn put(client: &TestClient, path: &str, body: &Value) -> Answer {
    call(client, Method::PUT, path, Some(body)).await
}

async fn delete(client: &TestClient, path: &str) -> Answer {
    call(client, Method::DELETE, path, None).await
}

/// A type of the parameters `Host`, a text, and `Token`, a secret; its GUID and their numbers.
async fn create_type(client: &TestClient, name: &str) -> (String, i64, i64) {
    let sent = json!({ "Name": name, "Parameters": [
        { "Name": "Host", "DisplayName": "Host", "DataType": 1, "InstanceLevel": false },
        { "Name": "Token", "DisplayName": "Token", "DataType": 2, "InstanceLevel": false },
        { "Name": "Path", "DisplayName": "Path", "DataType": 1, "InstanceLevel": true }
    ] });
    let made = post(client, "/PamProviders/Types", &sent).await.expect(200);
    let parameter = |place: usize| made["Parameters"][place]["Id"].as_i64().unwrap();
    (made["Id"].as_str().unwrap().into(), parameter(0), parameter(1))
}

const LOCAL_TYPE: &str = "54ebf9ac-a1e4-48ae-b16e-1bfb9755465c";

/// A local provider of that name; its number.
pub(crate) async fn create_local_provider(client: &TestClient, name: &str) -> i64 {
    let sent = json!({ "Name": name, "ProviderType": { "Id": LOCAL_TYPE } });
    post(client, "/PamProviders", &sent).await.expect(200)["Id"].as_i64().unwrap()
}
