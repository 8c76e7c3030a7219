//! The two grants, and what they issue.

use std::time::Duration;

use chaveiro::vault::access::Resource;
use chaveiro::vault::audit_log::AuditRecord;
use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::json;

use super::{Fixture, JWT_BEARER, TOKEN_EXCHANGE, expect_error, expect_refused, expect_token, post};

const JWT_TYPE: (&str, &str) = ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt");
const ID_TOKEN_TYPE: (&str, &str) = ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token");
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[actix_web::test]
async fn an_assertion_becomes_an_access_token_of_the_client() {
    let it = Fixture::start().await;
    it.client.create_device("srv", "10.0.0.1").await;
    for path in ["/oauth2/token", "/iso/oauth2/token", "/api/oauth2/token"] {
        let token = it.token(json!({}));
        let answer = post(&it.app.anonymous(), path, &[JWT_BEARER, ("assertion", &token), ("ttl", "60")]).await;
        let issued = it.client.with_token(&expect_token(&answer, 60));
        assert_eq!(issued.get("/iso/pam/device").await.expect(200)["devices"].as_array().unwrap().len(), 1);
    }
    let body = json!({ "grant_type": JWT_BEARER.1, "assertion": it.token(json!({})), "tenant": "default" });
    expect_token(&it.app.anonymous().post("/oauth2/token", &body).await, 3600);
}

#[actix_web::test]
async fn a_token_is_exchanged_for_an_access_token() {
    let it = Fixture::start().await;
    for kind in [JWT_TYPE, ID_TOKEN_TYPE] {
        for requested in [&[][..], &[("requested_token_type", ACCESS_TOKEN)]] {
            let token = it.token(json!({}));
            let form = [&[TOKEN_EXCHANGE, kind, ("subject_token", token.as_str())], requested].concat();
            let body = post(&it.app.anonymous(), "/oauth2/token", &form).await.expect(200);
            assert_eq!((&body["issued_token_type"], &body["token_type"]), (&json!(ACCESS_TOKEN), &json!("Bearer")));
            let issued = it.client.with_token(body["access_token"].as_str().unwrap());
            issued.get("/iso/pam/device").await.expect(200);
        }
    }
}

#[actix_web::test]
async fn a_request_that_is_no_grant_says_what_is_missing() {
    let it = Fixture::start().await;
    let token = it.token(json!({}));
    let (assertion, subject) = (("assertion", token.as_str()), ("subject_token", token.as_str()));
    for (form, part) in [
        (&[JWT_BEARER][..], "assertion is missing"),
        (&[JWT_BEARER, subject], "assertion is missing"),
        (&[JWT_BEARER, ("assertion", "")], "assertion is missing"),
        (&[TOKEN_EXCHANGE, JWT_TYPE], "subject_token is missing"),
        (&[TOKEN_EXCHANGE, JWT_TYPE, assertion], "subject_token is missing"),
        (&[TOKEN_EXCHANGE, subject], "subject_token_type must be"),
        (&[TOKEN_EXCHANGE, subject, ("subject_token_type", ACCESS_TOKEN)], "subject_token_type must be"),
        (
            &[TOKEN_EXCHANGE, subject, JWT_TYPE, ("requested_token_type", "urn:ietf:params:oauth:token-type:saml2")],
            "requested_token_type must be",
        ),
        (&[TOKEN_EXCHANGE, subject, JWT_TYPE, ("actor_token", "x")], "actor_token is not supported"),
        (&[JWT_BEARER, assertion, assertion], "assertion: must not be repeated"),
        (&[JWT_BEARER, assertion, ("client_secret", "x")], "more than one way"),
        (&[JWT_BEARER, assertion, ("client_assertion", "x")], "more than one way"),
    ] {
        let answer = post(&it.app.anonymous(), "/oauth2/token", form).await;
        expect_error(&answer, 400, "invalid_request");
        let description = answer.json()["error_description"].as_str().unwrap().to_string();
        assert!(description.contains(part) && !answer.text.contains(&token), "{description}");
    }
    let anonymous = it.app.anonymous();
    let basic = anonymous.request(Method::POST, "/oauth2/token").basic_auth("id", Some("secret"));
    expect_error(&anonymous.send(basic.form(&[JWT_BEARER, assertion])).await, 400, "invalid_request");
    // A token in the URL ends up in logs.
    for parameter in [assertion, subject, ("actor_token", "x")] {
        let request =
            anonymous.request(Method::POST, "/oauth2/token").query(&[parameter]).form(&[JWT_BEARER, assertion]);
        expect_error(&anonymous.send(request).await, 400, "invalid_request");
    }
    // Nothing of this has used the token.
    expect_token(&it.log_in(&token).await, 3600);
}

