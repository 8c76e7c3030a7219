//! The ways by which a secret comes in and goes out.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::crypto::ResponseKey;
use chaveiro::vault::access::Resource;
use chaveiro::vault::access::link::LinkTarget;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{account, at, get};
use crate::keyfactor::create_local_provider;
use crate::support::decrypt::{By, Pair, PrivateKey};
use crate::support::{Answer, TestApp, TestClient};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=\"secret:bytes\"";
const PRIVATE_KEY: &str = include_str!("../../fixtures/ssh/ed25519");

/// The ways in of a credential's password. Each has a credential of its own, named after it.
pub(super) const WAYS: [&str; 8] = ["json", "escaped", "form", "raw-form", "query", "parts", "batch", "replay"];

/// A vault, the client that writes, and clients that read encrypted answers in either form.
pub(super) struct Fixture {
    pub(super) app: TestApp,
    pub(super) client: TestClient,
    encrypted: [(TestClient, PrivateKey); 2],
    provider: i64,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let app = TestApp::start_with(|settings| settings.dsm.enabled = true).await;
        let client = app
            .client_with(|request| {
                request.resources = Resource::ALL.to_vec();
                request.allowed_ips = vec!["127.0.0.1".into()];
                request.roles = vec!["Administrator".into()];
            })
            .await;
        client.create_device("a", "10.0.0.1").await;
        let provider = create_local_provider(&client, "local").await;
        let encrypted = [encrypting(&app, "rsa").await, encrypting(&app, "p256").await];
        Self { app, client, encrypted, provider }
    }

    /// Sends a text by every way, and reads it by every way.
    pub(super) async fn check(&self, text: &str) {
        for way in WAYS {
            self.write(way, text).await;
        }
        self.read_passwords(text).await;
        self.check_information(text).await;
        self.check_passphrase(text).await;
        if !text.trim().is_empty() {
            self.check_entry(text).await;
        }
        self.check_application_secret(text).await;
    }

    /// Sends a password by one of the ways.
    pub(super) async fn write(&self, way: &str, text: &str) {
        let answer = self.send(way, text.as_bytes()).await;
        match way {
            "batch" => assert_eq!(answer.expect(200)["items"][0]["code"], 201, "{text:?}: {}", answer.text),
            _ => drop(answer.expect(201)),
        }
    }

    /// Sends the bytes of a password by one of the ways.
    pub(super) async fn send(&self, way: &str, content: &[u8]) -> Answer {
        let path = "/iso/pam/credential";
        let form = |value: &str| {
            format!("hostname=a&ip=10.0.0.1&username={way}&identifier={way}&content={value}").into_bytes()
        };
        match way {
            "json" => self.post(path, JSON, json_body(&account(way), "content", content)).await,
            "escaped" => self.post(path, JSON, escaped_body(way, content)).await,
            "form" => self.post(path, FORM, form(&percent_encoded(content))).await,
            "raw-form" => {
                let pairs = form("");
                self.post(path, FORM, [pairs, raw_value(content)].concat()).await
            }
            "query" => {
                let query = String::from_utf8(form(&percent_encoded(content))).unwrap();
                self.post(&format!("{path}?{query}"), FORM, Vec::new()).await
            }
            "parts" => self.post(path, PARTS, parts(&account(way), "content", content)).await,
            "batch" => {
                let item = json_body(&account(way), "content", content);
                let body = [&b"{\"items\": [{\"save\": "[..], &item, b"}]}"].concat();
                self.post("/iso/pam/credential/batch", JSON, body).await
            }
            "replay" => {
                let key = format!("k{}", uuid::Uuid::new_v4());
                let body = json_body(&account(way), "content", content);
                let request = || self.request(path, JSON, body.clone()).header("Idempotency-Key", &key);
                let first = self.client.send(request()).await;
                let again = self.client.send(request()).await;
                assert_eq!((first.status, &first.text), (again.status, &again.text));
                again
            }
            other => panic!("{other}"),
        }
    }

    /// Sends the bytes of other secrets than passwords of credentials.
    pub(super) async fn send_to_others(&self, content: &[u8]) -> Vec<(&'static str, Answer)> {
        let entry = json!({ "SecretName": "e" });
        let entries = format!("/KeyfactorAPI/PamProviders/Local/{}/Entries", self.provider);
        let put = self.client.request(Method::PUT, &entries).header("Content-Type", JSON);
        let form = format!("identifier=i&content={}", percent_encoded(content)).into_bytes();
        let information = json!({ "identifier": "i" });
        vec![
            ("an entry", self.post(&entries, JSON, json_body(&entry, "SecretValue", content)).await),
            ("an update", self.client.send(put.body(json_body(&entry, "SecretValue", content))).await),
            ("information", self.post("/iso/pam/info", JSON, json_body(&information, "content", content)).await),
            ("a form", self.post("/api/pam/info", FORM, form).await),
            ("parts", self.post("/iso/pam/info", PARTS, parts(&information, "content", content)).await),
            ("a passphrase", self.post("/iso/pam/key", JSON, json_body(&ssh_key(), "password", content)).await),
            ("parts of a key", self.post("/iso/pam/key", PARTS, parts(&ssh_key(), "password", content)).await),
        ]
    }

    async fn read_passwords(&self, text: &str) {
        for way in WAYS {
            assert_eq!(self.client.password(way).await, text, "{way}");
        }
        let items: Vec<Value> = WAYS.iter().map(|way| json!({ "read": way })).collect();
        let batch = self.client.post("/iso/pam/credential/batch", &json!({ "items": items })).await.expect(200);
        for (place, way) in WAYS.iter().enumerate() {
            assert_eq!(at(&batch, &format!("/items/{place}/credential/password")), text, "{way}");
        }
        let client = &self.client;
        let used = client.post("/iso/pam/use", &json!({ "identifier": "json" })).await.expect(200);
        assert_eq!(at(&used, "/credential/password"), text);
        assert_eq!(get(client, "/api/pam/credential?credential=form", "/credential/content").await, text);
        assert_eq!(get(client, "/iso/pam/credential/parts@a", "/credential/password").await, text);
        let versions = client.get("/iso/pam/credential/query/versions").await.expect(200);
        let newest =
            versions["versions"].as_array().unwrap().iter().find(|version| version["current"] == true).unwrap();
        let version = format!("/iso/pam/credential/query/versions/{}", newest["version"]);
        assert_eq!(get(client, &version, "/version/content").await, text);
        for (client, key) in &self.encrypted {
            assert_eq!(key.open(client.password("raw-form").await.as_str().unwrap()), text);
        }
    }

    /// Writes a protected-information record, and reads it in the answer, by its key, and encrypted.
    pub(super) async fn check_information(&self, text: &str) {
        let information = json!({ "identifier": "i" });
        let form = format!("identifier=i&content={}", percent_encoded(text.as_bytes())).into_bytes();
        for (content_type, body) in [
            (JSON, json_body(&information, "content", text.as_bytes())),
            (FORM, form),
            (PARTS, parts(&information, "content", text.as_bytes())),
        ] {
            // A percent sign takes three bytes of a form, whose limit is that of the body.
            if body.len() < 1 << 20 {
                let saved = self.post("/iso/pam/info", content_type, body).await.expect(201);
                assert_eq!(at(&saved, "/info/content"), text, "{content_type}");
                assert_eq!(get(&self.client, "/iso/pam/info/i", "/info/content").await, text, "{content_type}");
            }
        }
    }

    async fn check_passphrase(&self, text: &str) {
        for (content_type, body) in [
            (JSON, json_body(&ssh_key(), "password", text.as_bytes())),
            (PARTS, parts(&ssh_key(), "password", text.as_bytes())),
        ] {
            self.post("/iso/pam/key", content_type, body).await.expect(201);
            assert_eq!(get(&self.client, "/iso/pam/key/k", "/key/password").await, text, "{content_type}");
        }
        for (client, key) in &self.encrypted {
            assert_eq!(key.open(&get(client, "/iso/pam/key/k", "/key/password").await), text);
        }
    }

    /// Writes an entry of the local provider, and reads it as an application.
    pub(super) async fn check_entry(&self, text: &str) {
        let path = format!("/KeyfactorAPI/PamProviders/Local/{}/Entries", self.provider);
        let body = json_body(&json!({ "SecretName": "e" }), "SecretValue", text.as_bytes());
        let made = self.post(&path, JSON, body.clone()).await;
        if made.status == 409 {
            let put = self.client.request(Method::PUT, &path).header("Content-Type", JSON);
            self.client.send(put.body(body)).await.expect(200);
        } else {
            made.expect(200);
            for client in self.encrypted.iter().map(|(client, _)| client).chain([&self.client]) {
                self.app.link(client, LinkTarget::Entry(format!("{}/e", self.provider))).await;
            }
        }
        let path = format!("/iso/pam/provider/{}/entry/e", self.provider);
        assert_eq!(get(&self.client, &path, "/entry/content").await, text);
        let (client, key) = &self.encrypted[1];
        assert_eq!(key.open(&get(client, &path, "/entry/content").await), text);
    }

    /// Saves a value of an application's secret, and reads it in the answer, among all, and encrypted.
    async fn check_application_secret(&self, text: &str) {
        let path = "/iso/sctm/secret";
        let value = json!({ "a": text });
        let identity = json!({ "identity": "dsm" });
        let form = |data: &str| format!("identity=dsm&data={}", percent_encoded(data.as_bytes())).into_bytes();
        for (content_type, body) in [
            (JSON, json!({ "identity": "dsm", "data": value }).to_string().into_bytes()),
            (JSON, json_body(&identity, "data", value.to_string().as_bytes())),
            (FORM, form(&STANDARD.encode(value.to_string()))),
            (FORM, form(&value.to_string())),
        ] {
            let saved = self.post(path, content_type, body).await;
            assert!(saved.status.is_success(), "{text:?}: {}", saved.text);
            assert_eq!(at(&saved.json(), "/application/secrets/0/data/0/a"), text, "{content_type}");
            assert_eq!(get(&self.client, path, "/secrets/0/data/0/a").await, text, "{content_type}");
        }
        for (client, key) in &self.encrypted {
            let body = json!({ "identity": "dsm", "data": value });
            client.post(path, &body).await;
            assert_eq!(key.open(&get(client, path, "/secrets/0/data/0/a").await), text);
        }
    }

    async fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        self.client.send(self.request(path, content_type, body)).await
    }

    fn request(&self, path: &str, content_type: &str, body: Vec<u8>) -> RequestBuilder {
        self.client.request(Method::POST, path).header("Content-Type", content_type).body(body)
    }
}

