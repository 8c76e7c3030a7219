//! What makes a token of a trusted issuer no proof.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro::vault::access::workload::issuer::KeySource;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Fixture, ISSUER, expect_refused, expect_token, log_in};
use crate::support::{AUDIENCE, IssuerKey, TestApp, issuer_request, key_set};

#[actix_web::test]
async fn every_algorithm_of_public_keys_is_accepted() {
    for algorithm in [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ] {
        let it = Fixture::with(IssuerKey::of("key", algorithm)).await;
        expect_token(&it.log_in(&it.token(json!({}))).await, 3600);
    }
}

#[actix_web::test]
async fn a_wrong_claim_is_refused_and_nobody_can_tell_which() {
    let it = Fixture::start().await;
    let now = it.app.clock.now().timestamp();
    let long = "x".repeat(1025);
    let table = [
        (json!({ "iss": "https://issuer.example/" }), "workload-issuer-unknown"),
        (json!({ "iss": "https://other.example" }), "workload-issuer-unknown"),
        (json!({ "iss": ["https://issuer.example"] }), "workload-token-malformed"),
        (json!({ "iss": null }), "workload-token-malformed"),
        (json!({ "aud": "https://other.example" }), "workload-issuer-unknown"),
        (json!({ "aud": [] }), "workload-issuer-unknown"),
        (json!({ "aud": null }), "workload-issuer-unknown"),
        (json!({ "aud": format!("{AUDIENCE}/") }), "workload-issuer-unknown"),
        (json!({ "cnf": { "jkt": "x" } }), "workload-token-malformed"),
        (json!({ "exp": now }), "workload-token-expired"),
        (json!({ "exp": now - 1 }), "workload-token-expired"),
        (json!({ "exp": -1 }), "workload-token-expired"),
        (json!({ "exp": now + 367 * 86_400 }), "workload-token-expired"),
        (json!({ "exp": 1e300 }), "workload-token-expired"),
        (json!({ "exp": null }), "workload-token-malformed"),
        (json!({ "exp": (now + 60).to_string() }), "workload-token-malformed"),
        (json!({ "nbf": now + 61 }), "workload-token-expired"),
        (json!({ "iat": now + 61 }), "workload-token-expired"),
        (json!({ "iat": "today" }), "workload-token-malformed"),
        (json!({ "sub": "" }), "workload-claim-missing"),
        (json!({ "sub": 5 }), "workload-claim-missing"),
        (json!({ "sub": long }), "workload-claim-missing"),
        (json!({ "sub": "somebody" }), "workload-matches-no-rule"),
        (json!({ "jti": null }), "workload-claim-missing"),
        (json!({ "jti": "" }), "workload-claim-missing"),
        (json!({ "jti": long }), "workload-claim-missing"),
    ];
    let (mut answers, mut known) = (Vec::new(), Vec::new());
    for (claims, reason) in &table {
        let answer = it.log_in(&it.token(claims.clone())).await;
        expect_refused(&answer);
        answers.push(answer.text);
        assert_eq!(it.new_reason(&mut known).await, *reason, "{claims}");
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    for claims in [
        json!({ "aud": [AUDIENCE, "https://other.example"] }),
        json!({ "nbf": now + 60, "iat": now + 60 }),
        json!({ "exp": 1_772_600_800.5_f64.max(now as f64 + 30.5) }),
        json!({ "exp": now + 1 }),
    ] {
        expect_token(&it.log_in(&it.token(claims)).await, 3600);
    }
    let mut without = it.app.claims(ISSUER, json!({}));
    for absent in ["iat", "nbf"] {
        without.as_object_mut().unwrap().remove(absent);
    }
    expect_token(&it.log_in(&it.key.sign(&without)).await, 3600);
    for required in ["exp", "sub", "aud", "iss", "jti"] {
        let mut claims = it.app.claims(ISSUER, json!({}));
        claims.as_object_mut().unwrap().remove(required);
        expect_refused(&it.log_in(&it.key.sign(&claims)).await);
    }
}

#[actix_web::test]
async fn a_signature_is_of_a_key_of_the_issuer() {
    let it = Fixture::start().await;
    let claims = it.app.claims(ISSUER, json!({}));
    let good = it.key.sign(&claims);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let public = it.key.jwk().to_string();
    let secret = |text: &[u8]| EncodingKey::from_secret(text);
    let hmac = Header { kid: Some("key-1".into()), ..Header::new(Algorithm::HS256) };
    let other = IssuerKey::new("key-1");
    let table = [
        // The old attacks: no signature, and the public key as a shared secret (RFC 8725, section 2.1).
        (format!("{}.{payload}.", encode(&json!({ "alg": "none" }))), "workload-token-malformed"),
        (format!("{}.{payload}.{signature}", encode(&json!({ "alg": "none" }))), "workload-token-malformed"),
        (format!("{}.{payload}.", encode(&json!({ "alg": "NONE", "kid": "key-1" }))), "workload-token-malformed"),
        (jsonwebtoken::encode(&hmac, &claims, &secret(public.as_bytes())).unwrap(), "workload-key-unknown"),
        (jsonwebtoken::encode(&hmac, &claims, &secret(b"")).unwrap(), "workload-key-unknown"),
        (other.sign(&claims), "workload-signature-wrong"),
        (IssuerKey::new("key-2").sign(&claims), "workload-key-unknown"),
        (IssuerKey::of("key-1", Algorithm::RS256).sign(&claims), "workload-key-unknown"),
        (IssuerKey::of("key-1", Algorithm::EdDSA).sign(&claims), "workload-key-unknown"),
        (format!("{header}.{}.{signature}", encode(&it.app.claims(ISSUER, json!({})))), "workload-signature-wrong"),
        (format!("{head}."), "workload-signature-wrong"),
        (head.to_string(), "workload-token-malformed"),
        (format!("{good}.x"), "workload-token-malformed"),
        ("x".into(), "workload-token-malformed"),
        ("..".into(), "workload-token-malformed"),
        (it.key.sign(&it.app.claims(ISSUER, json!({ "x": "x".repeat(20_000) }))), "workload-token-malformed"),
    ];
    let mut known = Vec::new();
    for (token, reason) in table {
        expect_refused(&it.log_in(&token).await);
        assert_eq!(it.new_reason(&mut known).await, reason, "{token}");
    }
    expect_token(&it.log_in(&good).await, 3600);
}

#[actix_web::test]
async fn a_header_that_names_a_key_or_another_use_is_refused() {
    let it = Fixture::start().await;
    let sign = |adjust: &dyn Fn(&mut Header)| it.key.sign_with(&it.app.claims(ISSUER, json!({})), adjust);
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(it.key.jwk()).unwrap();
    for token in [
        sign(&|header| header.jku = Some("https://evil.example/keys".into())),
        sign(&|header| header.x5u = Some("https://evil.example/chain".into())),
        sign(&|header| header.jwk = Some(jwk.clone())),
        sign(&|header| header.x5c = Some(vec!["MIIB".into()])),
        sign(&|header| header.crit = Some(vec!["b64".into()])),
        sign(&|header| header.typ = Some("at+jwt".into())),
        sign(&|header| header.typ = Some("application/at+jwt".into())),
        sign(&|header| header.typ = Some("logout+jwt".into())),
        sign(&|header| header.typ = Some("dpop+jwt".into())),
    ] {
        expect_refused(&it.log_in(&token).await);
    }
    assert!(it.reasons().await.iter().all(|reason| reason == "workload-token-malformed"));
    for token in [
        sign(&|header| header.typ = None),
        sign(&|header| header.typ = Some("jwt".into())),
        sign(&|header| header.typ = Some("JOSE".into())),
        // The only key needs no name.
        sign(&|header| header.kid = None),
        sign(&|header| header.x5t = Some("thumbprint".into())),
    ] {
        expect_token(&it.log_in(&token).await, 3600);
    }
}

#[actix_web::test]
async fn a_token_is_used_once_on_all_nodes() {
    let it = Fixture::start().await;
    let node = it.app.serve_second_node();
    let token = it.token(json!({}));
    expect_token(&it.log_in(&token).await, 3600);
    expect_refused(&it.log_in(&token).await);
    let form = [super::JWT_BEARER, ("assertion", token.as_str())];
    expect_refused(&super::post(&it.app.anonymous().at(node.address), "/oauth2/token", &form).await);
    assert_eq!(it.reasons().await.last().map(String::as_str), Some("workload-token-replayed"));
    // The id is what counts, not the token around it.
    let id = json!({ "jti": "one", "ref": "a" });
    expect_token(&it.log_in(&it.token(id)).await, 3600);
    expect_refused(&it.log_in(&it.token(json!({ "jti": "one", "ref": "b" }))).await);
    // Several at once have one winner.
    let raced = it.token(json!({}));
    let answers = futures_util::future::join_all((0..8).map(|_| it.log_in(&raced))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let app = it.app.restart().await;
    expect_refused(&log_in(&app, &token).await);
}

#[actix_web::test]
async fn a_refused_request_does_not_use_up_a_token() {
    let it = Fixture::start().await;
    let token = it.token(json!({ "sub": "later" }));
    expect_refused(&it.log_in(&token).await);
    it.app.add_rule("later", &it.client.client_id, &[("sub", "later")]).await;
    expect_token(&it.log_in(&token).await, 3600);
}

#[actix_web::test]
async fn a_reusable_token_may_come_again_until_it_expires() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let key = IssuerKey::new("key");
    let mut request = issuer_request(ISSUER, KeySource::Jwks(key_set(&[&key])));
    request.reusable_tokens = true;
    app.trust(request).await;
    app.add_rule("rule", &client.client_id, &[("sub", "workload")]).await;
    let mut claims = app.claims(ISSUER, json!({}));
    claims.as_object_mut().unwrap().remove("jti");
    let token = key.sign(&claims);
    for _ in 0..3 {
        expect_token(&log_in(&app, &token).await, 3600);
    }
    app.clock.advance(Duration::from_secs(300));
    app.vault.refresh().await.unwrap();
    expect_refused(&log_in(&app, &token).await);
}

#[actix_web::test]
async fn an_own_access_token_is_no_proof_of_a_workload() {
    let it = Fixture::start().await;
    expect_refused(&it.log_in(&it.client.token).await);
}
