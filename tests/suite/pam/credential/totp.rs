//! One-time passwords of credentials (RFC 6238).

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};

use crate::support::{TestApp, TestClient};

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
async fn the_seed_itself_never_leaves() {
    let (_app, client) = vault(SEED).await;
    for path in ["/iso/pam/credential/i", "/api/pam/credential/i", "/iso/pam/credential", "/iso/pam/credential/i/totp"]
    {
        assert!(!client.get(path).await.text.contains(SEED), "{path}");
    }
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
