//! The ways that a secret may go: where it is kept, where it is refused, and where nobody asked for it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::{Canaries, HOSTNAME, Told};
use crate::support::decrypt::PrivateKey;
use crate::support::{Credentials, Program, TestClient, device};

const PRIVATE_KEY: &str = include_str!("../../fixtures/ssh/ed25519");

pub(super) fn on_marker(username: &str) -> Value {
    json!({ "hostname": HOSTNAME, "ip": "10.0.0.1", "username": username, "identifier": username })
}

/// Secrets that are taken and kept, on every way in. They come back when they are read, and only then.
pub(super) async fn keep_secrets(client: &TestClient, canaries: &mut Canaries, told: &mut Told) {
    let path = "/iso/pam/credential";
    let mut sent = on_marker("by-json");
    sent["content"] = json!(canaries.hatch("a password by JSON"));
    sent["additional_settings"] = json!({
        "secret_key": canaries.hatch("a TOTP seed"),
        "notes": canaries.hatch("notes"),
        "additional_authentication_fields":
            [{ "name": "pin", "short_name": "p", "value": canaries.hatch("a further authentication field") }],
    });
    told.note("a save by JSON", 201, &client.post(path, &sent).await);
    sent["content"] = json!(canaries.hatch("a second password"));
    told.note("a second save", 201, &client.post(path, &sent).await);
    assert_eq!(client.password("by-json").await, sent["content"]);

    let content = canaries.hatch("a password by form");
    let form = [
        ("hostname", HOSTNAME),
        ("ip", "10.0.0.1"),
        ("username", "by-form"),
        ("identifier", "by-form"),
        ("content", &content),
        ("notes", &canaries.hatch("notes beside the settings")),
    ];
    told.note("a save by form", 201, &client.post_form(path, &form).await);
    assert_eq!(client.password("by-form").await, content);

    let content = canaries.hatch("a password by multipart");
    let form = on_marker("by-multipart")
        .as_object()
        .unwrap()
        .iter()
        .fold(Form::new(), |form, (name, value)| form.text(name.clone(), value.as_str().unwrap().to_string()));
    let request = client.request(Method::POST, path).multipart(form.text("content", content.clone()));
    told.note("a save by multipart", 201, &client.send(request).await);
    assert_eq!(client.password("by-multipart").await, content);

    let content = canaries.hatch("a password in the query");
    let query = format!("{path}?hostname={HOSTNAME}&ip=10.0.0.1&username=q&identifier=by-query&content={content}");
    told.note("a save by query", 201, &client.send(client.request(Method::POST, &query)).await);
    assert_eq!(client.password("by-query").await, content);

    let mut sent = on_marker("by-key");
    sent["private_key"] = json!(PRIVATE_KEY);
    sent["password"] = json!(canaries.hatch("a passphrase"));
    canaries.add("a private key", PRIVATE_KEY.lines().nth(2).unwrap());
    told.note("a save of a key", 201, &client.post("/iso/pam/key", &sent).await);
    let read = client.get("/iso/pam/key/by-key").await.expect(200);
    assert_eq!((&read["key"]["private_key"], &read["key"]["password"]), (&json!(PRIVATE_KEY), &sent["password"]));

    let content = canaries.hatch("a protected information");
    let saved = client.post("/iso/pam/info", &json!({ "name": "n", "identifier": "info", "content": content })).await;
    saved.expect(201);
    assert_eq!(client.get("/iso/pam/info/info").await.expect(200)["info"]["content"], content);

    let mut sent = on_marker("by-retry");
    sent["content"] = json!(canaries.hatch("a password under an idempotency key"));
    let key = canaries.hatch("an idempotency key");
    for time in ["first", "second"] {
        let request = client.request(Method::POST, path).header("Idempotency-Key", &key).json(&sent);
        told.note(&format!("the {time} save under a key"), 201, &client.send(request).await);
    }
    sent["content"] = json!(canaries.hatch("another password under that key"));
    let request = client.request(Method::POST, path).header("Idempotency-Key", &key).json(&sent);
    told.note("another save under that key", 409, &client.send(request).await);
    let sent = json!({ "content": canaries.hatch("an information under an idempotency key") });
    for _ in 0..2 {
        let request = client.request(Method::POST, "/iso/pam/info").header("Idempotency-Key", "echo").json(&sent);
        assert_eq!(client.send(request).await.expect(201)["info"]["content"], sent["content"]);
    }

    let mut sent = on_marker("by-batch");
    sent["content"] = json!(canaries.hatch("a password in a batch"));
    let batch = json!({ "items": [{ "save": sent }, { "read": "by-batch" }] });
    for (called, body) in
        [("/iso/pam/credential/batch", &batch), ("/iso/pam/use", &json!({ "identifier": "by-batch" }))]
    {
        let request = client.request(Method::POST, called).header("Idempotency-Key", called).json(body);
        assert!(client.send(request).await.text.contains(sent["content"].as_str().unwrap()));
    }
    let wrong =
        json!({ "items": [{ "save": { "content": canaries.hatch("a password in an item that is refused") } }] });
    told.note("a batch that is refused", 200, &client.post("/iso/pam/credential/batch", &wrong).await);
}

