//! Tokens of workloads at the token endpoint (RFC 7523, section 2.1; RFC 8693).

mod checks;
mod forms;
mod grants;
mod key_server;
mod rules;

use chaveiro::vault::access::workload::issuer::KeySource;

use super::{expect_error, expect_token, post};
use crate::support::{Answer, IssuerKey, TestApp, TestClient, issuer_request, key_set};

const JWT_BEARER: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
const TOKEN_EXCHANGE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
const ISSUER: &str = "https://issuer.example";

/// A vault that trusts an issuer, whose key it has, for the subject `workload` of one client.
struct Fixture {
    app: TestApp,
    key: IssuerKey,
    client: TestClient,
}

impl Fixture {
    async fn start() -> Self {
        Self::with(IssuerKey::new("key-1")).await
    }

    async fn with(key: IssuerKey) -> Self {
        let app = TestApp::start().await;
        let client = app.client().await;
        app.trust(issuer_request(ISSUER, KeySource::Jwks(key_set(&[&key])))).await;
        app.add_rule("rule", &client.client_id, &[("sub", "workload")]).await;
        Self { app, key, client }
    }

    /// A token with claims that are valid now, and these.
    fn token(&self, more: serde_json::Value) -> String {
        self.key.sign(&self.app.claims(ISSUER, more))
    }

    async fn log_in(&self, token: &str) -> Answer {
        log_in(&self.app, token).await
    }

    /// The reasons of failed authentications, as recorded.
    async fn reasons(&self) -> Vec<String> {
        self.app.vault.record_failures().await.unwrap();
        let records = self.app.records().await.into_iter();
        records.filter(|record| record.action == "authentication").map(|record| record.outcome).collect()
    }

    /// The only reason that is not among the known ones, to which it is added: records of one moment have no order on
    /// PostgreSQL.
    async fn new_reason(&self, known: &mut Vec<String>) -> String {
        let mut reasons = self.reasons().await;
        for reason in known.iter() {
            reasons.remove(reasons.iter().position(|found| found == reason).unwrap());
        }
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        known.push(reasons[0].clone());
        reasons.remove(0)
    }
}

async fn log_in(app: &TestApp, token: &str) -> Answer {
    post(&app.anonymous(), "/oauth2/token", &[JWT_BEARER, ("assertion", token)]).await
}

#[track_caller]
fn expect_refused(answer: &Answer) {
    expect_error(answer, 400, "invalid_grant");
    assert_eq!(answer.json()["error_description"], "The assertion is not accepted");
}