/// A client that sees the device, and whose answers are encrypted under this key.
async fn encrypting(app: &TestApp, pair: &str) -> (TestClient, PrivateKey) {
    let pair = Pair::named(pair);
    let key = Arc::new(ResponseKey::parse(pair.public, None).unwrap());
    let client = app
        .client_with(|request| {
            request.resources = vec![Resource::PamCore, Resource::Dsm];
            request.response_key = Some(key);
        })
        .await;
    app.link(&client, LinkTarget::Device("a".into())).await;
    (client, pair.key(By::AwsLc))
}

fn ssh_key() -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "identifier": "k", "private_key": PRIVATE_KEY })
}

/// A JSON object with a member more, whose bytes are these; only what JSON requires is escaped.
fn json_body(object: &Value, name: &str, content: &[u8]) -> Vec<u8> {
    let object = object.to_string();
    let start = object.strip_suffix('}').unwrap();
    let escape = |byte: &u8| match byte {
        b'"' | b'\\' => vec![b'\\', *byte],
        0..=0x1f => format!("\\u{byte:04x}").into_bytes(),
        _ => vec![*byte],
    };
    let value: Vec<u8> = content.iter().flat_map(escape).collect();
    [start.as_bytes(), format!(", \"{name}\": \"").as_bytes(), &value, b"\"}"].concat()
}

