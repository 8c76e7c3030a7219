//! Signed requests that are refused.

use std::time::Duration;

use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::json;

use super::{LIST, Signer, enabled, signer, vault, with_key};
use crate::support::TestApp;

const CHALLENGE: &str = r#"OAuth realm="chaveiro""#;

#[actix_web::test]
async fn signatures_are_off_unless_the_settings_say_otherwise() {
    let app = TestApp::start().await;
    let client = signer(&app, |_| {}).await;
    client.get(LIST).await.expect_refusal(401, "not enabled");
    let on = TestApp::start_with(enabled).await;
    for app in [&app, &on] {
        let unsigned =
            app.anonymous().get("/iso/pam/device?oauth_consumer_key=K&oauth_token=T&oauth_signature=-").await;
        unsigned.expect_refusal(401, "not accepted in the URL");
        app.anonymous().get(LIST).await.expect_refusal(401, "No route matched");
    }
}

#[actix_web::test]
async fn a_changed_request_has_no_valid_signature() {
    let (app, signer) = vault().await;
    let query = [("limit", "1")];
    let header = signer.header(&Method::GET, LIST, &query);
    for (method, path) in [
        (Method::GET, "/iso/pam/device?limit=2"),
        (Method::GET, "/iso/pam/device?limit=1&a=1"),
        (Method::GET, "/iso/pam/device"),
        (Method::GET, "/iso/pam/credential?limit=1"),
        (Method::GET, "/api/pam/device?limit=1"),
        (Method::GET, "/iso/pam/device/?limit=1"),
        (Method::DELETE, "/iso/pam/device/1?limit=1"),
    ] {
        let refused = signer.send(signer.http.request(method, path).header("Authorization", &header)).await;
        refused.expect_refusal(401, "Invalid signature");
        assert_eq!(refused.challenges(), [CHALLENGE]);
    }
    let host = signer.http.request(Method::GET, "/iso/pam/device?limit=1").header("Host", "other.example");
    signer.send(host.header("Authorization", &header)).await.expect_refusal(401, "Invalid signature");
    app.clock.advance(Duration::from_secs(60));
    signer.send(signer.request(Method::GET, "/iso/pam/device?limit=1", &query)).await.expect(200);

    let form = [("hostname", "a"), ("ip", "10.0.0.1")];
    let changed = [("hostname", "a"), ("ip", "10.0.0.2")];
    let signer = signer.with_nonce("n2");
    signer
        .send(signer.request(Method::POST, LIST, &form).form(&changed))
        .await
        .expect_refusal(401, "Invalid signature");
    // Signed parameters that are not sent, and a form under another type.
    signer.send(signer.request(Method::POST, LIST, &form)).await.expect_refusal(401, "Invalid signature");
    let other = signer.request(Method::POST, LIST, &form).body("hostname=a&ip=10.0.0.1");
    signer.send(other.header("Content-Type", "text/plain")).await.expect_refusal(401, "Invalid signature");
}

#[actix_web::test]
async fn a_malformed_header_says_what_is_wrong() {
    let (_app, signer) = vault().await;
    let header = signer.header(&Method::GET, LIST, &[]);
    for (from, to, part) in [
        ("HMAC-SHA1", "PLAINTEXT", "PLAINTEXT and RSA-SHA1 are not supported"),
        ("HMAC-SHA1", "RSA-SHA1", "PLAINTEXT and RSA-SHA1 are not supported"),
        ("oauth_nonce=\"n1\"", "oauth_other=\"\"", "oauth_nonce is required"),
        ("oauth_version=\"1.0\"", "oauth_version=\"2.0\"", "oauth_version must be 1.0"),
        ("oauth_version=\"1.0\"", "oauth_nonce=\"n1\"", "repeated"),
    ] {
        let request = signer.http.request(Method::GET, LIST).header("Authorization", header.replace(from, to));
        signer.send(request).await.expect_refusal(400, part);
    }
    let request = signer.http.request(Method::GET, "/iso/pam/device?oauth_token=x").header("Authorization", header);
    signer.send(request).await.expect_refusal(400, "outside of the header");
}

