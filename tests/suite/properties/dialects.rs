//! The differences between the generations of the service (contract, section 11), each row asked once under `/iso` and
//! once under `/api`.

use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, TestClient};

/// What has to be true of an answer.
#[derive(Clone)]
enum Expect {
    /// This value stands there.
    Is(&'static str, Value),
    /// Something stands there.
    There(&'static str),
    /// A new UUID stands there.
    Uuid(&'static str),
    /// Nothing stands there, not even null.
    Absent(&'static str),
    /// A refusal with this number.
    Refused(u16),
}

use Expect::{Absent, Is, Refused, There, Uuid};

/// A row: the topic, one call, and what each dialect answers.
struct Row {
    topic: &'static str,
    call: (Method, &'static str, Value),
    legacy: Vec<Expect>,
    modern: Vec<Expect>,
}

fn row(topic: &'static str, call: (Method, &'static str, Value), legacy: Vec<Expect>, modern: Vec<Expect>) -> Row {
    Row { topic, call, legacy, modern }
}

fn same(topic: &'static str, call: (Method, &'static str, Value), both: Vec<Expect>) -> Row {
    Row { topic, call, legacy: both.clone(), modern: both }
}

fn get(path: &'static str) -> (Method, &'static str, Value) {
    (Method::GET, path, Value::Null)
}

/// A credential on the device that is there, with more or less.
fn credential(more: Value) -> (Method, &'static str, Value) {
    let mut body = json!({ "hostname": "host", "ip": "10.0.0.1", "content": "p" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (Method::POST, "/pam/credential", body)
}

fn key(more: Value) -> (Method, &'static str, Value) {
    let (_, _, mut body) = credential(more);
    body["private_key"] = json!(include_str!("../fixtures/ssh/ed25519"));
    (Method::POST, "/pam/key", body)
}

fn session(more: Value) -> (Method, &'static str, Value) {
    let mut body = json!({ "user": "ana", "device": "host", "protocol": "ssh" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (Method::POST, "/remote/session", body)
}

/// Each row runs in a vault of its own with the device `host` and the credential `known` on it.
fn table() -> Vec<Row> {
    let long = ["status", "message", "error", "error_code", "detail", "mensagem", "erro", "cod_erro"];
    let long = long.map(|field| There(Box::leak(format!("/response/{field}").into_boxed_str()))).to_vec();
    vec![
        same("response fields", get("/pam/device"), long.clone()),
        same("response fields of an error", get("/pam/credential/999"), long),
        same("code", get("/pam/device"), vec![Is("/code", json!(200))]),
        row(
            "tenant in replies",
            get("/pam/device/host"),
            vec![Absent("/tenant")],
            vec![Is("/tenant", json!("default"))],
        ),
        same(
            "identifier in credential get",
            get("/pam/credential/known"),
            vec![Is("/credential/tag", json!("known")), Is("/credential/identifier", json!("known"))],
        ),
        row(
            "identifier in credential create",
            credential(json!({ "username": "new", "identifier": "new" })),
            vec![Is("/credential/tag", Value::Null), Absent("/credential/identifier")],
            vec![Is("/credential/identifier", json!("new")), Absent("/credential/tag")],
        ),
        row(
            "identifier in credential update",
            credential(json!({ "username": "known", "identifier": "known" })),
            vec![Is("/credential/tag", json!("known")), Absent("/credential/identifier")],
            vec![Is("/credential/identifier", json!("known")), Absent("/credential/tag")],
        ),
        row(
            "identifier in key create",
            key(json!({ "identifier": "new" })),
            vec![Is("/key/tag", json!("new"))],
            vec![Is("/key/identifier", json!("new"))],
        ),
        row(
            "identifier generated",
            credential(json!({ "username": "new" })),
            vec![Is("/credential/tag", Value::Null)],
            vec![Uuid("/credential/identifier")],
        ),
        row(
            "characters of an identifier",
            credential(json!({ "username": "new", "identifier": "a b:c" })),
            vec![There("/credential/id")],
            vec![Refused(1053)],
        ),
        row("username not sent", credential(json!({})), vec![There("/credential/id")], vec![Refused(1042)]),
        same("username empty", credential(json!({ "username": "" })), vec![There("/credential/id")]),
        row(
            "automatic_change",
            get("/pam/credential"),
            vec![Is("/credentials/0/automatic_change", json!("0"))],
            vec![Is("/credentials/0/automatic_change", json!(false))],
        ),
        same("tags in the list of devices", get("/pam/device"), vec![Is("/devices/0/tags", json!(""))]),
        same(
            "what one device shows",
            get("/pam/device/host"),
            vec![
                Is("/device/device_domain", json!("")),
                Is("/device/connectivities", json!("")),
                Is("/device/session_remote_config", json!("")),
                Is("/device/device_tags", json!("")),
            ],
        ),
        same(
            "devices, tags, name and state of keys",
            key(json!({ "identifier": "new", "key_name": "n", "tags": "t", "enabled": true,
                        "devices": [{ "hostname": "host" }] })),
            vec![There("/key/id"), There("/key/devices")],
        ),
        same("the list of sessions", get("/session/remotesessions"), vec![Is("/remote_sessions", json!([]))]),
        same(
            "additional_settings as an object",
            credential(json!({ "username": "known", "additional_settings": { "identifier": "renamed" } })),
            vec![There("/credential/id")],
        ),
        same(
            "additional_settings as an array",
            credential(json!({ "username": "known", "additional_settings": [{ "identifier": "renamed" }] })),
            vec![There("/credential/id")],
        ),
        same(
            "protected information",
            (Method::POST, "/pam/info", json!({ "content": "p", "identifier": "new" })),
            vec![Is("/info/identifier", json!("new"))],
        ),
        row(
            "the credential of a proxy session",
            session(json!({})),
            vec![Is("/response/message", json!("Credential not specified"))],
            vec![There("/session/session_url")],
        ),
        row(
            "the missing user of a proxy session",
            session(json!({ "user": "" })),
            vec![Is("/response/message", json!("User not specified"))],
            vec![Is("/response/message", json!("Username not specified"))],
        ),
    ]
}

async fn vault() -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    let every = chaveiro::vault::access::Resource::ALL.to_vec();
    let client = app.client_with(|request| {
        request.resources = every;
        request.allowed_ips = vec!["127.0.0.1".into()];
    });
    let client = client.await;
    client.create_device("host", "10.0.0.1").await;
    let (_, path, body) = credential(json!({ "username": "known", "identifier": "known" }));
    client.post(&format!("/iso{path}"), &body).await.expect(201);
    (app, client)
}

fn check(answer: &Answer, expected: &Expect, call: &str) {
    let body = answer.json();
    let at = |pointer: &str| body.pointer(pointer).unwrap_or_else(|| panic!("{call}: no {pointer} in {body}")).clone();
    match expected {
        Is(pointer, value) => assert_eq!(at(pointer), *value, "{call}: {body}"),
        There(pointer) => drop(at(pointer)),
        Uuid(pointer) => drop(at(pointer).as_str().unwrap().parse::<uuid::Uuid>().unwrap()),
        Absent(pointer) => assert_eq!(body.pointer(pointer), None, "{call}: {body}"),
        Refused(number) => answer.expect_number(*number),
    }
}

#[actix_web::test]
async fn each_row_answers_in_its_dialect_under_each_prefix() {
    for row in table() {
        for (prefix, expected) in [("/iso", &row.legacy), ("/api", &row.modern)] {
            let (_app, client) = vault().await;
            let (method, path, body) = &row.call;
            let mut request = client.request(method.clone(), &format!("{prefix}{path}"));
            if !body.is_null() {
                request = request.json(body);
            }
            let answer = client.send(request).await;
            for expect in expected {
                check(&answer, expect, &format!("{} under {prefix}", row.topic));
            }
        }
    }
}

#[actix_web::test]
async fn the_token_endpoint_is_one_under_both_prefixes() {
    let (_app, client) = vault().await;
    for path in ["/iso/oauth2/token", "/api/oauth2/token"] {
        let mut basic = client.clone();
        basic.token.clear();
        let request = basic
            .request(Method::POST, path)
            .basic_auth(&client.client_id, Some(&client.client_secret))
            .form(&[("grant_type", "client_credentials"), ("tenant", "default")]);
        assert_eq!(client.send(request).await.expect(200)["expires_in"], 3600, "{path}");
    }
}

#[actix_web::test]
async fn an_escaped_prefix_is_the_same_dialect() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("host", "10.0.0.1").await;
    let (_, path, body) = credential(json!({ "username": "u", "identifier": "with space" }));
    for prefix in ["/api", "/%61pi", "/a%70%69"] {
        client.post(&format!("{prefix}{path}"), &body).await.expect_number(1053);
    }
    for prefix in ["/iso", "/%69so"] {
        client.post(&format!("{prefix}{path}"), &body).await.expect(201);
    }
}
