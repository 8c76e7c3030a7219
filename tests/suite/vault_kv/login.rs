//! The login: whose, how it is sent, and what it refuses.

use std::time::Duration;

use chaveiro::vault::access::Origin;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use super::{app, expect_errors, fields, vault};
use crate::support::{Answer, TestApp, TestClient, origin};

const LOGIN: &str = "/v1/auth/approle/login";
const INVALID: &[&str] = &["invalid role or secret ID"];
const EXPECTED: &[&str] = &["expected a JSON object with the strings role_id and secret_id"];

fn body(client: &TestClient) -> Value {
    json!({ "role_id": client.client_id, "secret_id": client.client_secret })
}

async fn send(app: &TestApp, method: Method, media_type: Option<&str>, body: String) -> Answer {
    let anonymous = app.anonymous();
    let request = anonymous.request(method, LOGIN).body(body);
    anonymous.send(media_type.into_iter().fold(request, |request, one| request.header("content-type", one))).await
}

#[actix_web::test]
async fn a_login_is_json_by_post_or_put_whatever_its_type_says() {
    let (app, client) = vault().await;
    for method in [Method::POST, Method::PUT] {
        for media_type in [None, Some("application/json"), Some("application/x-www-form-urlencoded"), Some("text/x")] {
            let answer = send(&app, method.clone(), media_type, format!(" {}", body(&client))).await;
            let auth = answer.expect(200)["auth"].clone();
            let mut again = app.anonymous();
            again.token = auth["client_token"].as_str().unwrap().into();
            assert!(again.token.len() < 1024);
            assert_eq!(fields(&again, "erp").await["password"], "second");
        }
    }
}

