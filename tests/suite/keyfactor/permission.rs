//! Who may do what: permission × route × provider, by the status of the answer.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{administrator, call_in, client_holding, create_local_provider};
use crate::support::TestApp;

const HELD: [&str; 11] = [
    "/",
    "/pam/",
    "/pam/read/",
    "/pam/modify/",
    "/pam/read/1/",
    "/pam/modify/1/",
    "/pam/read/10/",
    "/pam/modify/10/",
    "/security/read/",
    "/security/modify/",
    "/metadata/types/read/",
];

/// Method, path and body of every call, each such that who may make it gets no 403.
fn calls() -> Vec<(&'static str, &'static str, Value)> {
    let put = |id: i32| json!({ "Id": id });
    vec![
        ("GET", "/PamProviders", Value::Null),
        ("POST", "/PamProviders", json!({})),
        ("PUT", "/PamProviders", put(1)),
        ("PUT", "/PamProviders", put(10)),
        ("PUT", "/PamProviders", put(99)),
        ("PUT", "/PamProviders", json!({})),
        ("GET", "/PamProviders/1", Value::Null),
        ("GET", "/PamProviders/10", Value::Null),
        ("GET", "/PamProviders/99", Value::Null),
        ("GET", "/PamProviders/x", Value::Null),
        ("DELETE", "/PamProviders/99", Value::Null),
        ("DELETE", "/PamProviders/x", Value::Null),
        ("GET", "/PamProviders/Types", Value::Null),
        ("POST", "/PamProviders/Types", json!({})),
        ("GET", "/PamProviders/Types/x", Value::Null),
        ("DELETE", "/PamProviders/Types/x", Value::Null),
        ("GET", "/PamProviders/Local/1/Entries", Value::Null),
        ("GET", "/PamProviders/Local/10/Entries", Value::Null),
        ("GET", "/PamProviders/Local/99/Entries", Value::Null),
        ("POST", "/PamProviders/Local/1/Entries", json!({})),
        ("POST", "/PamProviders/Local/10/Entries", json!({})),
        ("PUT", "/PamProviders/Local/1/Entries", json!({})),
        ("DELETE", "/PamProviders/Local/1/Entries", Value::Null),
        ("DELETE", "/PamProviders/Local/x/Entries", Value::Null),
        ("GET", "/Security/Identities", Value::Null),
        ("GET", "/Security/Identities/x", Value::Null),
        ("GET", "/Security/Identities/Lookup", Value::Null),
        ("POST", "/Security/Identities", json!({})),
        ("DELETE", "/Security/Identities/x", Value::Null),
        ("GET", "/Security/Roles", Value::Null),
        ("GET", "/Security/Roles/x", Value::Null),
        ("POST", "/Security/Roles", json!({})),
        ("PUT", "/Security/Roles", json!({})),
        ("DELETE", "/Security/Roles/x", Value::Null),
        ("GET", "/Security/Roles/x/Identities", Value::Null),
        ("PUT", "/Security/Roles/x/Identities", json!({})),
        ("GET", "/Security/Roles/x/Permissions/PamProviders", Value::Null),
        ("PUT", "/Security/Roles/x/Permissions/PamProviders", json!([])),
        ("GET", "/Security/Claims", Value::Null),
        ("GET", "/Security/Claims/x", Value::Null),
        ("GET", "/Security/Claims/Roles", Value::Null),
        ("POST", "/Security/Claims", json!({})),
        ("PUT", "/Security/Claims", json!({})),
        ("DELETE", "/Security/Claims/x", Value::Null),
        ("GET", "/PermissionSets/My", Value::Null),
        ("GET", "/PermissionSets", Value::Null),
        ("GET", "/PermissionSets/x", Value::Null),
        ("POST", "/PermissionSets", json!({})),
        ("PUT", "/PermissionSets", json!({})),
        ("DELETE", "/PermissionSets/x", Value::Null),
        ("GET", "/Status/Endpoints", Value::Null),
    ]
}

#[actix_web::test]
async fn every_permission_on_every_route() {
    let app = TestApp::start().await;
    let administrator = administrator(&app).await;
    for number in 1..=10 {
        assert_eq!(create_local_provider(&administrator, &format!("p{number}")).await, number);
    }
    let mut table = String::new();
    for held in HELD {
        let client = client_holding(&app, held).await;
        writeln!(table, "{held}").unwrap();
        for (method, path, body) in calls() {
            let body = (!body.is_null()).then_some(&body);
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let version = if path.starts_with("/Security/Roles") && !path.contains("/x/") { "2" } else { "1" };
            let answer = call_in(&client, version, method.clone(), path, body).await;
            let id = body.map(|body| format!(" {body}")).unwrap_or_default();
            writeln!(table, "  {} {method} {path}{id}", answer.status.as_u16()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}