/// The same secrets, read by a client that has a key for its answers: none of them is in what goes over the wire.
pub(super) async fn read_encrypted(client: &TestClient, private: &PrivateKey, told: &mut Told) {
    let reads = [
        ("pam/credential/by-json", "/credential/password"),
        ("pam/credential/by-json/totp", "/totp/code"),
        ("pam/credential/by-json/versions/1", "/version/content"),
        ("pam/credential/by-form", "/credential/content"),
        ("pam/credential?credential=by-multipart", "/credential/password"),
        ("pam/key/by-key", "/key/private_key"),
        ("pam/key/by-key", "/key/password"),
        ("pam/key/by-key/versions/1", "/version/content"),
        ("pam/info/info", "/info/content"),
        ("pam/info/info/versions/1", "/version/content"),
        ("pam/item/by-json", "/item/fields/password"),
        ("pam/item/by-key", "/item/fields/passphrase"),
        ("pam/item/info", "/item/fields/text"),
    ];
    for (path, field) in reads {
        for (prefix, form) in [("iso", "vendor"), ("api", "vendor"), ("iso", "jwe")] {
            let request = client.request(Method::GET, &format!("/{prefix}/{path}")).header("Accept-Encryption", form);
            let answer = client.send(request).await;
            told.note(&format!("an encrypted read: {prefix} {path} {field} {form}"), 200, &answer);
            assert!(!private.open(answer.json().pointer(field).unwrap().as_str().unwrap()).is_empty(), "{path}");
        }
    }
}

/// A parameter, or a whole body, of a wrong form with a secret in it.
type WrongValue = fn(String) -> Value;
type Number = fn(i64) -> Value;
type WrongBody = fn(&str) -> Vec<u8>;

/// Where numbers stand for texts, for flags and for objects.
const NO_TEXTS: [(&str, Number); 10] = [
    ("content", |secret| json!(secret)),
    ("content", |secret| json!([{ "a": { "b": [secret, true, null] } }])),
    ("tags", |secret| json!([secret])),
    ("domain", |secret| json!({ "x": secret })),
    ("parent_password", |secret| json!(secret)),
    ("session_settings", |secret| json!(secret)),
    ("execution_settings", |secret| json!({ "status": secret })),
    ("additional_settings", |secret| json!({ "secret_key": secret })),
    ("additional_settings", |secret| json!({ "secret_key": { "x": [secret] } })),
    ("additional_settings", |secret| json!({ "additional_authentication_fields": [{ "name": "n", "value": secret }] })),
];