#[actix_web::test]
async fn a_login_says_all_that_clients_look_for() {
    let (app, client) = vault().await;
    let answer = app.anonymous().post(LOGIN, &body(&client)).await;
    let said = answer.expect(200);
    let accessor = said["auth"]["accessor"].clone();
    assert!(accessor.as_str().is_some_and(|accessor| !accessor.is_empty()));
    assert_eq!(
        said["request_id"].as_str().map(|id| id.replace('-', "")),
        answer.header("x-request-id").map(|id| id.replace('-', ""))
    );
    let expected = json!({
        "request_id": said["request_id"], "lease_id": "", "renewable": false, "lease_duration": 0, "data": null,
        "wrap_info": null, "warnings": null,
        "auth": {
            "client_token": said["auth"]["client_token"], "accessor": accessor, "policies": ["default"],
            "token_policies": ["default"], "metadata": { "role_name": client.client_id }, "lease_duration": 3600,
            "renewable": false, "entity_id": "", "token_type": "service", "orphan": true, "mfa_requirement": null,
            "num_uses": 0,
        },
    });
    assert_eq!(said, expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[actix_web::test]
async fn nobody_can_tell_why_a_login_fails() {
    let app = app().await;
    let client = app.client().await;
    let from = Origin { source: "10.9.9.9".parse().unwrap(), ..origin() };
    let elsewhere = app.client_from(from, |request| request.allowed_ips = vec!["10.9.9.9".into()]).await;
    let disabled = app.client().await;
    app.vault
        .disable_authorization(app.operator(Action::AUTHORIZATION_DISABLE).await, &disabled.client_id)
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    for (role, secret) in [
        (client.client_id.as_str(), "wrong"),
        (client.client_id.as_str(), ""),
        ("nobody", client.client_secret.as_str()),
        (disabled.client_id.as_str(), disabled.client_secret.as_str()),
        (elsewhere.client_id.as_str(), elsewhere.client_secret.as_str()),
    ] {
        let answer = app.anonymous().post(LOGIN, &json!({ "role_id": role, "secret_id": secret })).await;
        expect_errors(&answer, 400, INVALID);
    }
    expect_errors(&app.anonymous().post(LOGIN, &json!({ "role_id": client.client_id })).await, 400, INVALID);
    for missing in [json!({}), json!({ "secret_id": "s" }), json!({ "role_id": null }), json!({ "role_id": "" })] {
        expect_errors(&app.anonymous().post(LOGIN, &missing).await, 400, &["missing role_id"]);
    }
}

#[actix_web::test]
async fn a_body_of_another_form_is_refused_without_repeating_it() {
    let app = app().await;
    for sent in [
        "",
        "canary",
        "[\"canary\",\"canary\"]",
        "{\"role_id\":5}",
        "{\"role_id\":\"canary\"",
        "\"canary\"",
        "role_id=canary",
    ] {
        let answer = send(&app, Method::POST, None, sent.into()).await;
        expect_errors(&answer, 400, EXPECTED);
    }
    let large = "x".repeat(app.vault.settings().http.max_body_bytes + 1);
    expect_errors(&send(&app, Method::POST, None, large).await, 413, &["The request body is too large"]);
}

#[actix_web::test]
async fn a_login_that_asks_for_a_wrapped_response_gets_no_token() {
    let app = app().await;
    let client = app.client().await;
    let ask = async |ttl: &str| {
        let request = app.anonymous().request(Method::POST, LOGIN).json(&body(&client)).header("X-Vault-Wrap-TTL", ttl);
        client.send(request).await
    };
    expect_errors(&ask("60").await, 400, &["response wrapping is not supported"]);
    ask("0").await.expect(200);
    ask("").await.expect(200);
}

#[actix_web::test]
async fn the_mounts_of_the_login_are_those_of_the_settings() {
    let app = TestApp::start_with(|settings| {
        settings.vault_kv.enabled = true;
        settings.vault_kv.mount = "ops".into();
        settings.vault_kv.login_mounts = vec!["approle".into(), "robots".into()];
    })
    .await;
    let client = app.client().await;
    super::create_items(&client).await;
    for mount in ["approle", "robots"] {
        app.anonymous().post(&format!("/v1/auth/{mount}/login"), &body(&client)).await.expect(200);
    }
    expect_errors(&app.anonymous().post("/v1/auth/other/login", &body(&client)).await, 403, super::DENIED);
    client.get("/v1/ops/data/erp").await.expect(200);
    client.get("/v1/secret/data/erp").await.expect(404);
}

#[actix_web::test]
async fn a_login_is_recorded_with_its_family_and_its_token_ends() {
    let (app, client) = vault().await;
    let said = app.anonymous().post(LOGIN, &body(&client)).await.expect(200);
    let records = app.records().await;
    let logins: Vec<_> = records.iter().filter(|record| record.family == "vault-kv").collect();
    assert_eq!(logins.len(), 1);
    assert_eq!((logins[0].action.as_str(), logins[0].actor.as_str()), ("token.issue", client.client_id.as_str()));
    let mut again = app.anonymous();
    again.token = said["auth"]["client_token"].as_str().unwrap().into();
    app.clock.advance(Duration::from_secs(3599));
    super::read(&again, "erp").await.expect(200);
    app.clock.advance(Duration::from_secs(2));
    expect_errors(&super::read(&again, "erp").await, 403, super::DENIED);
}

#[actix_web::test]
async fn a_repeated_member_or_parameter_is_refused() {
    let (app, client) = vault().await;
    let (role, secret) = (&client.client_id, &client.client_secret);
    let own = format!(r#""role_id":"{role}","secret_id":"{secret}""#);
    for (member, expected) in [
        (format!(r#""secret_id":"{secret}""#), "Invalid parameter secret_id: must not be repeated"),
        (r#""canary":1,"canary":2"#.into(), "No parameter may be repeated"),
    ] {
        let answer = send(&app, Method::POST, None, format!("{{{own},{member}}}")).await;
        expect_errors(&answer, 400, &[expected]);
    }
    let answer = client.get("/v1/secret/data/erp?version=1&version=2").await;
    expect_errors(&answer, 400, &["Invalid parameter version: must not be repeated"]);
}