#[actix_web::test]
async fn a_key_is_of_one_client_and_ends_with_it() {
    let (app, first) = vault().await;
    let client = app.client().await;
    let end = app.clock.now() + Duration::from_secs(60);
    let (expiring, lasting) = (with_key(&app, &client, Some(end)).await, with_key(&app, &client, None).await);
    let mixed = Signer { consumer_key: first.consumer_key.clone(), ..lasting.clone() };
    mixed.get(LIST).await.expect_refusal(401, "Invalid signature");
    expiring.get(LIST).await.expect(200);
    app.clock.advance(Duration::from_secs(60));
    expiring.with_nonce("n2").get(LIST).await.expect_refusal(401, "Invalid signature");
    lasting.get(LIST).await.expect(200);

    let permit = app.operator(Action::AUTHORIZATION_REVOKE_SIGNING_KEY).await;
    app.vault.revoke_signing_key(permit, &first.token).await.unwrap();
    first.get(LIST).await.expect_refusal(401, "Invalid signature");
    let permit = app.operator(Action::AUTHORIZATION_DISABLE).await;
    app.vault.disable_authorization(permit, &lasting.consumer_key).await.unwrap();
    app.vault.refresh().await.unwrap();
    lasting.with_nonce("n2").get(LIST).await.expect_refusal(401, "Invalid signature");

    app.vault.record_failures().await.unwrap();
    let failures = app
        .database
        .texts("SELECT outcome || ' ' || times FROM audit_record WHERE action = 'authentication' ORDER BY outcome");
    assert_eq!(failures, ["client-not-live 1", "token-expired 1", "token-invalid 2"]);
}

#[actix_web::test]
async fn guessed_signatures_are_recorded_and_lock_nobody_out() {
    let (app, signer) = vault().await;
    let wrong = Signer { consumer_secret: "guess".into(), ..signer.clone() };
    for _ in 0..10 {
        wrong.get(LIST).await.expect_refusal(401, "Invalid signature");
    }
    signer.get(LIST).await.expect(200);
    app.vault.record_failures().await.unwrap();
    let failures = app.database.texts(
        "SELECT actor || ' ' || outcome || ' ' || times FROM audit_record WHERE action = 'authentication' ORDER BY 1",
    );
    assert_eq!(failures, [format!("{} wrong-signature 10", signer.consumer_key)]);
}

#[actix_web::test]
async fn a_sealed_value_that_was_moved_is_no_key() {
    let (app, signer) = vault().await;
    let other = super::signer(&app, |_| {}).await;
    signer.get(LIST).await.expect(200);
    // The sealed value of another key, moved here by somebody with write access to the database.
    app.database.run(
        "UPDATE secret SET sealed = (SELECT sealed FROM secret s WHERE s.kind = 'authorization.signing_key' AND s.owner_id = 2)
         WHERE kind = 'authorization.signing_key' AND owner_id = 1",
    );
    // Any change of grants loads all keys again.
    super::signer(&app, |_| {}).await;
    signer.with_nonce("n2").get(LIST).await.expect_refusal(401, "Invalid signature");
    other.get(LIST).await.expect(200);
}

#[actix_web::test]
async fn a_signature_is_no_token_of_other_services() {
    let (app, signer) = vault().await;
    for path in ["/KeyfactorAPI/PamProviders", "/oauth2/introspect"] {
        let method = if path.starts_with("/oauth2") { Method::POST } else { Method::GET };
        let answer = signer.send(signer.request(method, path, &[])).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{path} {}", answer.text);
    }
    assert_eq!(app.database.numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM single_use"), [0]);
    let body = signer.send(signer.request(Method::POST, "/iso/pam/device", &[]).json(&json!({}))).await;
    body.expect_number(1004);
}
