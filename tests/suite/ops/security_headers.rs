//! The headers for browsers on every response, and requests that another site makes a browser send.

use chaveiro::vault::access::link::LinkTarget;
use chaveiro::vault::access::{ClientAccess, Resource};
use reqwest::Method;
use serde_json::json;

use crate::keyfactor::administrator;
use crate::support::{TestApp, endpoints, facade_endpoints, serve_all};

const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

#[actix_web::test]
async fn no_response_is_sniffed_framed_or_run_or_names_the_server() {
    let app = TestApp::start_with(serve_all).await;
    let (client, anonymous) = (app.client().await, app.anonymous());
    let served = endpoints().into_iter().chain(facade_endpoints());
    let mut paths: Vec<(Method, String)> = served
        .map(|endpoint| (Method::from_bytes(endpoint.method.as_str().as_bytes()).unwrap(), endpoint.path))
        .map(|(method, path)| (method, path.replace("{path:.*}", "x").replace(['{', '}'], "")))
        .collect();
    let others =
        ["/", "/nowhere", "/iso/nowhere", "/KeyfactorAPI/nowhere", "/v1/nowhere", "/openapi.json", "/docs/nothing"];
    paths.extend(others.map(|path| (Method::GET, path.to_string())));
    paths.push((Method::PATCH, "/iso/pam/device".into()));
    for caller in [&client, &anonymous] {
        for (method, path) in &paths {
            let answer = caller.send(caller.request(method.clone(), path)).await;
            for (name, value) in
                [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")]
            {
                assert_eq!(answer.header(name), Some(value), "{method} {path} {name}");
            }
            let policy = answer.header("content-security-policy").unwrap_or_default();
            assert!(policy.starts_with(NOTHING), "{method} {path}: {policy}");
            assert_eq!((answer.header("server"), answer.header("x-powered-by")), (None, None), "{method} {path}");
            assert_eq!(answer.header("strict-transport-security"), None, "over plain HTTP");
        }
    }
}

#[actix_web::test]
async fn the_page_of_the_description_runs_its_own_scripts_alone() {
    let app = TestApp::start().await;
    let page = app.anonymous().get("/docs/index.html").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!page.text.contains("<script>"), "an inline script would not run");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
}

#[actix_web::test]
async fn what_another_site_sends_is_refused_where_no_token_is_needed() {
    let app = TestApp::start_with(serve_all).await;
    let administrator = administrator(&app).await;
    app.client().await.post("/iso/pam/info", &json!({ "identifier": "note", "content": "a text" })).await.expect(201);
    let robot = app.unauthenticated_client(|request| {
        request.resources = vec![Resource::AppId];
        request.access = ClientAccess::ReadOnly;
        request.allowed_ips = vec!["127.0.0.1".into()];
    });
    let robot = robot.await;
    app.link(&robot, LinkTarget::Information("note".into())).await;
    app.vault.refresh().await.unwrap();
    let read = format!("/AIMWebService/api/Accounts?AppID={}&Object=note", robot.client_id);
    for (caller, path) in [(&administrator, "/KeyfactorAPI/PamProviders"), (&app.anonymous(), read.as_str())] {
        for (site, status) in [(None, 200), (Some("same-origin"), 200), (Some("cross-site"), 403)] {
            let request = caller.request(Method::GET, path);
            let request = site.into_iter().fold(request, |request, site| request.header("Sec-Fetch-Site", site));
            let answer = caller.send(request).await;
            assert_eq!(answer.status, status, "{path} {site:?}: {}", answer.text);
        }
    }
    // What a form of another site can send.
    for (kind, status) in [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/json", 400)] {
        let request = administrator.request(Method::POST, "/KeyfactorAPI/PamProviders").header("Content-Type", kind);
        let answer = administrator.send(request.body("{}")).await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.text);
    }
}
