//! What is refused before any rule of a resource is asked: no token, no resource, no such route (contract, 1.5).

use reqwest::Method;
use serde_json::json;

use chaveiro::vault::access::Resource;

use crate::support::{BEARER, INVALID_TOKEN, TestApp};

#[actix_web::test]
async fn the_refusals_have_one_shape() {
    let app = TestApp::start().await;
    let client = app.client().await;
    insta::assert_json_snapshot!("numbered", client.get("/iso/pam/device/nowhere").await.expect(400));
    insta::assert_json_snapshot!("unauthenticated", app.anonymous().get("/iso/pam/device").await.expect(401));
    insta::assert_json_snapshot!("no_such_route", client.get("/iso/pam/nothing").await.expect(404));
    let wrong = client.post("/iso/pam/device", &json!({ "hostname": [] })).await;
    insta::assert_json_snapshot!("invalid_parameter", wrong.expect(400));
}

#[actix_web::test]
async fn without_a_good_token_there_is_401_and_a_challenge() {
    let app = TestApp::start().await;
    let mut client = app.client().await;
    let routes = [
        (Method::GET, "/iso/pam/device"),
        (Method::POST, "/api/pam/credential"),
        (Method::DELETE, "/iso/pam/device/1"),
    ];
    let anonymous = app.anonymous();
    for (method, path) in routes.clone() {
        let answer = anonymous.send(anonymous.request(method, path)).await;
        answer.expect_refusal(401, "No route matched with those values");
        assert_eq!(answer.challenges(), [BEARER]);
    }
    for authorization in ["Bearer", "Bearer ", "Basic YTpi", "nonsense"] {
        let request = anonymous.request(Method::GET, "/iso/pam/device").header("Authorization", authorization);
        anonymous.send(request).await.expect_refusal(401, "No route matched");
    }
    client.token = format!("{}x", client.token);
    for (method, path) in routes {
        let answer = client.send(client.request(method, path)).await;
        answer.expect_refusal(401, "Client authentication failed");
        assert_eq!(answer.challenges(), [INVALID_TOKEN]);
    }
}

#[actix_web::test]
async fn the_word_bearer_may_be_in_any_case() {
    let app = TestApp::start().await;
    let client = app.client().await;
    let anonymous = app.anonymous();
    for word in ["bearer", "BEARER", "bEaReR"] {
        let authorization = format!("{word} {}", client.token);
        let request = anonymous.request(Method::GET, "/iso/pam/device").header("Authorization", authorization);
        anonymous.send(request).await.expect(200);
    }
}

#[actix_web::test]
async fn without_the_resource_there_is_403_or_what_the_settings_say() {
    for status in [403, 500] {
        let app = TestApp::start_with(|settings| settings.pam.not_authorized_status = status).await;
        let client = app.client_with(|request| request.resources = vec![Resource::WebProxySession]).await;
        for path in ["/iso/pam/device", "/api/pam/credential/1"] {
            let answer = client.get(path).await;
            answer.expect_refusal(status, "You are not authorized to access this resource.");
            assert_eq!(answer.json().get("exception"), None);
        }
    }
}

#[actix_web::test]
async fn a_read_only_client_writes_nothing_and_hears_so_before_anything_else() {
    let app = TestApp::start().await;
    let client = app.read_only_client().await;
    client.post("/iso/pam/device", &json!({})).await.expect_number(1039);
    client.post("/iso/pam/credential", &json!({ "hostname": [] })).await.expect_number(1039);
    let request = client.request(Method::POST, "/iso/pam/credential").header("Content-Type", "application/json");
    client.send(request.body("{")).await.expect_number(1039);
    for path in ["/iso/pam/device/1", "/iso/pam/credential/1"] {
        client.delete(path).await.expect_number(1039);
        client.put(path).await.expect_number(1039);
    }
    client.get("/iso/pam/device").await.expect(200);
    client.get("/iso/pam/credential").await.expect(200);
}

#[actix_web::test]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for path in ["/", "/iso", "/iso/pam", "/iso/pam/nothing", "/api/pam/5", "/iso/pam/device/1/2", "/iso/pam/%2e%2e/x"]
    {
        client.get(path).await.expect_refusal(404, "Resource sub not found");
        app.anonymous().get(path).await.expect_refusal(404, "Resource sub not found");
    }
    for (path, allowed) in [
        ("/iso/pam/device", "GET, POST"),
        ("/api/pam/credential/1", "GET, DELETE, PUT"),
        ("/iso/pam/credential/custody/1", "DELETE"),
    ] {
        let answer = client.send(client.request(Method::PATCH, path)).await;
        answer.expect_refusal(405, "Method not allowed");
        assert_eq!(answer.header("allow"), Some(allowed));
    }
}

#[actix_web::test]
async fn a_path_that_is_not_utf8_names_nothing() {
    let app = TestApp::start().await;
    let client = app.client().await;
    client.get("/iso/pam/device/%ff%fe").await.expect_refusal(400, "The path must be UTF-8");
    client.get("/iso/pam/device/%00").await.expect_number(1011);
    client.get("/api/pam/credential/%00").await.expect_number(1007);
    client.get("/api/pam/credential?credential=%00").await.expect_refusal(400, "credential");
}

#[actix_web::test]
async fn no_answer_may_be_kept() {
    let app = TestApp::start().await;
    let client = app.client().await;
    for path in ["/iso/pam/device", "/iso/pam/credential/1", "/nothing"] {
        assert_eq!(client.get(path).await.header("cache-control"), Some("no-store"), "{path}");
    }
}
