//! What a tag, a hostname, a username and an identifier may be: refused by the name of the field before anything is stored.

use chaveiro::vault::access::Resource;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient, device};

/// The objects that have tags: their paths and the name of the field.
const TAGGED: [(&str, &str); 4] = [
    ("/iso/pam/device", "device_tags"),
    ("/iso/pam/credential", "tags"),
    ("/iso/pam/credential", "device_tags"),
    ("/iso/pam/key", "tags"),
];
/// The fields of one line of each object.
const LINES: [(&str, &str); 7] = [
    ("/iso/pam/device", "hostname"),
    ("/iso/pam/credential", "hostname"),
    ("/iso/pam/credential", "username"),
    ("/iso/pam/credential", "identifier"),
    ("/iso/pam/key", "username"),
    ("/iso/pam/key", "identifier"),
    ("/iso/pam/info", "identifier"),
];
const CONTROL: [&str; 7] = ["a\nb", "a\rb", "a\tb", "a\u{1b}[31mb", "a\u{7f}b", "a\u{85}b", "a\u{2028}b"];
/// Every other field of one line, or of a list: the type of a credential, the settings' members, the parameters of a request
/// that finds one.
const FURTHER: [(&str, &str); 32] = [
    ("/iso/pam/device", "ip"),
    ("/iso/pam/device", "type"),
    ("/iso/pam/device", "vendor"),
    ("/iso/pam/device", "model"),
    ("/iso/pam/device", "site"),
    ("/iso/pam/device", "device_domain"),
    ("/iso/pam/device", "connectivities"),
    ("/iso/pam/credential", "ip"),
    ("/iso/pam/credential", "type"),
    ("/iso/pam/credential", "credential_type"),
    ("/iso/pam/credential", "domain"),
    ("/iso/pam/credential", "connectivities"),
    ("/iso/pam/credential", "additional_settings[identifier]"),
    ("/iso/pam/credential", "additional_settings[server_path]"),
    ("/iso/pam/credential", "execution_settings[change_plugin]"),
    ("/iso/pam/credential", "session_settings[authentication_hostname]"),
    ("/iso/pam/credential", "jit_settings[credential_creation_plugin]"),
    ("/iso/pam/key", "ip"),
    ("/iso/pam/key", "hostname"),
    ("/iso/pam/key", "key_name"),
    ("/iso/pam/info", "name"),
    ("/iso/pam/info", "type"),
    ("/iso/pam/info", "service"),
    ("/iso/pam/info", "url"),
    ("/iso/pam/info", "users_allowed"),
    ("/iso/pam/use", "identifier"),
    ("/iso/pam/use", "hostname"),
    ("/iso/pam/use", "tag"),
    ("/iso/pam/use", "type"),
    ("/iso/remote/session", "user"),
    ("/iso/remote/session", "credential"),
    ("/iso/remote/session", "remoteAddr"),
];

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    (app, client)
}

/// A body that the route takes.
fn body(path: &str) -> Value {
    let account = json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i", "content": "p" });
    match path {
        "/iso/pam/device" => device("new", "10.0.0.2"),
        "/iso/pam/key" => {
            let mut key = account;
            key["identifier"] = json!("k");
            key["private_key"] = json!(include_str!("../fixtures/ssh/ed25519"));
            key
        }
        _ => account,
    }
}

fn with(path: &str, field: &str, value: &str) -> Value {
    let mut body = body(path);
    match field.split_once('[') {
        Some((group, member)) => body[group][member.trim_end_matches(']')] = json!(value),
        None => body[field] = json!(value),
    }
    body
}

/// Posts to the route and, where it takes items, as an item of a batch. Gives the answers.
async fn post(client: &TestClient, path: &str, body: &Value) -> Vec<Answer> {
    let mut answers = vec![client.post(path, body).await, client.post(&path.replace("/iso", "/api"), body).await];
    if path == "/iso/pam/credential" {
        answers.push(client.post("/iso/pam/credential/batch", &json!({ "items": [{ "save": body }] })).await);
    }
    answers
}

/// Asserts that each of the answers, or the only item of it, is 400 and names the field.
#[track_caller]
fn assert_refused(answers: &[Answer], field: &str) {
    for answer in answers {
        let body = answer.json();
        let refused = if body["items"].is_array() { &body["items"][0] } else { &body };
        assert_eq!(refused["code"], 400, "{field}: {}", answer.text);
        let message = refused["message"].as_str().or(refused["response"]["message"].as_str()).unwrap_or_default();
        assert!(message.contains(field), "{field}: {}", answer.text);
    }
}

/// Asserts that nothing was stored but the device of the beginning.
fn assert_nothing_stored(app: &TestApp) {
    assert_eq!(app.database.texts("SELECT hostname FROM device"), ["a"]);
    for table in ["credential", "information", "tagging"] {
        let count = app.database.numbers(&format!("SELECT CAST(COUNT(*) AS INTEGER) FROM {table}"));
        assert_eq!(count, [0], "{table}");
    }
}

fn tags(count: usize) -> String {
    (0..count).map(|number| format!("t{number}")).collect::<Vec<_>>().join(",")
}

