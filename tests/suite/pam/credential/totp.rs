//! One-time passwords of credentials (RFC 6238).

use std::time::Duration;

use chaveiro::vault::access::Resource;
use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::operation::Action;
use chrono::DateTime;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient, endpoints, post_body};

async fn vault(seed: &str) -> (TestApp, TestClient) {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client.save_credential(&credential(seed)).await;
    (app, client)
}

fn credential(seed: &str) -> Value {
    json!({ "hostname": "a", "ip": "10.0.0.1", "username": "u", "identifier": "i",
            "additional_settings": { "secret_key": seed } })
}

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

#[actix_web::test]
async fn the_code_is_that_of_the_moment() {
    let (app, client) = vault(SEED).await;
    let to_the_vector = DateTime::from_timestamp(2_000_000_000, 0).unwrap() - app.clock.now();
    app.clock.advance(to_the_vector.to_std().unwrap() - Duration::from_secs(60));
    let mut client = client;
    client.token = client.fetch_token().await;
    app.clock.advance(Duration::from_secs(60));
    let body = client.get("/iso/pam/credential/i/totp").await.expect(200);
    // RFC 6238, appendix B, the last six of eight digits.
    let expected =
        json!({ "id": "1", "code": "279037", "seconds_left": 10, "digits": 6, "period": 30, "algorithm": "SHA1" });
    assert_eq!(body["totp"], expected);
    for path in ["/api/pam/credential/1/totp", "/iso/pam/credential/u@a/totp/"] {
        assert_eq!(client.get(path).await.expect(200)["totp"], expected, "{path}");
    }
    app.clock.advance(Duration::from_secs(10));
    let next = client.get("/iso/pam/credential/i/totp").await.expect(200);
    assert_ne!(next["totp"]["code"], "279037");
    assert_eq!(next["totp"]["seconds_left"], 30);
}

#[actix_web::test]
async fn a_url_is_a_seed_too() {
    let url = format!("otpauth://totp/ERP:svc?secret={SEED}&algorithm=SHA256&digits=8&period=60");
    let (_app, client) = vault(&url).await;
    let totp = client.get("/iso/pam/credential/i/totp").await.expect(200)["totp"].clone();
    assert_eq!((&totp["digits"], &totp["period"], &totp["algorithm"]), (&json!(8), &json!(60), &json!("SHA256")));
}

#[actix_web::test]
async fn a_url_gives_codes_as_issuers_write_it() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.create_device("a", "10.0.0.1").await;
    client.save_credential(&credential(SEED)).await;
    let expected = client.get("/iso/pam/credential/i/totp").await.expect(200)["totp"]["code"].clone();
    for url in [
        format!("otpauth://totp/Some%20Company:me%40corp.example?secret={SEED}&issuer=Microsoft"),
        format!("otpauth://totp/a?secret={}&digits=&image=x\n", SEED.to_lowercase()),
        "OTPAUTH://TOTP/?Secret=GEZD+GNBV+GY3T+QOJQ+GEZD+GNBV+GY3T+QOJQ&Algorithm=HmacSHA1".into(),
    ] {
        client.save_credential(&credential(&url)).await;
        assert_eq!(client.get("/iso/pam/credential/i/totp").await.expect(200)["totp"]["code"], expected, "{url}");
    }
}

/// On every way in: created, updated, in a batch.
#[actix_web::test]
async fn a_seed_that_gives_no_code_is_refused_when_it_is_saved() {
    let (_app, client) = vault(SEED).await;
    let code = client.get("/iso/pam/credential/i/totp").await.expect(200)["totp"]["code"].clone();
    for (seed, part) in [
        ("MZXHUNTER", "secret_key: is cut off"),
        ("hunter2!", "secret_key: must be base32"),
        ("otpauth://hotp/a?secret=GEZDGNBV", "secret_key: must be an `otpauth://totp/` URL"),
        ("otpauth://totp/hunter?secret=GEZDGNBV&digits=9", "secret_key: must be an `otpauth://totp/` URL"),
        ("otpauth://totp/hunter?secret=GEZDGNB1", "secret_key: must be an `otpauth://totp/` URL"),
    ] {
        let mut new = credential(seed);
        (new["identifier"], new["username"]) = (json!("new"), json!("new"));
        for (path, sent) in [("/iso/pam/credential", credential(seed)), ("/api/pam/credential", new.clone())] {
            let answer = client.post(path, &sent).await;
            answer.expect_refusal(400, part);
            assert!(!answer.text.to_lowercase().contains("hunter"), "{}", answer.text);
        }
        let batch = client.post("/api/pam/credential/batch", &json!({ "items": [{ "save": new }] })).await;
        assert!(batch.text.contains(part), "{}", batch.text);
    }
    assert_eq!(client.get("/iso/pam/credential/i/totp").await.expect(200)["totp"]["code"], code);
    client.get("/iso/pam/credential/new").await.expect_number(1007);
}

