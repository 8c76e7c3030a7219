//! Which client a token is of.

use chaveiro::vault::access::workload::issuer::KeySource;
use chaveiro::vault::operation::Action;
use serde_json::json;

use super::{Fixture, ISSUER, JWT_BEARER, expect_refused, expect_token, post};
use crate::support::{Answer, IssuerKey, TestClient, issuer_request, key_set};

async fn log_in_as(it: &Fixture, token: &str, role: &str) -> Answer {
    post(&it.app.anonymous(), "/oauth2/token", &[JWT_BEARER, ("assertion", token), ("client_id", role)]).await
}

#[track_caller]
fn expect_token_of(answer: &Answer, client: &TestClient) {
    let token = expect_token(answer, 3600);
    let payload = token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["client_id"], client.client_id);
}

#[actix_web::test]
async fn a_token_of_several_clients_names_the_client_or_the_rule() {
    let it = Fixture::start().await;
    let deploy = it.app.client().await;
    it.app.add_rule("deploy", &deploy.client_id, &[("sub", "workload"), ("ref", "main")]).await;
    let token = || it.token(json!({ "ref": "main" }));
    expect_refused(&it.log_in(&token()).await);
    assert_eq!(it.reasons().await, ["workload-matches-several-clients"]);
    expect_token_of(&log_in_as(&it, &token(), &deploy.client_id).await, &deploy);
    expect_token_of(&log_in_as(&it, &token(), "deploy").await, &deploy);
    expect_token_of(&log_in_as(&it, &token(), "rule").await, &it.client);
    for role in ["Deploy", "other", &it.app.client().await.client_id] {
        expect_refused(&log_in_as(&it, &token(), role).await);
    }
    // Without the claim it is of one client, whatever it asks for.
    let plain = || it.token(json!({ "ref": "feature" }));
    expect_token_of(&it.log_in(&plain()).await, &it.client);
    expect_refused(&log_in_as(&it, &plain(), "deploy").await);
}

#[actix_web::test]
async fn two_rules_of_one_client_are_not_ambiguous() {
    let it = Fixture::start().await;
    it.app.add_rule("second", &it.client.client_id, &[("sub", "work*")]).await;
    expect_token_of(&it.log_in(&it.token(json!({}))).await, &it.client);
}

#[actix_web::test]
async fn a_rule_and_an_issuer_end_within_a_second_on_all_nodes() {
    let it = Fixture::start().await;
    let node = it.app.serve_second_node();
    node.vault.refresh().await.unwrap();
    let at_node = async |token: String| {
        post(&it.app.anonymous().at(node.address), "/oauth2/token", &[JWT_BEARER, ("assertion", &token)]).await
    };
    expect_token(&at_node(it.token(json!({}))).await, 3600);
    let permit = it.app.operator(Action::ISSUER_REMOVE_RULE).await;
    it.app.vault.remove_issuer_rule(permit, "issuer", "rule").await.unwrap();
    node.vault.refresh().await.unwrap();
    expect_refused(&at_node(it.token(json!({}))).await);
    it.app.add_rule("rule", &it.client.client_id, &[("sub", "workload")]).await;
    node.vault.refresh().await.unwrap();
    expect_token(&at_node(it.token(json!({}))).await, 3600);
    let permit = it.app.operator(Action::ISSUER_DISABLE).await;
    it.app.vault.disable_issuer(permit, "issuer").await.unwrap();
    node.vault.refresh().await.unwrap();
    expect_refused(&at_node(it.token(json!({}))).await);
    expect_refused(&it.log_in(&it.token(json!({}))).await);
}

#[actix_web::test]
async fn issuers_of_one_name_differ_by_audience_and_each_has_its_keys() {
    let it = Fixture::start().await;
    let other_key = IssuerKey::new("key-1");
    let mut request = issuer_request(ISSUER, KeySource::Jwks(key_set(&[&other_key])));
    request.name = "other".into();
    request.audience = "https://other.example".into();
    it.app.trust(request).await;
    let claims = it.app.claims(ISSUER, json!({ "aud": "https://other.example" }));
    // The rules of one issuer do not hold for the other.
    expect_refused(&it.log_in(&other_key.sign(&claims)).await);
    expect_refused(&it.log_in(&it.key.sign(&claims)).await);
    expect_token(&it.log_in(&it.token(json!({}))).await, 3600);
    let both = json!({ "aud": ["https://vault.example", "https://other.example"] });
    expect_refused(&it.log_in(&it.token(both)).await);
    let reasons = it.reasons().await;
    let mut sorted: Vec<&str> = reasons.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, ["workload-issuer-unknown", "workload-matches-no-rule", "workload-signature-wrong"]);
}
