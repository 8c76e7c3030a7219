//! Registering applications, as `dsm runb` does before anything else.

use chaveiro::vault::access::Resource;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use super::{APPLICATION, AUTHORIZATION, SECRETS, expect_failure, identities};
use crate::support::{Answer, TestApp, TestClient};

const DENIED: &str = "You are not authorized to access this resource.";

async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.dsm.enabled = true).await
}

async fn registrar(app: &TestApp) -> TestClient {
    app.client_with(|request| request.resources = vec![Resource::Dsm, Resource::DsmApplications]).await
}

/// Sends the three parameters of the command line, as a form.
async fn register(client: &TestClient, application: &str, environment: &str) -> Answer {
    let form = [("application", application), ("environment", environment), ("system", "back")];
    client.send(client.request(Method::POST, "/iso/dapp/Application").form(&form)).await
}

/// Logs in with the client id and the secret of an answer.
async fn log_in(app: &TestApp, body: &Value) -> TestClient {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", body["id"].as_str().unwrap()),
        ("client_secret", body["signature"].as_str().unwrap()),
    ];
    let anonymous = app.anonymous();
    let token = anonymous.send(anonymous.request(Method::POST, "/iso/oauth2/token").form(&form)).await.expect(200);
    anonymous.with_token(token["access_token"].as_str().unwrap())
}

#[actix_web::test]
async fn the_own_application_is_found_without_a_new_secret() {
    let app = app().await;
    let client = registrar(&app).await;
    for _ in 0..2 {
        let body = register(&client, "tests", "production").await.expect(200);
        assert_eq!(
            body["response"]["message"].as_str().unwrap().split('(').next(),
            Some("Application registered: tests | Authorization found: ")
        );
        assert!(body.get("id").is_none() && body.get("signature").is_none(), "{body}");
    }
    let read = client.get(APPLICATION).await.expect(200);
    assert_eq!(
        (&read["application"]["system"], &read["application"]["environment"]),
        (&json!("back"), &json!("production"))
    );
}

#[actix_web::test]
async fn another_environment_is_an_authorization_of_its_own() {
    let app = app().await;
    let client = registrar(&app).await;
    register(&client, "tests", "production").await.expect(200);
    let created = register(&client, "tests", "staging").await.expect(200);
    assert_eq!(created["code"], 200);
    let staging = log_in(&app, &created).await;
    staging.post(SECRETS, &json!({ "identity": "s", "data": { "a": "x" } })).await.expect(201);
    assert_eq!(identities(&client).await, [""; 0]);
    // It registers nothing itself, and calls no other route.
    expect_failure(&register(&staging, "tests", "x").await, 403, DENIED);
    staging.get("/iso/pam/device").await.expect(403);

    // A second registration returns another secret of the same authorization, and the first one stays valid.
    let found = register(&client, "tests", "staging").await.expect(200);
    assert_eq!(found["id"], created["id"]);
    assert_ne!(found["signature"], created["signature"]);
    assert_eq!(identities(&log_in(&app, &found).await).await, ["s"]);
    log_in(&app, &created).await;
    app.clock.advance(std::time::Duration::from_secs(3600));
    log_in(&app, &created).await;
    let expired = [
        ("grant_type", "client_credentials"),
        ("client_id", found["id"].as_str().unwrap()),
        ("client_secret", found["signature"].as_str().unwrap()),
    ];
    let anonymous = app.anonymous();
    let answer = anonymous.send(anonymous.request(Method::POST, "/iso/oauth2/token").form(&expired)).await;
    assert_eq!(answer.status, 401);
}

#[actix_web::test]
async fn what_others_have_registered_is_not_found() {
    let app = app().await;
    let (one, other) = (registrar(&app).await, registrar(&app).await);
    let first = register(&one, "shop", "production").await.expect(200);
    let second = register(&other, "shop", "production").await.expect(200);
    assert_ne!(first["id"], second["id"]);
    let created = |body: &Value| body["response"]["message"].as_str().unwrap().split('(').next().unwrap().to_string();
    assert_eq!(created(&first), created(&second), "nobody hears that the application exists");
    log_in(&app, &first).await.post(SECRETS, &json!({ "identity": "s", "data": { "a": "x" } })).await.expect(201);
    assert_eq!(identities(&log_in(&app, &second).await).await, [""; 0]);
}

#[actix_web::test]
async fn a_unique_key_finds_it_in_place_of_system_and_environment() {
    let app = app().await;
    let client = registrar(&app).await;
    let body = |environment: &str| {
        json!({ "application": "shop", "system": "s", "environment": environment,
        "unique_key": "k", "description": "d", "tags": ["a", "b"] })
    };
    let created = client.post(APPLICATION, &body("one")).await.expect(200);
    let found = client.post(APPLICATION, &body("two")).await.expect(200);
    assert_eq!(created["id"], found["id"]);
    let read = log_in(&app, &found).await.get(APPLICATION).await.expect(200);
    assert_eq!(read["application"]["name"], "shop");
    assert_eq!((&read["application"]["description"], &read["application"]["tags"]), (&json!("d"), &json!(["a", "b"])));
    assert_eq!(read["application"]["environment"], "one");
}

#[actix_web::test]
async fn the_resource_is_needed_and_the_restrictions_are_inherited() {
    let app = app().await;
    let without = app.client_with(|request| request.resources = vec![Resource::Dsm]).await;
    expect_failure(&register(&without, "tests", "production").await, 403, DENIED);
    let client = app
        .client_with(|request| {
            request.resources = vec![Resource::DsmApplications];
            request.allowed_ips = vec!["127.0.0.1".into()];
            request.allowed_referers = vec!["*".into()];
        })
        .await;
    let body = json!({ "application": "shop", "system": "s", "environment": "e", "expiration_date": "2027-01-01" });
    client.post(APPLICATION, &body).await.expect(200);
    let row = "SELECT resources || ' ' || access || ' ' || allowed_ips || ' ' || referers || ' ' || expires_at FROM \"authorization\" ORDER BY id DESC LIMIT 1";
    assert_eq!(app.database.texts(row), ["dsm read-write 127.0.0.1 * 1798761600000000"]);
    for (parameter, value) in [
        ("application", "a,b"),
        ("system", ""),
        ("environment", ""),
        ("allowed_ips", "nonsense"),
        ("expiration_date", "2020-01-01"),
    ] {
        let mut wrong = json!({ "application": "other", "system": "s", "environment": "e" });
        wrong[parameter] = json!(value);
        let answer = client.post(APPLICATION, &wrong).await;
        answer.expect(400);
        assert!(answer.text.contains(&format!("Invalid parameter {parameter}: ")), "{}", answer.text);
    }
}

#[actix_web::test]
async fn a_disabled_authorization_is_not_registered_again() {
    let app = app().await;
    let client = registrar(&app).await;
    let created = register(&client, "shop", "production").await.expect(200);
    let registered = log_in(&app, &created).await;
    let answer = registered.delete(AUTHORIZATION).await;
    assert_eq!(answer.expect(200)["response"]["message"], "Authorization deleted successfully.");
    expect_failure(&registered.get(APPLICATION).await, 401, "Invalid or expired access token");
    expect_failure(&register(&client, "shop", "production").await, 403, DENIED);
    let permit = app.operator(Action::APPLICATION_DISABLE).await;
    app.vault.disable_application(permit, "shop").await.unwrap();
    expect_failure(&register(&client, "shop", "staging").await, 403, DENIED);
}
