//! Every route of the family as it is described, and what is none.

use std::collections::{BTreeMap, BTreeSet};

use chaveiro::config::Settings;
use chaveiro::http::{self, Endpoint};
use reqwest::Method;
use serde_json::Value;

use super::{DENIED, app, expect_errors, list, read, vault};
use crate::support::{Answer, TestApp, TestClient};

const NO_HANDLER: &[&str] = &["no handler for route. route entry not found."];

/// Every endpoint of the family.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut settings = Settings::defaults().unwrap();
    settings.vault_kv.enabled = true;
    let mut endpoints = http::families(&settings).endpoints();
    endpoints.retain(|endpoint| endpoint.path.starts_with("/v1/"));
    endpoints
}

pub(super) async fn call(client: &TestClient, method: &str, path: &str) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    client.send(client.request(method, &path.replace("{path:.*}", "erp"))).await
}

#[actix_web::test]
async fn none_is_served_by_default() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for endpoint in endpoints() {
        let answer = call(&client, endpoint.method.as_str(), &endpoint.path).await;
        answer.expect_refusal(404, "Resource sub not found");
    }
}

#[actix_web::test]
async fn each_is_described_and_answers_as_described() {
    let (app, client) = vault().await;
    let description = app.anonymous().get("/openapi.json").await.expect(200);
    let mut names = BTreeSet::new();
    for endpoint in endpoints() {
        let (method, path) = (endpoint.method.as_str(), &endpoint.path);
        let answer = call(&client, method, path).await;
        let statuses: Vec<u16> = endpoint.answers.iter().map(|answer| answer.status).collect();
        // OpenAPI has no LIST; the GET beside it is described.
        if method == "LIST" {
            assert!(statuses.is_empty() || statuses.contains(&answer.status.as_u16()), "{path}: {}", answer.text);
        } else {
            assert!(statuses.contains(&answer.status.as_u16()), "{method} {path}: {} {}", answer.status, answer.text);
            let operation = &description["paths"][path.replace(":.*}", "}")][method.to_lowercase()];
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_string()), "{method} {path}");
            assert_eq!(operation.get("security").is_some(), endpoint.bearer, "{method} {path}");
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_path: Vec<&Value> = parameters.filter(|parameter| parameter["in"] == "path").collect();
            assert_eq!(in_path.len(), usize::from(path.contains('{')), "{method} {path}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
    }
    assert!(names.len() > 15, "{names:?}");
    let client = app.client().await;
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.bearer) {
        expect_errors(&call(&app.anonymous(), endpoint.method.as_str(), &endpoint.path).await, 403, DENIED);
        let mut wrong = client.clone();
        wrong.token = "canary".into();
        expect_errors(&call(&wrong, endpoint.method.as_str(), &endpoint.path).await, 403, DENIED);
    }
}

#[actix_web::test]
async fn a_method_that_a_path_does_not_have_is_405() {
    let app = app().await;
    let client = app.client().await;
    let mut paths = BTreeMap::<String, BTreeSet<String>>::new();
    for endpoint in endpoints() {
        let methods = endpoint.methods().into_iter().map(|method| method.to_string());
        paths.entry(endpoint.path).or_default().extend(methods);
    }
    for (path, methods) in paths {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "LIST"] {
            if methods.contains(method) {
                continue;
            }
            let answer = call(&client, method, &path).await;
            expect_errors(&answer, 405, &["unsupported operation"]);
            let allowed = answer.header("allow").unwrap().split(", ").map(String::from).collect::<BTreeSet<_>>();
            assert_eq!(allowed, methods, "{method} {path}");
            expect_errors(&call(&app.anonymous(), method, &path).await, 403, DENIED);
        }
        if !methods.contains("HEAD") {
            assert_eq!(call(&client, "HEAD", &path).await.status, 405, "{path}");
        }
    }
}

#[actix_web::test]
async fn a_load_balancer_may_ask_by_head_and_without_a_token() {
    let app = app().await;
    let anonymous = app.anonymous();
    let paths = ["/v1/sys/health", "/v1/sys/init", "/v1/sys/leader", "/v1/sys/seal-status"];
    for path in paths {
        let (get, head) = (anonymous.get(path).await, call(&anonymous, "HEAD", path).await);
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""), "{path}");
        for name in ["content-length", "content-type", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
            assert!(head.header(name).is_some(), "{path} {name}");
        }
    }
    // Nothing that needs a token is among them.
    let by_head = endpoints().into_iter().filter(|endpoint| endpoint.head);
    assert_eq!(by_head.map(|endpoint| endpoint.path).collect::<BTreeSet<_>>(), paths.map(String::from).into());
}

#[actix_web::test]
async fn what_is_no_route_is_404_with_a_token_and_403_without() {
    let app = app().await;
    let client = app.client().await;
    for path in [
        "/v1",
        "/v1/",
        "/v1/canary",
        "/v1/canary/data/erp",
        "/v1/secret",
        "/v1/vaults",
        "/v1/auth/token/canary",
        "/v1/sys/canary",
    ] {
        expect_errors(&client.get(path).await, 404, NO_HANDLER);
        expect_errors(&app.anonymous().get(path).await, 403, DENIED);
    }
    client.get("/v1x/secret").await.expect_refusal(404, "Resource sub not found");
    let unknown = app.records().await.into_iter().filter(|record| record.action == "route.unknown").count();
    assert_eq!(unknown, 9);
}

#[actix_web::test]
async fn a_route_of_version_1_says_that_it_is_one() {
    let (_app, client) = vault().await;
    for (method, path) in [("GET", "erp"), ("GET", "nothing/there"), ("LIST", "srv"), ("GET", "datax/erp")] {
        let said = call(&client, method, &format!("/v1/secret/{path}")).await.expect(404);
        let warning = said["warnings"][0].as_str().unwrap();
        assert!(warning.starts_with("Invalid path for a versioned K/V secrets engine."), "{warning}");
        assert!(said["data"].is_null() && said.get("errors").is_none(), "{said}");
    }
}

#[actix_web::test]
async fn empty_segments_and_an_empty_query_do_not_matter() {
    let (_app, client) = vault().await;
    for path in ["/v1//secret/data/erp", "//v1/secret//data/erp", "/v1/secret/data/erp?"] {
        let said = client.get(path).await.expect(200);
        assert_eq!(said["data"]["data"]["password"], "second", "{path}");
    }
    let body = serde_json::json!({ "role_id": client.client_id, "secret_id": client.client_secret });
    client.post("/v1//auth/approle/login", &body).await.expect(200);
    client.get("/v1//auth/token/lookup-self?").await.expect(200);
    list(&client, "//").await.expect(200);
}

#[actix_web::test]
async fn a_wrapped_response_is_refused_on_every_route_with_a_token_and_reads_nothing() {
    let (app, client) = vault().await;
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.bearer) {
        let method = Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap();
        let request =
            client.request(method, &endpoint.path.replace("{path:.*}", "erp")).header("X-Vault-Wrap-TTL", "1m");
        expect_errors(&client.send(request).await, 400, &["response wrapping is not supported"]);
    }
    read(&client, "erp").await.expect(200);
    let read = app.records().await.into_iter().filter(|record| record.action == "item.read" && record.outcome == "ok");
    assert_eq!(read.count(), 1);
}
