//! Keys that are fetched: discovery, rotation, and servers that fail.

use std::sync::Arc;
use std::time::Duration;

use chaveiro::vault::access::workload::issuer::{IssuerRequest, KeySource};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{expect_error, expect_refused, expect_token, log_in};
use crate::support::{
    Answer, Answering, IssuerKey, IssuerServer, TestApp, TestClient, keep_log, key_set, logged, noticed,
};

/// A vault that trusts a running issuer for the subject `workload` of one client.
struct Fetched {
    app: TestApp,
    server: IssuerServer,
    key: IssuerKey,
}

impl Fetched {
    async fn start(adjust: impl FnOnce(&IssuerServer, &mut IssuerRequest)) -> Self {
        let app = TestApp::start().await;
        let client: TestClient = app.client().await;
        let key = IssuerKey::new("key-1");
        let server = IssuerServer::start(&[&key]);
        let mut request = server.request();
        adjust(&server, &mut request);
        app.trust(request).await;
        app.add_rule("rule", &client.client_id, &[("sub", "workload")]).await;
        Self { app, server, key }
    }

    async fn log_in(&self) -> Answer {
        self.log_in_with(&self.key).await
    }

    async fn log_in_with(&self, key: &IssuerKey) -> Answer {
        log_in(&self.app, &key.sign(&self.app.claims(&self.server.issuer, json!({})))).await
    }

    async fn pass(&self, seconds: u64) {
        self.app.clock.advance(Duration::from_secs(seconds));
        self.app.clock.advance_monotonic(Duration::from_secs(seconds));
        self.app.vault.refresh().await.unwrap();
    }
}

