//! Every route of the family as it is described.

use chaveiro::config::Settings;
use chaveiro::http::{self, Endpoint};
use serde_json::Value;

use super::{LIST, expect_headers, vault};
use crate::support::TestApp;

fn endpoints() -> Vec<Endpoint> {
    let mut settings = Settings::defaults().unwrap();
    settings.pam_v2.enabled = true;
    let mut endpoints = http::families(&settings).endpoints();
    endpoints.retain(|endpoint| endpoint.path.starts_with("/api/v2/"));
    endpoints
}

#[actix_web::test]
async fn none_is_served_by_default() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for path in [LIST.to_string(), format!("{LIST}/1")] {
        let answer = client.get(&path).await;
        answer.expect_refusal(404, "Resource sub not found");
        assert!(answer.header("x-ratelimit-limit").is_none());
    }
}

#[actix_web::test]
async fn each_is_described_and_answers_as_described() {
    let (app, client) = vault().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let endpoints = endpoints();
    assert_eq!(endpoints.len(), 2);
    for endpoint in endpoints {
        assert!(endpoint.bearer && !endpoint.basic);
        let answer = client.get(&endpoint.path.replace("{id}", "1")).await;
        answer.expect(200);
        expect_headers(&answer);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let operation = &description["paths"][&endpoint.path]["get"];
        for status in [200, 304, 400, 401, 403, 412, 422, 429, 500, 503] {
            assert!(operation["responses"].get(status.to_string()).is_some(), "{status}");
        }
        let parameters: Vec<&Value> = operation["parameters"].as_array().unwrap().iter().collect();
        for (name, _) in endpoint.query {
            assert!(parameters.iter().any(|parameter| parameter["name"] == *name), "{name}");
        }
    }
}
