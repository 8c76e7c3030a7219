//! Requests signed as in OAuth 1.0 (contract, section 2.2; RFC 5849).

mod clients;
mod proxy;
mod refused;
mod replay;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro::config::Settings;
use chaveiro::vault::access::authorization::AuthorizationRequest;
use chaveiro::vault::operation::Action;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::support::{Answer, TestApp, TestClient};

const LIST: &str = "/iso/pam/device";

/// A client that signs, written apart from what it tests.
#[derive(Clone)]
struct Signer {
    http: TestClient,
    consumer_key: String,
    consumer_secret: String,
    token: String,
    token_secret: String,
    /// Scheme and host of the signed URLs.
    base: String,
    timestamp: i64,
    nonce: String,
    /// Further parameters of the header.
    more: Vec<(String, String)>,
}

fn enabled(settings: &mut Settings) {
    settings.pam.oauth1 = true;
}

async fn vault() -> (TestApp, Signer) {
    let app = TestApp::start_with(enabled).await;
    let signer = signer(&app, |_| {}).await;
    (app, signer)
}

/// A signing client under an authorization of the test's own.
async fn signer(app: &TestApp, adjust: impl FnOnce(&mut AuthorizationRequest)) -> Signer {
    let client = app.unauthenticated_client(adjust).await;
    with_key(app, &client, None).await
}

/// A client with a new signing key.
async fn with_key(app: &TestApp, client: &TestClient, expires: Option<DateTime<Utc>>) -> Signer {
    let permit = app.operator(Action::AUTHORIZATION_CREATE_SIGNING_KEY).await;
    let created = app.vault.create_signing_key(permit, &client.client_id, "batch", expires).await.unwrap();
    Signer {
        http: app.anonymous(),
        consumer_key: client.client_id.clone(),
        consumer_secret: created.key.consumer_secret().into(),
        token: created.token.clone(),
        token_secret: created.key.token_secret().into(),
        base: format!("http://{}", app.address),
        timestamp: app.clock.now().timestamp(),
        nonce: "n1".into(),
        more: Vec::new(),
    }
}

fn encoded(text: &str) -> String {
    let escape = |byte: u8| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escape).collect()
}

impl Signer {
    fn with_nonce(&self, nonce: &str) -> Self {
        Self { nonce: nonce.into(), ..self.clone() }
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut signer = self.clone();
        signer.more.push((name.into(), value.into()));
        signer
    }

    /// The header for a request, with the decoded parameters of its query and its form.
    fn header(&self, method: &Method, path: &str, parameters: &[(&str, &str)]) -> String {
        let timestamp = self.timestamp.to_string();
        let mut own = vec![
            ("oauth_consumer_key", self.consumer_key.as_str()),
            ("oauth_token", &self.token),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &timestamp),
            ("oauth_nonce", &self.nonce),
            ("oauth_version", "1.0"),
        ];
        own.extend(self.more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let all = own.iter().chain(parameters);
        let mut pairs: Vec<_> = all.map(|(name, value)| (encoded(name), encoded(value))).collect();
        pairs.sort();
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let text = format!("{method}&{}&{}", encoded(&format!("{}{path}", self.base)), encoded(&pairs.join("&")));
        let key = format!("{}&{}", encoded(&self.consumer_secret), encoded(&self.token_secret));
        let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        own.push(("oauth_signature", &signature));
        let own = own.iter().map(|(name, value)| format!("{name}=\"{}\"", encoded(value)));
        format!("OAuth realm=\"vault\", {}", own.collect::<Vec<_>>().join(", "))
    }

    /// A signed request under construction; `path` may have a query, whose decoded parameters are given.
    fn request(&self, method: Method, path: &str, parameters: &[(&str, &str)]) -> RequestBuilder {
        let signed = path.split('?').next().unwrap();
        let header = self.header(&method, signed, parameters);
        self.http.request(method, path).header("Authorization", header)
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        self.http.send(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path, &[])).await
    }
}

