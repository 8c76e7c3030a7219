//! What all routes share: base paths, case, versions, headers, errors.

use chaveiro::vault::operation::Action;
use reqwest::Method;
use serde_json::json;

use super::{administrator, call_in, client_with_roles, get};
use crate::support::{BASIC, BEARER, INVALID_TOKEN, TestApp};

#[actix_web::test]
async fn paths_are_found_in_any_case_under_every_base_path() {
    let app = TestApp::start_with(|settings| settings.keyfactor.base_paths.push("/command/v".into())).await;
    let client = administrator(&app).await;
    for path in [
        "/KeyfactorAPI/PamProviders/Types",
        "/KeyfactorApi/pamproviders/TYPES",
        "/keyfactorapi/PAMPROVIDERS/types/",
        "/Keyfactor/API/PamProviders/Types",
        "/keyfactor/api/PamProviders/Types?x=1",
        "/Command/V/PamProviders/Types",
    ] {
        let found = client.get(path).await.expect(200);
        assert_eq!(found[0]["Name"], "Command Secret Provider", "{path}");
    }
    for path in ["/KeyfactorAPI", "/KeyfactorAPI/PamProviders/Types/1/2", "/Keyfactor/API/nonsense"] {
        client.get(path).await.expect_error(404, "no such endpoint");
        app.anonymous().get(path).await.expect_error(404, "no such endpoint");
    }
    client.get("/KeyfactorAPIs/PamProviders").await.expect_refusal(404, "Resource sub not found");
    // The rest of the service still tells its paths by case.
    client.get("/ISO/pam/device").await.expect_refusal(404, "Resource sub not found");
}

#[actix_web::test]
async fn a_header_says_the_version() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    for version in ["1", "1.0", "2", "2.0"] {
        let answer = call_in(&client, version, Method::GET, "/PamProviders", None).await;
        answer.expect(200);
        assert_eq!(answer.header("api-supported-versions"), Some("1.0, 2"));
    }
    // However a path is written, it speaks what it speaks.
    for path in ["/Security/Identities", "/security/%49dentities", "//Security//Identities/", "/Security/Identities/"] {
        call_in(&client, "2", Method::GET, path, None).await.expect_error(400, "x-keyfactor-api-version");
        let answer = get(&client, path).await;
        assert_eq!((answer.status.as_u16(), answer.header("api-supported-versions")), (200, Some("1.0")), "{path}");
    }
    let escaped = client.get("/%4beyfactor/%41PI/PamProviders/nonsense/x").await;
    escaped.expect_error(404, "no such endpoint");
    for version in ["3", "0", "1.1", "x", ""] {
        let answer = call_in(&client, version, Method::GET, "/PamProviders", None).await;
        answer.expect_error(400, "x-keyfactor-api-version");
    }
    assert_eq!(client.get("/KeyfactorAPI/PamProviders").await.status, 200, "none is the first");
    let records = app
        .database
        .numbers("SELECT CAST(COUNT(*) AS INTEGER) FROM audit_record WHERE outcome = 'api-version-not-supported'");
    assert_eq!(records, [9]);
}

#[actix_web::test]
async fn answers_bear_the_headers_of_the_family() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    for path in ["/PamProviders", "/PamProviders/7", "/nonsense"] {
        for caller in [&client, &app.anonymous()] {
            let answer = get(caller, path).await;
            assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"), "{path}");
            assert_eq!(answer.header("x-keyfactor-product-version"), Some("chaveiro"));
            let id = answer.header("x-keyfactor-correlation-id").unwrap();
            assert!(uuid::Uuid::parse_str(id).is_ok() && id.contains('-'), "{id}");
            assert_eq!(id.replace('-', ""), answer.header("x-request-id").unwrap());
        }
    }
    let silent = TestApp::start_with(|settings| settings.keyfactor.product_version.clear()).await;
    let answer = get(&silent.anonymous(), "/PamProviders").await;
    assert_eq!(answer.header("x-keyfactor-product-version"), None);
    assert_eq!(app.anonymous().get("/health/live").await.header("x-keyfactor-correlation-id"), None);
}

#[actix_web::test]
async fn nobody_is_refused_with_401() {
    let app = TestApp::start().await;
    let nobody = get(&app.anonymous(), "/PamProviders").await;
    nobody.expect_error(401, "Credentials are required");
    assert_eq!(nobody.challenges(), [BASIC, BEARER]);
    let mut forger = app.anonymous();
    forger.token = "x.y.z".into();
    let forged = get(&forger, "/PamProviders").await;
    forged.expect_error(401, "Invalid credentials");
    assert_eq!(forged.challenges(), [BASIC, INVALID_TOKEN]);
}

