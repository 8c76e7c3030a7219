//! A repeated request repeats its effect never and its answer only to a client that still has the right to it.

use chaveiro::vault::access::Resource;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

/// Stands in every secret of the owner.
const CANARY: &str = "canary-5d10c2";

/// A request and whether its answer holds a password.
struct Request {
    path: &'static str,
    body: Value,
    reveals: bool,
}

fn credential() -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": CANARY })
}

/// The requests whose stored answers depend on a right to the credential `i`.
fn requests() -> Vec<Request> {
    let session = json!({ "user": "ana", "credential": "u", "device": "a", "protocol": "ssh" });
    let batch = json!({ "items": [{ "read": "i" }, { "save": credential() }] });
    let all = [
        ("/iso/pam/use", json!({ "identifier": "i" }), true),
        ("/iso/pam/credential/batch", batch, true),
        ("/iso/pam/credential", credential(), false),
        ("/iso/pam/remote/session", session, false),
        ("/iso/pam/credential/i/versions/1/restore", json!({}), false),
    ];
    all.map(|(path, body, reveals)| Request { path, body, reveals }).into()
}

/// A vault with the credential `i` of an owner, and a client that is linked to it.
async fn vault() -> (TestApp, TestClient, TestClient) {
    let app = TestApp::start().await;
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    let owner = app.client().await;
    owner.create_device("a", "10.0.0.1").await;
    owner.save_credential(&credential()).await;
    let resources = vec![Resource::PamCore, Resource::WebProxySession];
    let client = app.client_with(|request| request.resources = resources).await;
    app.link(&client, target()).await;
    (app, owner, client)
}

fn target() -> LinkTarget {
    LinkTarget::Credential("i".into())
}

async fn unlink(app: &TestApp, client: &TestClient) {
    let permit = app.operator(Action::AUTHORIZATION_UNLINK).await;
    app.vault.unlink(permit, &client.client_id, target()).await.unwrap();
}

/// Sends a request under its key, which is its path.
async fn send(client: &TestClient, Request { path, body, .. }: &Request) -> Answer {
    client.send(client.request(Method::POST, path).header("Idempotency-Key", *path).json(body)).await
}

/// Sends every request for the first time; each has to work.
async fn send_all(client: &TestClient) -> Vec<(Request, Answer)> {
    let mut sent = Vec::new();
    for request in requests() {
        let answer = send(client, &request).await;
        assert!(answer.status.is_success(), "{}: {}", request.path, answer.text);
        assert_eq!(answer.text.contains(CANARY), request.reveals, "{}: {}", request.path, answer.text);
        assert!(!answer.text.contains("\"error\":true"), "{}: {}", request.path, answer.text);
        sent.push((request, answer));
    }
    sent
}

/// Asserts that a repetition gives nothing away. A batch is refused item by item.
#[track_caller]
fn assert_refused(path: &str, first: &Answer, again: &Answer) {
    let body = again.json();
    let is_refused = |answer: &Value| answer["code"].as_i64().is_some_and(|code| (400..500).contains(&code));
    let refused = body["items"].as_array().map_or(is_refused(&body), |items| items.iter().all(is_refused));
    assert!(refused, "{path}: {}", again.text);
    assert!(!again.text.contains(CANARY), "{path}: {}", again.text);
    assert!(!again.text.contains("session_url"), "{path}: {}", again.text);
    assert_ne!(first.text, again.text, "{path}");
}

async fn assert_all_refused(client: &TestClient, sent: &[(Request, Answer)]) {
    for (request, first) in sent {
        assert_refused(request.path, first, &send(client, request).await);
    }
}

async fn assert_all_repeated(client: &TestClient, sent: &[(Request, Answer)]) {
    for (request, first) in sent {
        let again = send(client, request).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{}", request.path);
    }
}

/// How many versions of the password there are: an effect that took place again would show here.
fn versions(app: &TestApp) -> usize {
    app.database.numbers("SELECT version FROM secret WHERE kind = 'credential.password'").len()
}

#[actix_web::test]
async fn a_client_that_was_unlinked_hears_no_answer_again_until_it_is_linked() {
    let (app, _owner, client) = vault().await;
    let sent = send_all(&client).await;
    let before = versions(&app);
    unlink(&app, &client).await;
    assert_all_refused(&client, &sent).await;
    app.link(&client, target()).await;
    assert_all_repeated(&client, &sent).await;
    assert_eq!(versions(&app), before);
}