#[actix_web::test]
async fn a_signed_request_may_do_what_a_token_of_the_client_may() {
    let (_app, signer) = vault().await;
    let device =
        [("hostname", "a b+c&d"), ("ip", "10.0.0.1"), ("type", "x"), ("vendor", "x"), ("model", "x"), ("site", "é")];
    let made = signer.send(signer.request(Method::POST, LIST, &device).form(&device)).await;
    assert_eq!(made.expect(201)["response"]["error"], json!(false));
    let sent = json!({ "hostname": "a b+c&d", "ip": "10.0.0.1", "username": "u", "content": "p", "identifier": "erp" });
    let json_body = signer.with_nonce("n2").request(Method::POST, "/api/pam/credential", &[]).json(&sent);
    signer.send(json_body).await.expect(201);
    let read = signer.with_nonce("n3").get("/iso/pam/credential/erp").await.expect(200);
    assert_eq!(read["credential"]["password"], "p");
    // A query with encoded parameters, escapes in the path, and a slash at its end.
    let listed = signer.with_nonce("n4");
    let query = listed.request(
        Method::GET,
        "/iso/pam/device/?limit=1&x=%C3%A9+%2B&a=a%20b",
        &[("limit", "1"), ("x", "é +"), ("a", "a b")],
    );
    assert_eq!(signer.send(query).await.expect(200)["devices"][0]["hostname"], "a b+c&d");
    let escaped = signer.with_nonce("n5").get("/iso/pam/device/a%20b%2Bc%26d").await;
    assert_eq!(escaped.expect(200)["device"]["hostname"], "a b+c&d");
    // The body of a DELETE has no meaning, and is covered as a form.
    let form = [("identifier", "erp")];
    let deleted = signer.with_nonce("n6").request(Method::DELETE, "/iso/pam/credential/erp", &form).form(&form);
    signer.send(deleted).await.expect(200);
    let activated = signer.with_nonce("n7").request(Method::PUT, "/iso/pam/credential/erp", &[]);
    signer.send(activated).await.expect(200);
}

#[actix_web::test]
async fn the_authorization_decides_as_for_a_token_and_every_request_is_recorded_as_the_clients() {
    let app = TestApp::start_with(enabled).await;
    let elsewhere = signer(&app, |request| request.allowed_ips = vec!["10.0.0.1".into()]).await;
    elsewhere.get(LIST).await.expect_refusal(403, "not authorized");
    let reader = signer(&app, |request| request.access = chaveiro::vault::access::ClientAccess::ReadOnly).await;
    reader.get(LIST).await.expect(200);
    let write = reader.with_nonce("n2").request(Method::PUT, "/iso/pam/device/x", &[]);
    reader.send(write).await.expect_number(1039);
    let records = app.records().await;
    let mut seen: Vec<_> = records
        .iter()
        .filter(|record| [&elsewhere.consumer_key, &reader.consumer_key].contains(&&record.actor))
        .map(|record| (record.actor == reader.consumer_key, record.action.as_str(), record.outcome.as_str()))
        .collect();
    // On PostgreSQL several writers have a chain each.
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            (false, "device.list", "source-not-allowed"),
            (true, "device.activate", "read-only"),
            (true, "device.list", "ok")
        ]
    );
}

#[actix_web::test]
async fn a_hash_of_the_body_is_checked_if_the_client_sends_one() {
    let (_app, signer) = vault().await;
    let body = crate::support::device("a", "10.0.0.1").to_string();
    let hash = STANDARD.encode(Sha1::digest(body.as_bytes()));
    let signer = signer.with("oauth_body_hash", &hash);
    let send = async |signer: &Signer, body: String| {
        let request = signer.request(Method::POST, LIST, &[]).header("Content-Type", "application/json");
        signer.send(request.body(body)).await
    };
    send(&signer, body.replace("10.0.0.1", "10.0.0.2")).await.expect_refusal(401, "Invalid signature");
    send(&signer, body).await.expect(201);
    let empty = STANDARD.encode(Sha1::digest(b""));
    let signer = Signer { more: Vec::new(), ..signer }.with_nonce("n2").with("oauth_body_hash", &empty);
    signer.get(LIST).await.expect(200);
}

#[actix_web::test]
async fn the_description_has_the_scheme_where_it_is_served() {
    let (app, _) = vault().await;
    let description: Value = app.anonymous().get("/openapi.json").await.expect(200);
    assert_eq!(description["components"]["securitySchemes"]["oauth1"]["scheme"], "oauth");
    let schemes = &description["paths"]["/iso/pam/device"]["get"]["security"];
    assert_eq!(schemes, &json!([{ "bearer": [] }, { "oauth1": [] }]));
    let token = &description["paths"]["/KeyfactorAPI/PamProviders"]["get"]["security"];
    assert!(!token.to_string().contains("oauth1"));
    let off = TestApp::start().await.anonymous().get("/openapi.json").await.expect(200);
    assert!(!off.to_string().contains("oauth1"));
}
