//! `Idempotency-Key`: a request that is sent again is answered as the first time, and does nothing.

mod at_once;
mod lifetime;

use std::time::Duration;

use chaveiro::vault::access::Resource;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient, device, endpoints};

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";
const VERSIONS: [(&str, &str); 2] =
    [("one", include_str!("../../fixtures/ssh/ed25519")), ("two", include_str!("../../fixtures/ssh/ecdsa"))];
const HOUR: Duration = Duration::from_secs(3600);

async fn post(client: &TestClient, path: &str, key: &str, body: &Value) -> Answer {
    client.send(client.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

/// Posts until another answer than 503 comes: writes that meet for too long are rolled back.
async fn post_again(client: &TestClient, path: &str, key: &str, body: &Value) -> Answer {
    client.send_again(|| client.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

/// A vault with a device, and of everything that has a history one with two versions.
async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start_with(|settings| settings.store.writers = 1).await;
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    let client = client(&app).await;
    client.create_device("a", "10.0.0.1").await;
    for (content, private) in VERSIONS {
        save_all(&client, content, private).await;
    }
    (app, client)
}

/// A client that may call every route of the service.
async fn client(app: &TestApp) -> TestClient {
    app.client_with(|request| request.resources = vec![Resource::PamCore, Resource::WebProxySession]).await
}

async fn save_all(client: &TestClient, content: &str, private: &str) {
    client.save_credential(&credential("i", content)).await;
    client.post("/iso/pam/info", &json!({ "identifier": "i", "content": content })).await.expect(201);
    client.post("/iso/pam/key", &ssh_key("k", private)).await.expect(201);
}

/// As [`vault`], with a password and an SSH key that can be changed on a target, and with a rotation of each that waits for a
/// decision.
async fn vault_with_rotations() -> (TestApp, TestClient) {
    let (app, client) = vault().await;
    for name in ["i", "waits"] {
        let mut sent = credential(name, "two");
        sent["execution_settings"] = json!({ "change_plugin": "openldap" });
        client.save_credential(&sent).await;
        let mut sent = ssh_key(&format!("key-{name}"), VERSIONS[0].1);
        sent["execution_settings"] = json!({ "change_plugin": "ssh-key" });
        client.post("/iso/pam/key", &sent).await.expect(201);
    }
    reset_rotations(&app);
    (app, client)
}

/// Lets no rotation be requested, and lets those wait for a decision that are named so.
fn reset_rotations(app: &TestApp) {
    app.database.run("DELETE FROM job WHERE kind = 'credential.rotate'");
    app.database.run("DELETE FROM rotation_event");
    app.database.run("DELETE FROM rotation_record");
    app.database.run(
        "INSERT INTO rotation_record (credential_id, revision, phase, cause, attempts, checks, rejections, sends, in_doubt, \
         waiting_releases, is_behind) SELECT id, 1, 'unreachable', 'manual', 1, 0, 0, 0, FALSE, 0, FALSE FROM credential \
         WHERE identifier IN ('waits', 'key-waits')",
    );
}

/// Saves the second versions again, so that a request that has its effect shows it.
async fn put_back(app: &TestApp, client: &TestClient) {
    app.clock.advance(Duration::from_secs(1));
    save_all(client, VERSIONS[1].0, VERSIONS[1].1).await;
    // The address of a device that a request saves.
    client.create_device("new", "10.0.0.3").await;
    reset_rotations(app);
    // A view within a minute of another is not stored.
    app.database.run("UPDATE credential SET viewed_at = NULL");
    app.clock.advance(Duration::from_secs(1));
}

fn credential(username: &str, content: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": username, "identifier": username, "content": content })
}

/// Runs the job that prunes old keys, if it is due.
async fn prune(app: &TestApp) {
    app.vault.schedule_jobs().await.unwrap();
    app.vault.run_due_jobs().await.unwrap();
}

fn ssh_key(identifier: &str, private: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": identifier, "private_key": private })
}

/// A request to one of the routes that succeeds and changes something. Its path is its key too.
struct Request {
    path: String,
    body: Value,
}

impl Request {
    /// The one for a route of the table. A new `POST` needs a line here.
    fn to(route: &str) -> Self {
        // The rotation of this one waits for a decision.
        let named = if route.ends_with("/decision") { "waits" } else { "i" };
        let of_key = if route.contains("/rotat") { format!("/pam/key/key-{named}") } else { "/pam/key/k".into() };
        let path = route.replace("/pam/key/{key}", &of_key).replace("{key}", named).replace("{version}", "1");
        let session = json!({ "user": "ana", "credential": "i", "device": "a", "protocol": "ssh" });
        let body = match route.trim_start_matches("/iso").trim_start_matches("/api").trim_start_matches("/pam") {
            "/device" | "/devices" => device("new", "10.0.0.2"),
            "/credential" => credential("i", "three"),
            "/info" => json!({ "identifier": "i", "content": "three" }),
            "/key" => ssh_key("k", include_str!("../../fixtures/ssh/rsa")),
            "/remote/session" => session,
            "/use" => json!({ "identifier": "i" }),
            "/credential/batch" => json!({ "items": [{ "save": credential("i", "three") }, { "read": "i" }] }),
            route if route.ends_with("/restore") || route.ends_with("/rotate") => json!({}),
            route if route.ends_with("/rotation/decision") => json!({ "decision": "retry" }),
            _ => panic!("no request for the new route {route}"),
        };
        Self { path, body }
    }

    fn other_body(&self) -> Value {
        let mut body = self.body.clone();
        body["tags"] = json!("other");
        body
    }
}

/// A request for every `POST` that takes a token, but those of the Keyfactor routes, where names do what keys do here.
fn every_post() -> Vec<Request> {
    let posts =
        endpoints().into_iter().filter(|endpoint| endpoint.bearer && !endpoint.basic && endpoint.method == "POST");
    let requests: Vec<Request> = posts.map(|endpoint| Request::to(&endpoint.path)).collect();
    assert!(requests.len() >= 20, "{}", requests.len());
    requests
}

/// Everything that a `POST` could change, down to the time of the last change.
fn state(app: &TestApp) -> Vec<String> {
    let queries = [
        "SELECT 'device ' || id || ' ' || changed_at FROM device ORDER BY 1",
        "SELECT 'credential ' || id || ' ' || changed_at FROM credential ORDER BY 1",
        "SELECT 'information ' || id || ' ' || changed_at FROM information ORDER BY 1",
        "SELECT 'key ' || credential_id || ' ' || public_key FROM ssh_key ORDER BY 1",
        "SELECT kind || ' ' || owner_id || ' ' || version FROM secret ORDER BY 1",
        "SELECT 'head ' || kind || ' ' || owner_id || ' ' || current_changed_at FROM secret_head ORDER BY 1",
        "SELECT 'rotation ' || credential_id || ' ' || revision || ' ' || COALESCE(waiting_cause, '') FROM rotation_record \
         ORDER BY 1",
        "SELECT kind || ' ' || name FROM lookup ORDER BY 1",
        "SELECT 'session ' || session_id FROM proxy_session ORDER BY 1",
        "SELECT 'view ' || id || ' ' || viewed_at FROM credential WHERE viewed_at IS NOT NULL ORDER BY 1",
    ];
    queries.iter().flat_map(|query| app.database.texts(query)).collect()
}

#[actix_web::test]
async fn every_post_has_its_effect_once_and_the_same_answer_again() {
    let (app, client) = vault_with_rotations().await;
    for Request { path, body } in every_post() {
        put_back(&app, &client).await;
        let before = state(&app);
        let first = post(&client, &path, &path, &body).await;
        assert!(first.status.is_success(), "{path}: {}", first.text);
        assert_ne!(before, state(&app), "{path}");
        for _ in 0..2 {
            // What the first one has stored is replaced meanwhile: a save of what is stored leaves no trace.
            put_back(&app, &client).await;
            let meanwhile = state(&app);
            let again = post(&client, &path, &path, &body).await;
            assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
            assert_eq!(state(&app), meanwhile, "{path}");
        }
        // The same without the key is another matter.
        put_back(&app, &client).await;
        let before = state(&app);
        assert!(client.post(&path, &body).await.status.is_success(), "{path}");
        assert_ne!(state(&app), before, "{path}");
    }
}

#[actix_web::test]
async fn every_post_refuses_a_key_that_was_used_for_something_else() {
    let (app, client) = vault_with_rotations().await;
    for request in every_post() {
        let Request { path, body } = &request;
        put_back(&app, &client).await;
        let first = post(&client, path, path, body).await;
        assert!(first.status.is_success(), "{path}: {}", first.text);
        let after = state(&app);
        app.clock.advance(Duration::from_secs(1));
        let refused = post(&client, path, path, &request.other_body()).await;
        refused.expect_refusal(409, "The idempotency key was used for another request");
        assert_eq!(refused.json().get("exception"), None);
        post(&client, &format!("{path}?tags=other"), path, body).await.expect(409);
        let elsewhere = if path.contains("/info") { "/iso/pam/device" } else { "/iso/pam/info" };
        post(&client, elsewhere, path, body).await.expect(409);
        assert_eq!(state(&app), after, "{path}");
        assert_eq!(post(&client, path, path, body).await.text, first.text);
    }
}

#[actix_web::test]
async fn every_post_that_was_refused_may_be_tried_again_under_its_key() {
    let (app, client) = vault_with_rotations().await;
    for Request { path, body } in every_post() {
        put_back(&app, &client).await;
        let (wrong_path, wrong_body) = if path.ends_with("/restore") {
            (path.replace("versions/1", "versions/99"), body.clone())
        } else if path.ends_with("/rotate") {
            (path.replace("/i/", "/nothing/").replace("/key-i/", "/nothing/"), body.clone())
        } else {
            (path.clone(), json!({ "hostname": "nowhere" }))
        };
        let before = state(&app);
        assert_eq!(post(&client, &wrong_path, &path, &wrong_body).await.status, 400, "{path}");
        assert_eq!(state(&app), before);
        assert!(post(&client, &path, &path, &body).await.status.is_success(), "{path}");
        assert_ne!(state(&app), before, "{path}");
    }
}

#[actix_web::test]
async fn every_posts_key_is_the_clients_own() {
    let (app, client) = vault_with_rotations().await;
    let others = [self::client(&app).await, app.read_only_client().await];
    for Request { path, body } in every_post() {
        assert!(post(&client, &path, &path, &body).await.status.is_success(), "{path}");
        // Somebody else hears what somebody else would hear, and nothing of the answer.
        for other in &others {
            let (with_key, without) = (post(other, &path, &path, &body).await, other.post(&path, &body).await);
            let refused =
                |answer: &Value| (400..500).contains(&answer["code"].as_i64().unwrap()) && answer["code"] != 409;
            let answer = with_key.json();
            let items = answer["items"].as_array();
            assert!(items.map_or(refused(&answer), |items| items.iter().all(refused)), "{path}: {answer}");
            assert_eq!(with_key.text, without.text, "{path}");
        }
    }
}

#[actix_web::test]
async fn a_repetition_brings_back_the_answer_and_not_the_state() {
    let (app, client) = vault().await;
    let sent = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "new", "content": "p1" });
    let first = post(&client, "/api/pam/credential", KEY, &sent).await;
    let identifier = first.expect(201)["credential"]["identifier"].as_str().unwrap().to_string();
    client.save_credential(&json!({ "hostname": "a", "ip": "10.0.0.1", "username": "new", "content": "p2" })).await;
    client.delete(&format!("/iso/pam/credential/{identifier}")).await.expect(200);
    assert_eq!(post(&client, "/api/pam/credential", KEY, &sent).await.text, first.text);
    client.put(&format!("/iso/pam/credential/{identifier}")).await.expect(200);
    assert_eq!(client.password(&identifier).await, "p2");
    let records = app.records().await;
    let records = &records[records.len() - 4..];
    let written: Vec<_> = records.iter().map(|record| (&*record.action, &*record.object, &*record.outcome)).collect();
    assert!(written.contains(&("credential.save", "credential:3", "repeated")), "{written:?}");
}

#[actix_web::test]
async fn the_text_of_an_information_is_echoed_again() {
    let (app, client) = vault().await;
    let sent = json!({ "identifier": "new", "content": "the text" });
    let first = post(&client, "/iso/pam/info", KEY, &sent).await;
    assert_eq!(first.expect(201)["info"]["content"], "the text");
    assert_eq!(post(&client, "/iso/pam/info", KEY, &sent).await.text, first.text);
    let kept = app.database.texts("SELECT result FROM idempotency");
    assert!(kept.len() == 1 && !kept[0].contains("the text"), "{kept:?}");
}

#[actix_web::test]
async fn the_same_parameters_are_the_same_request_however_they_are_written() {
    let (_app, client) = vault().await;
    let path = "/iso/pam/credential";
    let first = post(&client, path, KEY, &credential("new", "p")).await;
    let request = || client.request(Method::POST, path).header("Idempotency-Key", KEY);
    let text = r#"{ "content": "p", "identifier": "new", "username": "new", "ip": "10.0.0.1", "hostname": "a" }"#;
    let form = [("hostname", "a"), ("ip", "10.0.0.1"), ("username", "new"), ("identifier", "new"), ("content", "p")];
    let parts = || form.iter().fold(Form::new(), |parts, (name, value)| parts.text(*name, *value));
    for again in [
        client.send(request().header("Content-Type", "application/json").body(text)).await,
        client.send(request().form(&form)).await,
        // The boundary between its parts is another one each time.
        client.send(request().multipart(parts())).await,
        client.send(request().multipart(parts())).await,
    ] {
        assert_eq!((again.status, &again.text), (first.status, &first.text));
    }
    // A password that differs in one letter is not the same.
    post(&client, path, KEY, &credential("new", "P")).await.expect(409);
}

#[actix_web::test]
async fn keys_of_a_wrong_form_are_refused_after_permission_and_before_any_effect() {
    let (app, client) = vault_with_rotations().await;
    let before = state(&app);
    for key in ["", "a b", "\u{e9}", &"x".repeat(256)] {
        for Request { path, body } in every_post() {
            let request = client.request(Method::POST, &path).header("Idempotency-Key", key.as_bytes());
            client.send(request.json(&body)).await.expect_refusal(400, "Invalid header Idempotency-Key: expected 1 to");
        }
        let reader = app.read_only_client().await;
        let request = reader.request(Method::POST, "/iso/pam/info").header("Idempotency-Key", key.as_bytes());
        reader.send(request).await.expect_number(1039);
    }
    let request = client.request(Method::POST, "/iso/pam/info").header("Idempotency-Key", "a");
    let twice = request.header("Idempotency-Key", "b").json(&json!({ "content": "c" }));
    client.send(twice).await.expect_refusal(400, "once");
    // A body that cannot be read is no request that could be known again.
    for Request { path, .. } in every_post() {
        let request = client.request(Method::POST, &path).header("Idempotency-Key", KEY);
        let broken = request.header("Content-Type", "application/json").body("{");
        client.send(broken).await.expect_refusal(400, "not valid JSON");
    }
    assert_eq!(state(&app), before);
    let longest = "x".repeat(255);
    post(&client, "/iso/pam/info", &longest, &json!({ "content": "c" })).await.expect(201);
}

#[actix_web::test]
async fn who_sends_no_key_leaves_nothing_and_other_methods_look_at_none() {
    let (app, client) = vault().await;
    let with_key = |method: Method, path: &str| client.request(method, path).header("Idempotency-Key", KEY);
    for _ in 0..2 {
        client.send(with_key(Method::GET, "/iso/pam/credential/i")).await.expect(200);
        client.send(with_key(Method::DELETE, "/iso/pam/credential/i")).await.expect(200);
        client.send(with_key(Method::PUT, "/iso/pam/credential/i")).await.expect(200);
    }
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM idempotency"), [0]);
}