#[actix_web::test]
async fn a_refused_repetition_is_recorded_with_its_reason_and_object() {
    let (app, _owner, client) = vault().await;
    let request = &requests()[0];
    send(&client, request).await.expect(200);
    unlink(&app, &client).await;
    send(&client, request).await.expect_number(1009);
    let refused: Vec<_> = app.records().await.into_iter().filter(|record| record.outcome == "no-access").collect();
    let seen: Vec<_> =
        refused.iter().map(|row| (row.actor.as_str(), row.action.as_str(), row.object.as_str())).collect();
    assert_eq!(seen, [(client.client_id.as_str(), "credential.use", "credential:1")]);
}

#[actix_web::test]
async fn a_credential_that_was_deactivated_is_not_revealed_by_a_repetition() {
    let (_app, owner, client) = vault().await;
    let sent = send_all(&client).await;
    for (off, on) in [
        ("/iso/pam/credential/i", vec!["/iso/pam/credential/i"]),
        ("/iso/pam/device/a", vec!["/iso/pam/device/a", "/iso/pam/credential/i"]),
    ] {
        owner.delete(off).await.expect(200);
        for (request, first) in &sent {
            let again = send(&client, request).await;
            // A save may be repeated: it reveals nothing, and switches nothing on.
            match request.path {
                "/iso/pam/credential" => assert_eq!(again.text, first.text),
                "/iso/pam/credential/batch" => {
                    assert_eq!(again.json()["items"][0]["exception"]["code"], 1008, "{}", again.text);
                    assert!(!again.text.contains(CANARY), "{}", again.text);
                }
                path => assert_refused(path, first, &again),
            }
        }
        for path in on {
            owner.put(path).await.expect(200);
        }
        assert_all_repeated(&client, &sent).await;
    }
}

#[actix_web::test]
async fn a_repetition_reveals_nothing_while_another_client_holds_the_credential() {
    let (_app, owner, client) = vault().await;
    let mut exclusive = credential();
    exclusive["exclusive_custody"] = json!(true);
    owner.save_credential(&exclusive).await;
    let revealing: Vec<_> = send_all_revealing(&client).await;
    client.delete("/iso/pam/credential/custody/i").await.expect(200);
    assert_eq!(owner.password("i").await, CANARY);
    for (request, _) in &revealing {
        let again = send(&client, request).await;
        assert!(!again.text.contains(CANARY), "{}: {}", request.path, again.text);
        assert!(again.text.contains("1009"), "{}: {}", request.path, again.text);
    }
    owner.delete("/iso/pam/credential/custody/i").await.expect(200);
    for (request, first) in &revealing {
        assert_eq!(send(&client, request).await.text, first.text, "{}", request.path);
        // It is the client that holds it now, as after a read.
        owner.get("/iso/pam/credential/i").await.expect_number(1009);
    }
}

async fn send_all_revealing(client: &TestClient) -> Vec<(Request, Answer)> {
    let mut sent = Vec::new();
    for request in requests().into_iter().filter(|request| request.reveals) {
        let answer = send(client, &request).await;
        assert!(answer.text.contains(CANARY), "{}: {}", request.path, answer.text);
        sent.push((request, answer));
    }
    sent
}

#[actix_web::test]
async fn a_client_that_was_disabled_or_may_only_read_repeats_no_write() {
    let (app, _owner, client) = vault().await;
    let sent = send_all(&client).await;
    let access = |name: &str| {
        let change = format!("UPDATE \"authorization\" SET access = '{name}' WHERE client_id = '{}'", client.client_id);
        app.database.run(&format!("{change}; UPDATE change_mark SET revision = revision + 1"));
    };
    let read_write = app.database.texts("SELECT DISTINCT access FROM \"authorization\"");
    let reader = app.read_only_client().await;
    let own = format!("SELECT access FROM \"authorization\" WHERE client_id = '{}'", reader.client_id);
    access(&app.database.texts(&own)[0]);
    app.vault.refresh().await.unwrap();
    for (request, first) in &sent {
        let again = send(&client, request).await;
        match request.path {
            // They write nothing that a client keeps.
            "/iso/pam/use" | "/iso/pam/remote/session" => assert_eq!(again.text, first.text, "{}", request.path),
            "/iso/pam/credential/batch" => {
                let items = again.json()["items"].clone();
                assert_eq!((&items[0]["code"], &items[1]["exception"]["code"]), (&json!(200), &json!(1039)));
            }
            _ => again.expect_number(1039),
        }
    }
    access(&read_write[0]);
    app.vault.refresh().await.unwrap();
    assert_all_repeated(&client, &sent).await;

    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &client.client_id).await.unwrap();
    app.vault.refresh().await.unwrap();
    for (request, _) in &sent {
        let again = send(&client, request).await;
        again.expect_refusal(401, "Client authentication failed");
        assert!(!again.text.contains(CANARY));
    }
}