/// Secrets in requests that are refused, or that nobody reads.
pub(super) async fn send_secrets_astray(client: &TestClient, canaries: &mut Canaries, told: &mut Told) {
    let path = "/iso/pam/credential";
    let wrong: [(&str, WrongValue); 9] = [
        ("hostname", |secret| json!([secret])),
        ("username", |secret| json!({ "x": secret })),
        ("content", |secret| json!({ "x": secret })),
        ("identifier", |secret| json!([[secret]])),
        ("parent_password", |secret| json!(secret)),
        ("execution_settings", |secret| json!(secret)),
        ("session_settings", |secret| json!({ "SSH": secret })),
        ("additional_settings", |secret| json!({ "criticality": secret })),
        ("additional_settings", |secret| json!({ "additional_authentication_fields": [secret] })),
    ];
    for (number, (name, value)) in wrong.into_iter().enumerate() {
        let way = format!("a wrong {name} ({number})");
        let mut sent = on_marker("refused");
        sent[name] = value(canaries.hatch(&way));
        told.note(&way, 400, &client.post(path, &sent).await);
    }
    // Values that are no text: a number, one that is nested, and words that are nearly true or null.
    for (number, (name, value)) in NO_TEXTS.into_iter().enumerate() {
        let way = format!("{name} as a number ({number})");
        let mut sent = on_marker(&format!("number-{number}"));
        sent[name] = value(canaries.hatch_number(&way));
        let answer = client.post(path, &sent).await;
        assert!([200, 201, 400].contains(&answer.status.as_u16()), "{way}: {}", answer.text);
        told.note(&way, answer.status.as_u16(), &answer);
    }
    for word in ["true", "false", "null", "-", "1e"] {
        let way = format!("a value like {word}");
        let body = format!("{{\"content\": {word}{}}}", canaries.hatch(&way));
        let request = client.request(Method::POST, path).header(CONTENT_TYPE, "application/json").body(body);
        told.note(&way, 400, &client.send(request).await);
    }

    let mut sent = device(HOSTNAME, "10.0.0.1");
    sent["connectivities"] = json!(format!("SSH:{}", canaries.hatch("wrong connectivities")));
    told.note("wrong connectivities", 400, &client.post("/iso/pam/device", &sent).await);

    let mut sent = on_marker("refused");
    sent["private_key"] = json!(canaries.hatch("no private key"));
    told.note("no private key", 400, &client.post("/iso/pam/key", &sent).await);

    let bodies: [(&str, &str, WrongBody, u16); 6] = [
        ("malformed JSON", "application/json", |secret| format!("{{\"content\": \"{secret}\"").into(), 400),
        ("JSON that is no object", "application/json", |secret| format!("[\"{secret}\"]").into(), 400),
        ("a bare text as JSON", "application/json", |secret| secret.into(), 400),
        (
            "a form that is not UTF-8",
            "application/x-www-form-urlencoded",
            |secret| [b"content=", secret.as_bytes(), b"\xff"].concat(),
            400,
        ),
        (
            "multipart without an end",
            "multipart/form-data; boundary=b",
            |secret| format!("--b\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\n{secret}").into(),
            400,
        ),
        (
            "a body that is too large",
            "application/json",
            |secret| format!("{{\"content\": \"{secret}{}\"}}", "x".repeat(1 << 20)).into(),
            413,
        ),
    ];
    for (way, kind, body, status) in bodies {
        let request = client.request(Method::POST, path).header(CONTENT_TYPE, kind);
        told.note(way, status, &client.send(request.body(body(&canaries.hatch(way)))).await);
    }
    for (way, method, path, status) in [
        ("a body on GET", Method::GET, "/iso/pam/credential/by-json", 200),
        ("a body on PUT", Method::PUT, "/iso/pam/credential/nowhere", 400),
        ("a body on DELETE", Method::DELETE, "/iso/pam/credential/nowhere", 400),
        ("a body on an unknown path", Method::POST, "/iso/pam/nothing", 404),
        ("a body with a wrong method", Method::PATCH, "/iso/pam/credential", 405),
    ] {
        let body = format!("{{\"content\": \"{}\"", canaries.hatch(way));
        let answer =
            client.send(client.request(method, path).header(CONTENT_TYPE, "application/json").body(body)).await;
        // That one reveals what it should.
        if status == 200 {
            answer.expect(200);
        } else {
            told.note(way, status, &answer)
        }
    }
    for header in ["If-Match", "If-None-Match", "Idempotency-Key"] {
        let way = format!("a wrong {header}");
        let value = format!("\"{} {0}", canaries.hatch(&way));
        let request = client.request(Method::POST, path).header(header, value).json(&on_marker("refused"));
        told.note(&way, 400, &client.send(request).await);
    }
    for (path, status) in [
        ("/iso/nothing", 404),
        ("/nothing", 404),
        ("/iso/pam/device", 200),
        ("/iso/pam/device/nowhere", 400),
        ("/health/live", 200),
        ("/docs/nothing", 404),
        ("/openapi.json", 200),
    ] {
        let way = format!("the query of {path}");
        told.note(&way, status, &client.get(&format!("{path}?password={}", canaries.hatch(&way))).await);
    }
}

