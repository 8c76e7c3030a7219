//! No secret lies or is told where it should not be: canaries of every kind are pushed through the running program,
//! and then looked for in all that it keeps and says.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::crypto::random_bytes;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::support::{Answer, Program, Serving, TestClient, contents, device};

/// What stands in every place that is searched, to show that it was.
const HOSTNAME: &str = "marker-hostname";

/// Secrets that nobody else has, each with the way that it went.
#[derive(Default)]
struct Canaries(Vec<(String, String)>);

impl Canaries {
    /// A new secret. Its letters are those of base32, so that it passes for a TOTP seed too.
    fn hatch(&mut self, way: &str) -> String {
        let letter = |byte: u8| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)]);
        let secret: String = random_bytes::<32>().map(letter).iter().collect();
        self.add(way, &secret);
        secret
    }

    /// A secret that the program made.
    fn add(&mut self, way: &str, secret: &str) {
        self.0.push((way.into(), secret.into()));
    }

    /// Each secret that is in one of the places, in any form.
    fn found_in(&self, places: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
        let mut found = Vec::new();
        for (place, bytes) in places {
            let text = String::from_utf8_lossy(bytes);
            for (way, secret) in &self.0 {
                let forms = forms(secret.as_bytes()).into_iter().chain([("as it is", secret.clone())]);
                let seen = forms.filter(|(_, form)| text.contains(form.as_str()));
                found.extend(seen.map(|(form, _)| format!("{way}, {form}, in {place}")));
            }
        }
        found
    }
}