/// A JSON object whose content is written in escapes of UTF-16 alone. What is not UTF-8 becomes a lone surrogate.
fn escaped_body(way: &str, content: &[u8]) -> Vec<u8> {
    let units: Vec<u16> = match std::str::from_utf8(content) {
        Ok(text) => text.encode_utf16().collect(),
        Err(_) => vec![0x61, 0xd83d, 0x62],
    };
    let value: String = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
    let object = account(way).to_string();
    format!("{}, \"content\": \"{value}\"}}", object.strip_suffix('}').unwrap()).into_bytes()
}

fn percent_encoded(bytes: &[u8]) -> String {
    let encode = |byte: &u8| match byte {
        b' ' => "+".into(),
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(*byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    bytes.iter().map(encode).collect()
}

/// A value in which nothing is escaped that need not be: programs that are no browsers write letters and blanks as they are.
fn raw_value(bytes: &[u8]) -> Vec<u8> {
    let encode = |byte: &u8| match byte {
        b'%' | b'&' | b'+' | b'=' | b'\r' | b'\n' => format!("%{byte:02X}").into_bytes(),
        _ => vec![*byte],
    };
    bytes.iter().flat_map(encode).collect()
}

/// A multipart form of an object and a part more, whose bytes are these.
fn parts(object: &Value, name: &str, content: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut add = |name: &str, value: &[u8]| {
        body.extend_from_slice(b"--secret:bytes\r\nContent-Disposition: form-data; name=\"");
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\"\r\n\r\n");
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    };
    for (name, value) in object.as_object().unwrap() {
        add(name, value.as_str().unwrap().as_bytes());
    }
    add(name, content);
    body.extend_from_slice(b"--secret:bytes--\r\n");
    body
}