#[track_caller]
fn expect_unavailable(answer: &Answer) {
    expect_error(answer, 503, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[actix_web::test]
async fn keys_are_found_by_discovery_and_kept() {
    let it = Fetched::start(|_, _| {}).await;
    for _ in 0..3 {
        expect_token(&it.log_in().await, 3600);
    }
    assert_eq!(it.server.requests(), 2);
    it.pass(3600).await;
    expect_token(&it.log_in().await, 3600);
    assert_eq!(it.server.requests(), 4);
}

#[actix_web::test]
async fn keys_are_fetched_from_a_url() {
    let it = Fetched::start(|server, request| {
        request.issuer = server.issuer.clone();
        request.keys = KeySource::Url(format!("{}/keys", server.issuer));
    })
    .await;
    expect_token(&it.log_in().await, 3600);
    assert_eq!(it.server.requests(), 1);
}

#[actix_web::test]
async fn a_rotated_key_is_fetched_and_a_withdrawn_one_ends() {
    let it = Fetched::start(|_, _| {}).await;
    expect_token(&it.log_in().await, 3600);
    let new = IssuerKey::new("key-2");
    it.server.publish(key_set(&[&new]));
    // Somebody has just made the vault fetch the keys; made-up ids do not do so again.
    expect_refused(&it.log_in_with(&new).await);
    it.pass(30).await;
    expect_token(&it.log_in_with(&new).await, 3600);
    expect_refused(&it.log_in().await);
    let requests = it.server.requests();
    for number in 0..5 {
        expect_refused(&it.log_in_with(&IssuerKey::new(&format!("made-up-{number}"))).await);
    }
    assert_eq!(it.server.requests(), requests);
}

#[actix_web::test]
async fn keys_of_a_silent_server_serve_for_a_day() {
    let it = Fetched::start(|_, _| {}).await;
    expect_token(&it.log_in().await, 3600);
    it.server.answer(Answering::Status(500));
    for _ in 0..23 {
        it.pass(3600).await;
        expect_token(&it.log_in().await, 3600);
    }
    it.pass(3600).await;
    expect_unavailable(&it.log_in().await);
    it.server.answer(Answering::Documents);
    // Not at once: a server that fails is asked again after a while.
    expect_unavailable(&it.log_in().await);
    it.pass(30).await;
    expect_token(&it.log_in().await, 3600);
}

#[actix_web::test]
async fn an_answer_that_is_no_key_set_is_refused() {
    keep_log();
    let it = Fetched::start(|_, _| {}).await;
    let large = format!("{{\"keys\": [], \"x\": \"{}\"}}", "x".repeat(300_000));
    let other = json!({ "issuer": "https://other.example", "jwks_uri": format!("{}/keys", it.server.issuer) });
    let plain = json!({ "issuer": it.server.issuer, "jwks_uri": "http://127.0.0.1/keys" });
    let metadata = json!({ "issuer": it.server.issuer, "jwks_uri": "https://169.254.169.254/keys" });
    let own = json!({ "issuer": it.server.issuer, "jwks_uri": format!("{}/keys", it.server.issuer) });
    let good = key_set(&[&it.key]);
    for (answering, configuration, keys, part) in [
        (Answering::Status(500), &own, &good, "status 500 instead of 200"),
        (Answering::Redirect, &own, &good, "status 302 instead of 200"),
        (Answering::Documents, &own, &large, "the answer is larger than 256 KiB"),
        (Answering::Documents, &own, &"<html>canary".into(), "expected a JWK set"),
        (Answering::Documents, &own, &r#"{"keys":[]}"#.into(), "no key for signatures"),
        (Answering::Documents, &other, &good, "expected a configuration with issuer"),
        (Answering::Documents, &plain, &good, "expected an https URL"),
        (Answering::Documents, &metadata, &good, "the address of 169.254.169.254 is not allowed"),
    ] {
        it.server.answer(answering);
        it.server.configure(configuration.clone());
        it.server.publish(keys.clone());
        it.pass(30).await;
        expect_unavailable(&it.log_in().await);
        let log = logged(&it.server.issuer).join("\n") + &logged("the keys of the issuer").join("\n");
        assert!(log.contains(part), "{part}: {log}");
        assert!(!log.contains("canary"));
    }
    it.server.answer(Answering::Documents);
    it.server.configure(own);
    it.server.publish(good);
    it.pass(30).await;
    expect_token(&it.log_in().await, 3600);
}

#[actix_web::test]
async fn a_server_that_hangs_is_given_up() {
    let it = Fetched::start(|_, _| {}).await;
    it.server.answer(Answering::Never);
    let (first, second) = futures_util::future::join(it.log_in(), it.log_in()).await;
    expect_unavailable(&first);
    expect_unavailable(&second);
    assert_eq!(it.server.requests(), 1);
}

#[actix_web::test]
async fn a_caller_who_leaves_does_not_keep_the_keys_away() {
    let it = Fetched::start(|_, _| {}).await;
    let permits = Arc::new(Semaphore::new(0));
    it.server.answer(Answering::Held(Arc::clone(&permits)));
    let asked = async || it.server.requests() == 1;
    {
        let leaving = std::pin::pin!(it.log_in());
        let waits = std::pin::pin!(noticed("a request for keys", asked));
        futures_util::future::select(leaving, waits).await;
    }
    permits.add_permits(2);
    expect_token(&it.log_in().await, 3600);
    assert_eq!(it.server.requests(), 2);
}

#[actix_web::test]
async fn a_server_without_a_trusted_certificate_or_on_a_private_address_is_not_asked() {
    // Another authority than that of the server, and none of the test's own.
    let wrong = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap().cert.pem();
    let it = Fetched::start(|_, request| request.ca_pem = Some(wrong)).await;
    expect_unavailable(&it.log_in().await);
    let it = Fetched::start(|_, request| request.ca_pem = None).await;
    expect_unavailable(&it.log_in().await);
    // The name leads to this machine, which is not allowed unless the operator says so.
    let it = Fetched::start(|_, request| request.allow_private = false).await;
    expect_unavailable(&it.log_in().await);
    assert_eq!(it.server.requests(), 0);
}
