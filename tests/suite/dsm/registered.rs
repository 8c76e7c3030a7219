//! What a registered authorization gets: never more than the one that has registered it.

use std::sync::Arc;

use chaveiro::crypto::ResponseKey;
use chaveiro::vault::access::Resource;
use chaveiro::vault::access::authorization::AuthorizationRequest;
use chaveiro::vault::operation::Action;
use serde_json::{Value, json};

use super::{APPLICATION, SECRETS, expect_failure};
use crate::support::decrypt::{By, Pair};
use crate::support::{TestApp, TestClient};

const NEWEST: &str = "SELECT allowed_ips || ' ' || referers FROM \"authorization\" ORDER BY id DESC LIMIT 1";

async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.dsm.enabled = true).await
}

async fn registrar(app: &TestApp, adjust: impl FnOnce(&mut AuthorizationRequest)) -> TestClient {
    app.client_with(|request| {
        request.resources = vec![Resource::Dsm, Resource::DsmApplications];
        adjust(request);
    })
    .await
}

fn shop(environment: &str, more: Value) -> Value {
    let mut body = json!({ "application": "shop", "system": "back", "environment": environment });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[actix_web::test]
async fn it_is_used_from_no_other_place_than_its_registrar() {
    let app = app().await;
    let client =
        registrar(&app, |request| request.allowed_ips = vec!["127.0.0.0/8".into(), "10.1.0.0/16".into()]).await;
    for (sent, kept) in [
        (json!(["127.0.0.1", "10.1.2.0/24"]), "127.0.0.1,10.1.2.0/24 "),
        (json!(["*"]), "127.0.0.0/8,10.1.0.0/16 "),
        (json!([]), "127.0.0.0/8,10.1.0.0/16 "),
        (json!(null), "127.0.0.0/8,10.1.0.0/16 "),
    ] {
        client.post(APPLICATION, &shop(&sent.to_string(), json!({ "allowed_ips": sent }))).await.expect(200);
        assert_eq!(app.database.texts(NEWEST), [kept], "{sent}");
    }
    for wider in [json!(["10.2.0.1"]), json!(["127.0.0.1", "10.0.0.0/8"]), json!(["0.0.0.0/0"]), json!(["::/0"])] {
        let answer = client.post(APPLICATION, &shop("wider", json!({ "allowed_ips": wider }))).await;
        let message = "Invalid parameter allowed_ips: must be within what the caller's authorization allows";
        expect_failure(&answer, 400, message);
    }
    // A caller without a restriction may restrict.
    let client = registrar(&app, |_| {}).await;
    let more = json!({ "allowed_ips": ["10.2.0.1"], "allowed_http_referers": ["*.shop.example"] });
    client.post(APPLICATION, &shop("narrow", more)).await.expect(200);
    assert_eq!(app.database.texts(NEWEST), ["10.2.0.1 *.shop.example"]);
}

#[actix_web::test]
async fn its_secrets_are_encrypted_as_those_of_its_registrar() {
    let app = app().await;
    let pair = Pair::named("rsa");
    let key = Arc::new(ResponseKey::parse(pair.public, None).unwrap());
    let client = registrar(&app, |request| request.response_key = Some(key)).await;
    for _ in 0..2 {
        let answer = client.post(APPLICATION, &shop("production", json!({}))).await;
        let body = answer.expect(200);
        assert!(!answer.text.contains("chv_"), "the client secret is plain");
        let secret = pair.key(By::AwsLc).open(body["signature"].as_str().unwrap());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", body["id"].as_str().unwrap()),
            ("client_secret", &secret),
        ];
        let token = app.anonymous().post_form("/iso/oauth2/token", &form).await.expect(200);
        let registered = app.anonymous().with_token(token["access_token"].as_str().unwrap());
        let saved = registered.post(SECRETS, &json!({ "identity": "s", "data": { "a": "canary" } })).await;
        assert!(saved.status.is_success() && !saved.text.contains("canary"), "{}", saved.text);
    }
}

#[actix_web::test]
async fn it_gets_no_secret_while_its_application_is_disabled() {
    let app = app().await;
    let client = registrar(&app, |_| {}).await;
    client.post(APPLICATION, &shop("production", json!({}))).await.expect(200);
    app.vault.disable_application(app.operator(Action::APPLICATION_DISABLE).await, "shop").await.unwrap();
    let answer = client.post(APPLICATION, &shop("production", json!({}))).await;
    expect_failure(&answer, 403, "You are not authorized to access this resource.");
    assert_eq!(
        app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM client_secret WHERE expires_at IS NOT NULL"),
        [0]
    );
}

#[actix_web::test]
async fn it_gets_no_secret_once_it_has_expired() {
    let app = app().await;
    let client = registrar(&app, |_| {}).await;
    let end = (app.clock.now() + std::time::Duration::from_secs(60)).to_rfc3339();
    let body = shop("production", json!({ "expiration_date": end }));
    client.post(APPLICATION, &body).await.expect(200);
    app.clock.advance(std::time::Duration::from_secs(60));
    expect_failure(&client.post(APPLICATION, &body).await, 403, "You are not authorized to access this resource.");
}

#[actix_web::test]
async fn one_registers_no_more_than_a_thousand() {
    let app = app().await;
    let client = registrar(&app, |_| {}).await;
    client.post(APPLICATION, &shop("0", json!({}))).await.expect(200);
    let last = "SELECT id FROM \"authorization\" ORDER BY id DESC LIMIT 1";
    let (first, registrar) =
        (app.database.numbers(last)[0], app.database.numbers("SELECT registered_by FROM registration")[0]);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)";
    app.database.run(&format!(
        "{numbers} INSERT INTO \"authorization\" (application_id, client_id, access, resources, allowed_ips, expires_at,
         active, created_at, referers, certificates) SELECT application_id, 'c' || i, access, resources, allowed_ips,
         expires_at, active, created_at, referers, certificates FROM \"authorization\" CROSS JOIN n WHERE id = {first}"
    ));
    app.database.run(&format!(
        "INSERT INTO registration (authorization_id, registered_by, system, environment, tags)
         SELECT id, {registrar}, 'back', client_id, '[]' FROM \"authorization\" WHERE id > {first}"
    ));
    let answer = client.post(APPLICATION, &shop("one more", json!({}))).await;
    expect_failure(&answer, 400, "The authorization has registered as many authorizations as it may");
    // What is registered is still found.
    client.post(APPLICATION, &shop("0", json!({}))).await.expect(200);
}

#[actix_web::test]
async fn a_pipeline_that_finds_its_own_authorization_makes_no_node_reload() {
    let app = app().await;
    let client = registrar(&app, |_| {}).await;
    let body = json!({ "application": "tests", "system": "s", "environment": "e" });
    let mark = || app.database.numbers("SELECT CAST(revision AS INTEGER) FROM change_mark");
    client.post(APPLICATION, &body).await.expect(200);
    let before = mark();
    client.post(APPLICATION, &body).await.expect(200);
    assert_eq!(mark(), before);
}