#[actix_web::test]
async fn an_empty_seed_is_no_seed() {
    let (_app, client) = vault(SEED).await;
    client.save_credential(&credential(" ")).await;
    client.get("/iso/pam/credential/i/totp").await.expect_refusal(400, "has no TOTP");
    let used = client.post("/iso/pam/use", &json!({ "identifier": "i" })).await.expect(200);
    assert_eq!(used["totp"], Value::Null);
}

/// Asks every route that there is for one, with every key that could name something.
#[actix_web::test]
async fn the_seed_itself_never_leaves() {
    let (app, _maker) = vault(SEED).await;
    app.vault.add_user(app.operator(Action::USER_ADD).await, "ana").await.unwrap();
    let client = app.client_with(|request| {
        request.resources = Resource::ALL.to_vec();
        request.allowed_ips = vec!["127.0.0.1".into()];
    });
    let client = client.await;
    for target in [LinkTarget::Device("a".into()), LinkTarget::Credential("i".into())] {
        app.link(&client, target).await;
    }
    app.vault.refresh().await.unwrap();
    for path in ["/iso/pam/credential", "/iso/pam/key", "/iso/pam/info"] {
        client.post(path, &post_body(path, "one")).await.expect(201);
    }
    let endpoints = endpoints();
    assert!(endpoints.len() > 60, "{}", endpoints.len());
    for endpoint in endpoints.iter().filter(|endpoint| ["GET", "POST"].contains(&endpoint.method.as_str())) {
        let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
        let own = endpoint.bearer && !endpoint.basic;
        let mut succeeded = false;
        for key in ["1", "2", "3", "i", "u@a", "a", "k", "n"] {
            let path = ["{key}", "{id}", "{name}", "{providerId}"]
                .iter()
                .fold(endpoint.path.replace("{version}", "1"), |path, name| path.replace(name, key));
            let mut request = client.request(method.clone(), &path);
            if method == Method::POST && own {
                request = request.json(&post_body(&endpoint.path, "two"));
            }
            let answer = client.send(request).await;
            succeeded |= answer.status.is_success();
            let whole = format!("{:?}\n{}", answer.headers, answer.text);
            assert!(!whole.contains(SEED), "{method} {path}: {whole}");
        }
        // A route that refuses everything shows nothing anyway. Of entries and of open rotations there is none here.
        let is_absent = ["/provider/", "/rotation/"].iter().any(|part| endpoint.path.contains(part));
        let asked = own && !is_absent;
        assert!(succeeded || !asked, "{method} {} always refuses", endpoint.path);
    }
    // It is still the seed of the codes that were given.
    assert_eq!(client.get("/iso/pam/credential/i/totp").await.expect(200)["totp"]["digits"], 6);
}

#[actix_web::test]
async fn a_code_is_refused_for_the_reasons_of_a_read_and_its_own() {
    let (app, client) = vault("295B3LA1M6LRAHI2S7G1A36LMK6I4IWW").await;
    let answer = client.get("/iso/pam/credential/i/totp").await;
    answer.expect_refusal(400, "not a TOTP seed");
    assert!(!answer.text.contains("295B"));
    client.save_credential(&json!({ "hostname": "a", "ip": "10.0.0.1", "username": "v" })).await;
    client.get("/iso/pam/credential/v@a/totp").await.expect_refusal(400, "has no TOTP");
    client.get("/iso/pam/credential/99/totp").await.expect_number(1007);
    app.client().await.get("/iso/pam/credential/i/totp").await.expect_number(1009);
    client.delete("/iso/pam/credential/i").await.expect(200);
    client.get("/iso/pam/credential/i/totp").await.expect_number(1008);
}
