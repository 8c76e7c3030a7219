//! The login by the token of a workload: as the methods `jwt` and `kubernetes` send it.

use chaveiro::vault::access::workload::issuer::KeySource;
use reqwest::Method;
use serde_json::{Value, json};

use super::{create_items, expect_errors, fields};
use crate::support::{IssuerKey, TestApp, TestClient, issuer_request, key_set};

const ISSUER: &str = "https://issuer.example";
const LOGIN: &str = "/v1/auth/jwt/login";
const INVALID: &[&str] = &["invalid role or JWT"];

/// A vault that trusts an issuer for the subject `workload` of the client, by the rule `deploy`.
pub(super) struct Fixture {
    pub(super) app: TestApp,
    pub(super) client: TestClient,
    key: IssuerKey,
}

impl Fixture {
    pub(super) async fn start() -> Self {
        let (app, key) = (super::app().await, IssuerKey::new("key"));
        let client = app.client().await;
        create_items(&client).await;
        app.trust(issuer_request(ISSUER, KeySource::Jwks(key_set(&[&key])))).await;
        app.add_rule("deploy", &client.client_id, &[("sub", "workload")]).await;
        Self { app, client, key }
    }

    pub(super) fn token(&self, more: Value) -> String {
        self.key.sign(&self.app.claims(ISSUER, more))
    }
}

#[actix_web::test]
async fn a_workload_logs_in_by_post_or_put_with_a_role_or_without() {
    let it = Fixture::start().await;
    for path in [LOGIN, "/v1/auth/kubernetes/login"] {
        for method in [Method::POST, Method::PUT] {
            for role in [json!("deploy"), json!(it.client.client_id), json!(""), json!(null)] {
                let anonymous = it.app.anonymous();
                let body = json!({ "role": role, "jwt": it.token(json!({})) });
                let said = anonymous.send(anonymous.request(method.clone(), path).json(&body)).await.expect(200);
                assert_eq!(said["auth"]["metadata"], json!({ "role_name": it.client.client_id }));
                let issued = it.client.with_token(said["auth"]["client_token"].as_str().unwrap());
                assert_eq!(fields(&issued, "erp").await["password"], "second");
            }
        }
    }
}

#[actix_web::test]
async fn nobody_can_tell_why_a_login_fails() {
    let it = Fixture::start().await;
    let used = it.token(json!({}));
    it.app.anonymous().post(LOGIN, &json!({ "role": "deploy", "jwt": used })).await.expect(200);
    for (role, jwt) in [
        ("deploy", used),
        ("other", it.token(json!({}))),
        ("deploy", it.token(json!({ "sub": "other" }))),
        ("deploy", it.token(json!({ "aud": "other" }))),
        ("deploy", it.token(json!({ "exp": 1 }))),
        ("deploy", IssuerKey::new("key").sign(&it.app.claims(ISSUER, json!({})))),
        ("deploy", "canary".into()),
    ] {
        let answer = it.app.anonymous().post(LOGIN, &json!({ "role": role, "jwt": jwt })).await;
        expect_errors(&answer, 400, INVALID);
    }
    for missing in [json!({}), json!({ "role": "deploy" }), json!({ "jwt": "" }), json!({ "jwt": null })] {
        expect_errors(&it.app.anonymous().post(LOGIN, &missing).await, 400, &["missing jwt"]);
    }
    for body in ["", "[]", "canary", r#"{"jwt":5}"#] {
        let anonymous = it.app.anonymous();
        let answer = anonymous.send(anonymous.request(Method::POST, LOGIN).body(body)).await;
        expect_errors(&answer, 400, &["expected a JSON object with the strings role and jwt"]);
    }
    let anonymous = it.app.anonymous();
    let body = json!({ "role": "deploy", "jwt": it.token(json!({})) });
    let wrapped = anonymous.request(Method::POST, LOGIN).json(&body).header("X-Vault-Wrap-TTL", "60");
    expect_errors(&anonymous.send(wrapped).await, 400, &["response wrapping is not supported"]);
}
