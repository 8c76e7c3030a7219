//! A node that cannot tell what was revoked in the last three seconds refuses everything: it fails closed.

use std::time::Duration;

use chaveiro::crypto::SecretText;
use chaveiro::vault::access::Resource;
use chaveiro::vault::operation::Action;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient, endpoints, post_body};

const OLDEST: Duration = Duration::from_secs(3);
const ONE_MORE: Duration = Duration::from_micros(1);
const ACCOUNT: &str = r"CORP\jo";
const PASSWORD: &str = "correct horse: battery";

/// What needs nobody's grants: health, metrics, keys and descriptions.
const OPEN: [&str; 8] = [
    "/health/live",
    "/metrics",
    "/openapi.json",
    "/docs/",
    "/oauth2/jwks",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/modulos/auth",
];

/// A vault with the objects of [`post_body`] and an identity with a password, and a client that may do everything.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    app.vault.create_identity(app.operator(Action::IDENTITY_CREATE).await, ACCOUNT).await.unwrap();
    let permit = app.operator(Action::IDENTITY_GRANT_ROLE).await;
    app.vault.grant_identity_role(permit, ACCOUNT, "Administrator").await.unwrap();
    let permit = app.operator(Action::IDENTITY_SET_PASSWORD).await;
    app.vault.set_identity_password(permit, ACCOUNT, &SecretText::new(PASSWORD.into())).await.unwrap();
    let client = app
        .client_with(|request| {
            request.resources = Resource::ALL.to_vec();
            request.allowed_ips = vec!["127.0.0.1".into()];
            request.roles = vec!["Administrator".into()];
        })
        .await;
    for path in ["/iso/pam/device", "/iso/pam/credential", "/iso/pam/key", "/iso/pam/info"] {
        client.post(path, &post_body(path, "the secret")).await.expect(201);
    }
    (app, client)
}

/// The credentials with which a request comes.
#[derive(Clone, Copy, Debug)]
enum By {
    Token,
    Password,
    ClientSecret,
}

/// A request to every endpoint that decides by grants, with each kind of credentials that it takes.
fn requests(client: &TestClient) -> Vec<(String, RequestBuilder)> {
    let mut requests = Vec::new();
    for endpoint in endpoints() {
        let kinds: &[By] = match (endpoint.bearer, endpoint.basic) {
            (true, true) => &[By::Token, By::Password],
            (true, false) => &[By::Token],
            // A share of the root key is its own proof.
            (false, _) if endpoint.path == "/unseal" => continue,
            (false, _) if endpoint.method == Method::POST.as_str() => &[By::ClientSecret],
            (false, _) => continue,
        };
        let path = endpoint.path.replace("{key}", "i").replace("{version}", "1").replace("{id}", "1");
        let path = path.replace("{name}", "n");
        for by in kinds {
            let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
            requests.push((format!("{method} {path} by {by:?}"), request(client, *by, method, &path, &endpoint.path)));
        }
    }
    requests
}

fn request(client: &TestClient, by: By, method: Method, path: &str, route: &str) -> RequestBuilder {
    let mut anonymous = client.clone();
    anonymous.token.clear();
    match by {
        By::Token if route.contains("/pam") || route.contains("session") => {
            let request = client.request(method.clone(), path);
            if method == Method::POST { request.json(&post_body(route, "another")) } else { request }
        }
        By::Token => client.request(method, path).header("x-keyfactor-api-version", "1"),
        By::Password => anonymous.request(method, path).basic_auth(ACCOUNT, Some(PASSWORD)),
        By::ClientSecret => {
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", client.client_id.as_str()),
                ("client_secret", client.client_secret.as_str()),
                ("token", client.token.as_str()),
            ];
            anonymous.request(method, path).form(&form)
        }
    }
}

#[track_caller]
fn assert_unavailable(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    assert_eq!(answer.header("retry-after"), Some("1"), "{what}");
    assert!(!answer.text.contains("the secret"), "{what}: {}", answer.text);
}

fn grants_age(metrics: &Answer) -> f64 {
    let line = metrics.text.lines().find_map(|line| line.strip_prefix("chaveiro_grants_age_seconds "));
    line.unwrap_or_else(|| panic!("no age in\n{}", metrics.text)).parse().unwrap()
}

#[actix_web::test]
async fn every_route_is_unavailable_while_the_grants_are_too_old() {
    let (app, client) = vault().await;
    app.clock.advance_monotonic(OLDEST + ONE_MORE);
    let records = || app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record");
    let before = records();
    let requests = requests(&client);
    assert!(requests.len() > 100, "{}", requests.len());
    for (what, request) in requests {
        assert_unavailable(&what, &client.send(request).await);
    }
    for path in ["/iso/nothing", "/KeyfactorAPI/Nothing", "/api/pam/device/1/2/3"] {
        assert_unavailable(path, &client.get(path).await);
    }
    // Nothing of it has had an effect.
    assert_eq!(records(), before);
    assert_eq!(app.database.texts("SELECT hostname FROM device"), ["a"]);

    let ready = app.anonymous().get("/health/ready").await;
    assert_eq!(ready.expect(503), json!({ "status": "unavailable" }));
    for path in OPEN {
        assert_ne!(app.anonymous().get(path).await.status, 503, "{path}");
    }
}

#[actix_web::test]
async fn after_a_look_at_the_grants_all_is_as_before() {
    let (app, client) = vault().await;
    let paths = ["/iso/pam/device", "/iso/pam/credential/i", "/api/pam/info/n", "/KeyfactorAPI/Security/Roles"];
    let answers = async || {
        let mut answers: Vec<(u16, Value)> = Vec::new();
        for path in paths {
            let answer = client.get(path).await;
            answers.push((answer.status.as_u16(), answer.json()));
        }
        answers
    };
    let before = answers().await;
    assert!(before[..3].iter().all(|(status, _)| *status == 200), "{before:?}");
    // At the limit they still count.
    app.clock.advance_monotonic(OLDEST);
    assert_eq!(answers().await, before);
    app.clock.advance_monotonic(ONE_MORE);
    assert!(answers().await.iter().all(|(status, _)| *status == 503));
    app.vault.refresh().await.unwrap();
    assert_eq!(answers().await, before);
    app.anonymous().get("/health/ready").await.expect(200);
    assert_eq!(client.token_status().await, 200);
}

#[actix_web::test]
async fn the_age_of_the_grants_is_a_metric() {
    let app = TestApp::start().await;
    assert_eq!(grants_age(&app.anonymous().get("/metrics").await), 0.0);
    app.clock.advance_monotonic(Duration::from_millis(2500));
    assert_eq!(grants_age(&app.anonymous().get("/metrics").await), 2.5);
    app.vault.refresh().await.unwrap();
    assert_eq!(grants_age(&app.anonymous().get("/metrics").await), 0.0);
}

#[actix_web::test]
async fn the_url_of_a_session_opens_nothing_while_the_grants_are_too_old() {
    let (app, client) = vault().await;
    let wanted = post_body("/iso/pam/remote/session", "");
    let session = client.post("/iso/pam/remote/session", &wanted).await.expect(200)["session"].clone();
    let url = session["session_url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap();
    app.clock.advance_monotonic(OLDEST + ONE_MORE);
    assert_unavailable(url, &app.anonymous().get(url).await);
    app.vault.refresh().await.unwrap();
    assert_eq!(app.anonymous().get(url).await.status, 501, "the URL was not used up");
}
