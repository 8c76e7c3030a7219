//! The OAuth endpoints (contract, section 2.1; RFC 6749, 7009, 7662, 8414, 7517).

mod client_assertion;
mod failures;
mod introspect;
mod invalid_tokens;
mod metadata;
mod revoke;
mod sender_constraint;
mod timing;
mod token;
mod workload;

use serde_json::json;

use crate::support::{Answer, TestClient};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn credentials(client: &TestClient) -> [(&str, &str); 3] {
    [GRANT, ("client_id", &client.client_id), ("client_secret", &client.client_secret)]
}

async fn post(client: &TestClient, path: &str, form: &[(&str, &str)]) -> Answer {
    let mut anonymous = client.clone();
    anonymous.token.clear();
    anonymous.post_form(path, form).await
}

#[track_caller]
fn expect_token(answer: &Answer, lifetime: u64) -> String {
    let body = answer.expect(200);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(lifetime)));
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
    body["access_token"].as_str().unwrap().into()
}

#[track_caller]
fn expect_error(answer: &Answer, status: u16, error: &str) {
    let body = answer.expect(status);
    assert_eq!(body["error"], error);
    assert_eq!(body["error_description"], body["message"]);
    assert_eq!(body.get("access_token"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