#[actix_web::test]
async fn the_health_check_answers_204_in_both_versions() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    for version in ["1", "2"] {
        let answer = call_in(&client, version, reqwest::Method::GET, "/status/healthcheck", None).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""), "{version}");
    }
    get(&app.anonymous(), "/Status/HealthCheck").await.expect_error(401, "Credentials");
}

#[actix_web::test]
async fn a_client_needs_the_resource_and_writes_only_when_it_may() {
    let app = TestApp::start().await;
    get(&app.client().await, "/PamProviders").await.expect_error(403, "permission");
    let reader = app
        .client_with(|request| {
            request.resources = vec![chaveiro::vault::access::Resource::Administration];
            request.access = chaveiro::vault::access::ClientAccess::ReadOnly;
            request.roles = vec!["administrator".into()];
        })
        .await;
    get(&reader, "/PamProviders").await.expect(200);
    super::post(&reader, "/PamProviders/Types", &json!({ "Name": "x" })).await.expect_error(403, "permission");
    administrator(&app).await.get("/iso/pam/device").await.expect_refusal(403, "not authorized");
}

#[actix_web::test]
async fn roles_are_given_and_taken_by_command() {
    let app = TestApp::start().await;
    let client = client_with_roles(&app, &[]).await;
    get(&client, "/PamProviders").await.expect_error(403, "permission");
    for _ in 0..2 {
        app.vault
            .grant_role(app.operator(Action::AUTHORIZATION_GRANT_ROLE).await, &client.client_id, "ADMINISTRATOR")
            .await
            .unwrap();
    }
    app.vault.refresh().await.unwrap();
    get(&client, "/PamProviders").await.expect(200);
    app.vault
        .revoke_role(app.operator(Action::AUTHORIZATION_REVOKE_ROLE).await, &client.client_id, "Administrator")
        .await
        .unwrap();
    app.vault.refresh().await.unwrap();
    get(&client, "/PamProviders").await.expect_error(403, "permission");
    assert!(
        app.vault
            .revoke_role(app.operator(Action::AUTHORIZATION_REVOKE_ROLE).await, &client.client_id, "Administrator")
            .await
            .is_err()
    );
    assert!(
        app.vault
            .grant_role(app.operator(Action::AUTHORIZATION_GRANT_ROLE).await, &client.client_id, "Nobody")
            .await
            .is_err()
    );
    let without = app.client().await;
    assert!(
        app.vault
            .grant_role(app.operator(Action::AUTHORIZATION_GRANT_ROLE).await, &without.client_id, "Administrator")
            .await
            .is_err()
    );
}

#[actix_web::test]
async fn the_header_of_api_clients_can_be_required() {
    let app = TestApp::start_with(|settings| settings.keyfactor.require_requested_with = true).await;
    let client = administrator(&app).await;
    get(&client, "/PamProviders").await.expect_error(400, "x-keyfactor-requested-with");
    let request = client.request(Method::GET, "/KeyfactorAPI/PamProviders");
    client.send(request.header("x-keyfactor-requested-with", "APIClient")).await.expect(200);
}

#[actix_web::test]
async fn bodies_are_read_for_what_they_are_and_ignored_where_they_mean_nothing() {
    let app = TestApp::start().await;
    let client = administrator(&app).await;
    let send = async |method: Method, path: &str, kind: &str, body: &'static str| {
        let request = client.request(method, &format!("/KeyfactorAPI{path}")).header("content-type", kind).body(body);
        client.send(request).await
    };
    send(Method::GET, "/PamProviders", "application/json", "null").await.expect(200);
    send(Method::DELETE, "/PamProviders/9", "application/json", "null").await.expect_error(404, "PAM provider");
    for kind in ["application/json", "text/json", "application/json-patch+json"] {
        let answer = send(Method::POST, "/PamProviders/Types", kind, "{\"name\":\"\"}").await;
        answer.expect_error(400, "Name");
    }
    // A form of another site can send these types, and no other.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let answer = send(Method::POST, "/PamProviders/Types", kind, "{\"name\":\"x\"}").await;
        answer.expect_error(415, "application/json");
    }
    for body in ["", "null", "[]", "{", "name=x"] {
        let answer = send(Method::POST, "/PamProviders/Types", "application/json", body).await;
        answer.expect_error(400, "The request body");
    }
}

#[actix_web::test]
async fn clients_begin_with_the_list_of_endpoints() {
    let app = TestApp::start().await;
    let client = client_with_roles(&app, &[]).await;
    let endpoints = get(&client, "/status/endpoints").await.expect(200);
    let endpoints: Vec<&str> = endpoints.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(endpoints.contains(&"GET /PamProviders") && endpoints.contains(&"GET /Status/Endpoints"), "{endpoints:?}");
    get(&app.anonymous(), "/Status/Endpoints").await.expect_error(401, "Credentials");
}