/// What the bytes look like in hexadecimal and in base64, whatever stands before them.
fn forms(secret: &[u8]) -> Vec<(&'static str, String)> {
    let mut forms = vec![("in hexadecimal", hex::encode(secret)), ("in hexadecimal", hex::encode_upper(secret))];
    for before in 0..3 {
        let encoded = STANDARD.encode([&vec![0; before][..], secret].concat());
        // The first and the last letters hold bits of the neighbours.
        let whole = encoded[(before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6].to_string();
        forms.push(("in base64", whole.replace('+', "-").replace('/', "_")));
        forms.push(("in base64", whole));
    }
    forms
}

#[test]
fn the_search_finds_a_secret_in_every_form() {
    let mut canaries = Canaries::default();
    let secret = canaries.hatch("a way");
    let search = |text: String| canaries.found_in(&[("a place".to_string(), text.into_bytes())].into());
    assert_eq!(search(format!("\u{0}x{secret}x")), ["a way, as it is, in a place"]);
    assert!(search(hex::encode(format!("x{secret}"))).contains(&"a way, in hexadecimal, in a place".to_string()));
    for before in ["", "x", "xx", "xxx", "xxxx"] {
        let encoded = STANDARD.encode(format!("{before}{secret}, and more"));
        assert!(search(encoded).contains(&"a way, in base64, in a place".to_string()), "{before}");
    }
    assert_eq!(search("nothing".into()), [""; 0]);
}

/// What the answers said, by what was asked.
#[derive(Default)]
struct Told(BTreeMap<String, Vec<u8>>);

impl Told {
    /// Notes an answer; one that has another status is not what the test is about.
    #[track_caller]
    fn note(&mut self, to: &str, status: u16, answer: &Answer) {
        assert_eq!(answer.status.as_u16(), status, "{to}: {}", answer.text);
        let whole = format!("{:?}\n{}", answer.headers, answer.text);
        assert!(self.0.insert(format!("the answer to {to}"), whole.into_bytes()).is_none(), "{to} twice");
    }
}

fn on_marker(username: &str) -> Value {
    json!({ "hostname": HOSTNAME, "ip": "10.0.0.1", "username": username, "identifier": username })
}

/// Secrets that are taken and kept, on every way in. They come back when they are read, and only then.
async fn keep_secrets(client: &TestClient, canaries: &mut Canaries, told: &mut Told) {
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

    let content = canaries.hatch("a protected information");
    let saved = client.post("/iso/pam/info", &json!({ "name": "n", "identifier": "info", "content": content })).await;
    saved.expect(201);
    assert_eq!(client.get("/iso/pam/info/info").await.expect(200)["info"]["content"], content);
}

/// Secrets in requests that are refused, or that nobody reads.
async fn send_secrets_astray(client: &TestClient, canaries: &mut Canaries, told: &mut Told) {
    let path = "/iso/pam/credential";
    let wrong: [(&str, fn(String) -> Value); 9] = [
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
    let mut sent = device(HOSTNAME, "10.0.0.1");
    sent["connectivities"] = json!(format!("SSH:{}", canaries.hatch("wrong connectivities")));
    told.note("wrong connectivities", 400, &client.post("/iso/pam/device", &sent).await);

    let bodies: [(&str, &str, fn(&str) -> Vec<u8>, u16); 6] = [
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
async fn show_wrong_secrets(client: &TestClient, anonymous: &TestClient, canaries: &mut Canaries, told: &mut Told) {
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

/// Bytes that are no HTTP.
fn send_raw(address: SocketAddr, way: &str, bytes: &str, told: &mut Told) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    // The server may hang up on us.
    let _ = stream.read_to_end(&mut answer);
    told.0.insert(format!("the answer to {way}"), answer);
}

fn serve_with_every_log(program: &Program) -> Serving {
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("RUST_LOG", "debug,actix=debug").env("RUST_BACKTRACE", "1");
    Serving::start(command)
}

#[track_caller]
fn assert_holds(places: &BTreeMap<String, Vec<u8>>, place: &str, marker: &str) {
    let bytes = places.iter().filter(|(name, _)| name.starts_with(place)).flat_map(|(_, bytes)| bytes);
    let bytes: Vec<u8> = bytes.copied().collect();
    assert!(String::from_utf8_lossy(&bytes).contains(marker), "{place} does not hold {marker}");
}

#[actix_web::test]
async fn no_secret_is_found_where_none_belongs() {
    let program = Program::new();
    let (mut canaries, mut told) = (Canaries::default(), Told::default());
    let credentials = program.create_client("erp");
    canaries.add("a client's secret", &credentials.secret);
    let server = serve_with_every_log(&program);
    let client = server.client(&credentials).await;
    canaries.add("an access token", &client.token);
    canaries.add("a token's signature", client.token.rsplit('.').next().unwrap());
    client.create_device(HOSTNAME, "10.0.0.1").await;

    keep_secrets(&client, &mut canaries, &mut told).await;
    send_secrets_astray(&client, &mut canaries, &mut told).await;
    show_wrong_secrets(&client, &server.anonymous(), &mut canaries, &mut told).await;
    for (way, before) in [("a bad header", "GET /iso HTTP/1.1\r\nbad header "), ("no HTTP", "hello ")] {
        let bytes = format!("{before}{}\r\n\r\n", canaries.hatch(way));
        send_raw(server.address, way, &bytes, &mut told);
    }
    let new_secret = program.json(&["authorization", "rotate-secret", "--client-id", &credentials.id]);
    canaries.add("a new client secret", new_secret["client_secret"].as_str().unwrap());
    assert!(canaries.0.len() > 40);

    let mut places = told.0;
    places.insert("the figures".into(), client.get("/metrics").await.text.into());
    for (name, bytes) in contents(&program.database) {
        places.insert(format!("database at work: {name}"), bytes);
    }
    let tail = program.done(&["audit", "tail", "-n", "1000", "--json"]);
    places.insert("the audit log".into(), tail.into());
    let stopped = server.stop();
    places.insert("the log".into(), stopped.stderr.into());
    places.insert("the output".into(), stopped.stdout.into());
    for (name, bytes) in contents(&program.database) {
        places.insert(format!("database at rest: {name}"), bytes);
    }
    assert_eq!(canaries.found_in(&places), [""; 0]);

    // And it was all there to be searched.
    assert_holds(&places, "database at work", HOSTNAME);
    assert_holds(&places, "database at rest", HOSTNAME);
    assert_holds(&places, "database at rest: audit-heads.jsonl", "node-1");
    assert_holds(&places, "the audit log", &credentials.id);
    assert_holds(&places, "the figures", "/iso/pam/credential");
    assert_holds(&places, "the log", "POST /iso/pam/credential");
    assert_holds(&places, "the log", "DEBUG");
    assert_holds(&places, "the answer to malformed JSON", "exception");
    if !program.database.is_postgresql() {
        assert!(places.contains_key("database at work: vault.sqlite-wal"), "{:?}", places.keys());
    }
}

#[actix_web::test]
async fn the_root_key_is_in_its_file_and_nowhere_else() {
    let program = Program::new();
    let credentials = program.create_client("erp");
    let server = serve_with_every_log(&program);
    let client = server.client(&credentials).await;
    client.create_device(HOSTNAME, "10.0.0.1").await;
    client.save_credential(&on_marker("u")).await;
    let mut places = contents(&program.database);
    let root_key = String::from_utf8(places.remove("root.key").unwrap()).unwrap();
    let stopped = server.stop();
    places.insert("the log".into(), stopped.stderr.into());

    let bytes = hex::decode(&root_key).unwrap();
    let mut canaries = Canaries::default();
    canaries.add("the root key's text", &root_key);
    let mut found = canaries.found_in(&places);
    for (place, held) in &places {
        let text = String::from_utf8_lossy(held);
        let forms = forms(&bytes).into_iter().filter(|(_, form)| text.contains(form.as_str()));
        found.extend(forms.map(|(form, _)| format!("the root key, {form}, in {place}")));
        // On PostgreSQL the rows are text, in which the bytes are hexadecimal, as above.
        if held.windows(bytes.len()).any(|window| window == bytes) {
            found.push(format!("the root key in {place}"));
        }
    }
    assert_eq!(found, [""; 0]);
    let all: Vec<u8> = places.into_values().flatten().collect();
    assert!(String::from_utf8_lossy(&all).contains(HOSTNAME));
}