#[actix_web::test]
async fn there_are_at_most_64_tags_of_at_most_255_characters() {
    let (app, client) = vault().await;
    for (path, field) in TAGGED {
        for value in [tags(65), "é".repeat(256), format!("a,{}", "x".repeat(3000)), tags(60_000)] {
            assert_refused(&post(&client, path, &with(path, field, &value)).await, field);
        }
    }
    assert_nothing_stored(&app);
    for (path, field) in TAGGED {
        for value in [tags(64), "é".repeat(255)] {
            client.post(path, &with(path, field, &value)).await.expect(201);
        }
    }
    // One that was stored before is as good as unchanged after a refusal.
    client.post("/iso/pam/device", &with("/iso/pam/device", "device_tags", &tags(65))).await.expect(400);
    let stored = client.get("/iso/pam/device/new").await.expect(200)["device"]["device_tags"].clone();
    assert_eq!(stored, "é".repeat(255));
}

#[actix_web::test]
async fn control_characters_are_refused_by_the_name_of_the_field() {
    let (app, client) = vault().await;
    for value in CONTROL {
        for (path, field) in LINES.into_iter().chain(TAGGED) {
            assert_refused(&post(&client, path, &with(path, field, value)).await, field);
        }
        for (path, field) in TAGGED {
            let value = format!("fine, {value} ,fine too");
            assert_refused(&post(&client, path, &with(path, field, &value)).await, field);
        }
    }
    assert_nothing_stored(&app);
    // In a secret or a note they are as good as any other.
    let note = json!({ "identifier": "n", "content": "line 1\nline 2\t\u{1b}" });
    assert_eq!(client.post("/iso/pam/info", &note).await.expect(201)["info"]["content"], note["content"]);
}

#[actix_web::test]
async fn every_field_of_one_line_is_one() {
    let app = TestApp::start().await;
    let resources = vec![Resource::PamCore, Resource::WebProxySession];
    let client = app.client_with(|request| request.resources = resources).await;
    client.create_device("a", "10.0.0.1").await;
    for value in ["a\nb", "a\u{1b}[31mb", "a\u{2028}b"] {
        for (path, field) in FURTHER {
            let name = field.split('[').next_back().unwrap().trim_end_matches(']');
            assert_refused(&post(&client, path, &with(path, field, value)).await, name);
        }
        for list in ["credential?username=", "credential?tag=", "device?type=", "key?identifier=", "info?identifier="] {
            let path = format!("/iso/pam/{list}{}", urlencoded(value));
            client.get(&path).await.expect_refusal(400, "must not contain control characters");
        }
    }
    assert_nothing_stored(&app);
}

/// Every field without a line of its own: free texts, lists, and arrays.
#[actix_web::test]
async fn every_other_field_has_an_end() {
    let (app, client) = vault().await;
    let (text, list, key) = ("é".repeat(4097), "x,".repeat(257), "x".repeat(16385));
    for (path, field, value) in [
        ("/iso/pam/credential", "additional", &text),
        ("/iso/pam/credential", "session_remote_config", &text),
        ("/iso/pam/credential", "connectivities", &list),
        ("/iso/pam/device", "session_remote_config", &text),
        ("/iso/pam/device", "device_domain", &list),
        ("/iso/pam/device", "connectivities", &list),
        ("/iso/pam/info", "service", &text),
        ("/iso/pam/info", "url", &text),
        ("/iso/pam/info", "users_allowed", &list),
        ("/iso/pam/key", "public_key", &key),
    ] {
        assert_refused(&post(&client, path, &with(path, field, value)).await, field);
    }
    let mut session = body("/iso/pam/credential");
    session["session_settings"] = json!({ "macros": vec![json!({ "remote_app": "a" }); 257] });
    assert_refused(&post(&client, "/iso/pam/credential", &session).await, "macros");
    let mut devices = body("/iso/pam/key");
    devices["devices"] = json!(vec![json!({ "hostname": "a" }); 257]);
    assert_refused(&post(&client, "/iso/pam/key", &devices).await, "devices");
    assert_nothing_stored(&app);
    let longest = "é".repeat(4096);
    client.post("/iso/pam/credential", &with("/iso/pam/credential", "additional", &longest)).await.expect(201);
    assert_eq!(client.get("/iso/pam/credential/i").await.expect(200)["credential"]["additional"], longest);
}

fn urlencoded(value: &str) -> String {
    value.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Marks of writing direction and joiners are legal in names: some languages do not do without.
#[actix_web::test]
async fn joiners_and_marks_of_direction_are_kept() {
    let (_app, client) = vault().await;
    for name in ["می\u{200c}خواهم", "\u{200f}שלום", "👩\u{200d}💻", "e\u{301}"] {
        client.post("/iso/pam/credential", &with("/iso/pam/credential", "username", name)).await.expect(201);
        let read = client.get("/iso/pam/credential/i").await.expect(200);
        assert_eq!(read["credential"]["username"], name);
    }
}

#[actix_web::test]
async fn a_hostname_has_no_at_sign() {
    let (app, client) = vault().await;
    for value in ["u@a", "@", "a@"] {
        assert_refused(
            &post(&client, "/iso/pam/device", &with("/iso/pam/device", "hostname", value)).await,
            "hostname",
        );
    }
    assert_nothing_stored(&app);
}