#[actix_web::test]
async fn the_restrictions_of_the_authorization_hold() {
    let it = Fixture::start().await;
    let elsewhere = it.app.unauthenticated_client(|request| request.allowed_ips = vec!["192.0.2.0/24".into()]).await;
    let pinned = it.app.unauthenticated_client(|request| request.certificates = vec!["ab".repeat(32)]).await;
    let now = it.app.clock.now();
    let expiring =
        it.app.unauthenticated_client(|request| request.expires_at = Some(now + Duration::from_secs(9))).await;
    let disabled = it.app.unauthenticated_client(|_| {}).await;
    for (name, client) in
        [("elsewhere", &elsewhere), ("pinned", &pinned), ("expiring", &expiring), ("disabled", &disabled)]
    {
        it.app.add_rule(name, &client.client_id, &[("sub", name)]).await;
    }
    let permit = it.app.operator(Action::AUTHORIZATION_DISABLE).await;
    it.app.vault.disable_authorization(permit, &disabled.client_id).await.unwrap();
    expect_token(&it.log_in(&it.token(json!({ "sub": "expiring" }))).await, 3600);
    it.app.clock.advance(Duration::from_secs(10));
    it.app.vault.refresh().await.unwrap();
    for name in ["elsewhere", "pinned", "expiring", "disabled"] {
        expect_refused(&it.log_in(&it.token(json!({ "sub": name }))).await);
    }
    let form = [JWT_BEARER, ("assertion", &it.token(json!({}))), ("tenant", "other")];
    expect_refused(&post(&it.app.anonymous(), "/oauth2/token", &form).await);
    let mut reasons = it.reasons().await;
    reasons.sort();
    assert_eq!(
        reasons,
        ["certificate-not-allowed", "client-not-live", "client-not-live", "source-not-allowed", "wrong-tenant"]
    );
}

#[actix_web::test]
async fn a_rule_gives_the_rights_of_its_client_and_no_others() {
    let it = Fixture::start().await;
    let other = it.app.client_with(|request| request.resources = vec![Resource::WebProxySession]).await;
    it.app.add_rule("other", &other.client_id, &[("sub", "other")]).await;
    let issued = expect_token(&it.log_in(&it.token(json!({ "sub": "other" }))).await, 3600);
    it.client.with_token(&issued).get("/iso/pam/device").await.expect_refusal(403, "You are not authorized");
}

#[actix_web::test]
async fn the_record_names_the_client_the_rule_and_the_subject() {
    let it = Fixture::start().await;
    let token = it.token(json!({ "ref": "main" }));
    expect_token(&it.log_in(&token).await, 3600);
    let records = it.app.records().await;
    let of_rule = |record: &&AuditRecord| record.action == "token.issue" && record.object == "issuer-rule:1";
    let issued = records.iter().find(of_rule).unwrap();
    assert_eq!(issued.actor, it.client.client_id);
    assert_eq!((issued.reason.as_str(), issued.outcome.as_str()), ("sub workload", "ok"));
    assert!(!format!("{records:?}").contains(&token));
}

#[actix_web::test]
async fn the_metadata_names_the_grants() {
    let it = Fixture::start().await;
    let body = it.app.anonymous().get("/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!(body["grant_types_supported"], json!(["client_credentials", JWT_BEARER.1, TOKEN_EXCHANGE.1]));
}