/// Secrets where clients show who they are.
pub(super) async fn show_wrong_secrets(
    client: &TestClient,
    anonymous: &TestClient,
    canaries: &mut Canaries,
    told: &mut Told,
) {
    let token = "/iso/oauth2/token";
    let (grant, id) = (("grant_type", "client_credentials"), ("client_id", client.client_id.as_str()));
    for (way, secret) in [("a wrong secret by form", id), ("a secret of nobody", ("client_id", "nobody"))] {
        let form = [grant, secret, ("client_secret", &canaries.hatch(way))];
        told.note(way, 401, &anonymous.post_form(token, &form).await);
    }
    let form = [grant, ("client_id", &canaries.hatch("a secret as client id")), ("client_secret", "x")];
    told.note("a secret as client id", 401, &anonymous.post_form(token, &form).await);
    let form = [("grant_type", canaries.hatch("a secret as grant")), ("client_id", "x".into())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = anonymous.post_form(token, &form).await;
    told.note("a secret as grant", answer.status.as_u16(), &answer);
    assert!(answer.status.is_client_error());
    let secret = canaries.hatch("a wrong secret by JSON");
    let sent = json!({ "grant_type": "client_credentials", "client_id": id.1, "client_secret": secret });
    told.note("a wrong secret by JSON", 401, &anonymous.post(token, &sent).await);
    let basic = STANDARD.encode(format!("{}:{}", id.1, canaries.hatch("a wrong secret by Basic")));
    let request = anonymous.request(Method::POST, token).header(AUTHORIZATION, format!("Basic {basic}")).form(&[grant]);
    told.note("a wrong secret by Basic", 401, &anonymous.send(request).await);
    let query = format!("{token}?client_id={}&client_secret={}", id.1, canaries.hatch("a secret in a token query"));
    let answer = anonymous.post_form(&query, &[grant]).await;
    told.note("a secret in a token query", answer.status.as_u16(), &answer);
    assert!(answer.status.is_client_error());

    let own = [id, ("client_secret", client.client_secret.as_str())];
    for (way, path) in [("a token to revoke", "/oauth2/revoke"), ("a token to look into", "/oauth2/introspect")] {
        let form = [own[0], own[1], ("token", &canaries.hatch(way))];
        told.note(way, 200, &anonymous.post_form(path, &form).await);
    }
    for (way, word) in [("a wrong bearer token", "Bearer"), ("Basic on a resource", "Basic"), ("no scheme", "")] {
        let authorization = format!("{word} {}", canaries.hatch(way));
        let request = anonymous.request(Method::GET, "/iso/pam/device").header(AUTHORIZATION, authorization);
        told.note(way, 401, &anonymous.send(request).await);
    }
    let forged = format!("{}.{}", client.token, canaries.hatch("a token with a tail"));
    let request = anonymous.request(Method::GET, "/iso/pam/device").bearer_auth(forged);
    told.note("a token with a tail", 401, &anonymous.send(request).await);
}

/// Makes a client that may ask for sessions, in the name of `ana`.
pub(super) fn create_session_client(program: &Program) -> Credentials {
    program.done(&["user", "add", "ana"]);
    let create = ["authorization", "create", "--application", "erp", "--access", "read-write"];
    let made = program.json(&[&create[..], &["--resource", "web-proxy-session", "--resource", "pam-core"]].concat());
    let text = |name: &str| made[name].as_str().unwrap().to_string();
    Credentials { id: text("client_id"), secret: text("client_secret") }
}

/// The URL of a session: given out, opened and opened again, or dropped.
pub(super) async fn open_sessions(
    client: &TestClient,
    anonymous: &TestClient,
    canaries: &mut Canaries,
    told: &mut Told,
) {
    let sent = json!({ "user": "ana", "credential": "by-json", "device": HOSTNAME, "protocol": "ssh" });
    for way in ["a session that is opened", "a session that is dropped"] {
        let session = client.post("/iso/remote/session", &sent).await.expect(200)["session"].clone();
        let token = session["token"].as_str().unwrap();
        canaries.add(way, token);
        if way.ends_with("opened") {
            let url = format!("/modulos/auth?_sr={token}");
            told.note("the URL of a session", 501, &anonymous.get(&url).await);
            told.note("the same URL again", 404, &anonymous.get(&url).await);
        }
    }
    let list = client.get("/iso/session/remotesessions").await;
    told.note("the list of sessions", 200, &list);
    let session_id = list.json()["remote_sessions"][1]["session_id"].as_str().unwrap().to_string();
    told.note("dropping a session", 200, &client.delete(&format!("/iso/session/drop/{session_id}")).await);
}

/// Bytes that are no HTTP.
pub(super) fn send_raw(address: SocketAddr, way: &str, bytes: &str, told: &mut Told) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    // The server may hang up on us.
    let _ = stream.read_to_end(&mut answer);
    told.0.insert(format!("the answer to {way}"), answer);
}
