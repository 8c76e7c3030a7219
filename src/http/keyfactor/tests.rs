//! The order of the checks, and the audit record that each refusal leaves.

use std::sync::Arc;

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Data;
use serde_json::Value;

use super::*;
use crate::clock::Clock;
use crate::config::Settings;
use crate::crypto::SecretText;
use crate::http::server::{Service, mount, prepare, unknown_path};
use crate::http::{Families, Metrics};
use crate::store::CommitObserver;
use crate::vault::access::authorization::AuthorizationRequest;
use crate::vault::access::client_authentication::ClientCredentials;
use crate::vault::access::token_endpoint::TokenOptions;
use crate::vault::access::{ClientAccess, Origin, Resource};
use crate::vault::operation::{Action, Permit, Request};
use crate::vault::{Vault, VaultLocation};

/// A vault with a client that holds `role`, and the client's token.
struct Fixture {
    vault: Vault,
    client_id: String,
    token: SecretText,
    families: Families,
    metrics: Arc<Metrics>,
    _directory: tempfile::TempDir,
}

async fn operator(vault: &Vault, action: Action) -> Permit {
    vault.authorize(Request::operator(), action).await.unwrap()
}

impl Fixture {
    async fn new(roles: &[&str], require_requested_with: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = Settings::defaults().unwrap();
        settings.keyfactor.require_requested_with = require_requested_with;
        let metrics = Arc::new(Metrics::default());
        let observer: Arc<dyn CommitObserver> = metrics.clone();
        let location = VaultLocation::new(directory.path(), None).unwrap();
        let vault = Vault::open(&location, &settings, Clock::system(), &observer).unwrap();
        vault.create_application(operator(&vault, Action::APPLICATION_CREATE).await, "app").await.unwrap();
        let mut request = AuthorizationRequest::new("app", vec![Resource::Administration], ClientAccess::ReadWrite);
        request.roles = roles.iter().map(|role| String::from(*role)).collect();
        let permit = operator(&vault, Action::AUTHORIZATION_CREATE).await;
        let client = vault.create_authorization(permit, request).await.unwrap();
        let credentials = ClientCredentials {
            client_id: client.client_id.clone(),
            client_secret: client.client_secret.unwrap().text().clone(),
        };
        let issued = vault.issue_token(&credentials.into(), Origin::local(), TokenOptions::default()).await;
        let token = issued.unwrap().token;
        let family: Arc<dyn Family> = Arc::new(Keyfactor::new(&settings.keyfactor));
        let families = Families::from(vec![family]);
        Self { vault, client_id: client.client_id, token, families, metrics, _directory: directory }
    }

    /// Sends a request; returns status, message, and the audit records that it left, as `action outcome`.
    async fn send(&self, request: TestRequest) -> (u16, String, Vec<String>) {
        let before = self.records().await.len();
        let families = self.families.clone();
        let service = Service { vault: self.vault.clone(), metrics: Arc::clone(&self.metrics) };
        let app = App::new()
            .app_data(Data::new(service))
            .wrap(from_fn(move |request, next| prepare(families.clone(), request, next)));
        let app = self
            .families
            .iter()
            .fold(app, |app, family| app.configure(|config| mount(config, family, &family.endpoints())));
        let app = init_service(app.default_service(unknown_path(self.families.clone()))).await;
        let bearer = format!("Bearer {}", self.token.expose());
        let response = call_service(&app, request.insert_header(("authorization", bearer)).to_request()).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = body["Message"].as_str().unwrap_or_default().to_string();
        (status, message, self.records().await.split_off(before))
    }

    /// Returns the client's audit records, oldest first.
    async fn records(&self) -> Vec<String> {
        let permit = operator(&self.vault, Action::AUDIT_READ).await;
        let mut rows = self.vault.last_records(permit, 1000, None).await.unwrap();
        rows.retain(|row| row.actor == self.client_id);
        rows.sort_by_key(|row| row.seq);
        rows.into_iter().map(|row| format!("{} {}", row.action, row.outcome)).collect()
    }
}

fn request(method: Method, path: &str) -> TestRequest {
    TestRequest::with_uri(&format!("/KeyfactorAPI{path}")).method(method)
}

fn post(body: &'static str) -> TestRequest {
    request(Method::POST, "/PamProviders/Types").set_payload(body).insert_header(("content-type", "application/json"))
}

#[actix_web::test]
async fn a_refused_request_leaves_one_record_of_its_own_action() {
    let fixture = Fixture::new(&["Administrator"], false).await;
    for (request, status, part, record) in [
        (post("{"), 400, "not valid JSON", "provider-type.create invalid-input"),
        (post("{\"Name\": 1}"), 400, "Name: expected a string", "provider-type.create invalid-input"),
        (post("{}"), 400, "Name: required", "provider-type.create name-missing"),
        (
            post("{}").insert_header(("content-type", "text/plain")),
            415,
            "application/json",
            "provider-type.create media-type-not-supported",
        ),
        (
            post("{}").insert_header(("content-encoding", "gzip")),
            415,
            "content coding",
            "provider-type.create content-coding-not-supported",
        ),
        (
            post("{}").insert_header(("sec-fetch-site", "cross-site")),
            403,
            "other sites",
            "provider-type.create cross-site",
        ),
        (
            post("{}").insert_header(("x-keyfactor-api-version", "3")),
            400,
            "x-keyfactor-api-version",
            "provider-type.create api-version-not-supported",
        ),
        (request(Method::GET, "/PamProviders/007"), 400, "Invalid parameter id", "provider.read invalid-input"),
        (request(Method::GET, "/PamProviders/7"), 404, "PAM provider", "provider.read provider-not-found"),
        (request(Method::GET, "/PamProviders?SortField=x"), 400, "SortField", "provider.list sort-field-unknown"),
        (request(Method::GET, "/PamProviders?QueryString=x"), 400, "QueryString", "provider.list invalid-input"),
        (request(Method::GET, "/nonsense"), 404, "no such endpoint", "route.unknown no-such-route"),
        (request(Method::PATCH, "/PamProviders"), 405, "this method", "route.unknown no-such-method"),
    ] {
        let (got, message, records) = fixture.send(request).await;
        assert_eq!((got, records), (status, vec![record.to_string()]), "{message}");
        assert!(message.contains(part), "{message}");
    }
    fixture.vault.close();
}

#[actix_web::test]
async fn permission_comes_before_headers_and_body() {
    let fixture = Fixture::new(&[], true).await;
    for request in [
        post("{"),
        post("{}").insert_header(("content-type", "text/plain")),
        post("{}").insert_header(("sec-fetch-site", "cross-site")),
        post("{}").insert_header(("x-keyfactor-api-version", "3")),
    ] {
        let (status, _, records) = fixture.send(request).await;
        assert_eq!((status, records), (403, vec!["provider-type.create permission-not-held".to_string()]));
    }
    fixture.vault.close();
}

#[actix_web::test]
async fn the_header_of_api_clients_can_be_required() {
    let fixture = Fixture::new(&["Administrator"], true).await;
    let list = || request(Method::GET, "/PamProviders");
    let (status, _, records) = fixture.send(list()).await;
    assert_eq!((status, records), (400, vec!["provider.list requested-with-missing".to_string()]));
    let (status, _, records) = fixture.send(list().insert_header(("x-keyfactor-requested-with", "APIClient"))).await;
    assert_eq!((status, records), (200, vec!["provider.list ok".to_string()]));
    fixture.vault.close();
}

#[actix_web::test]
async fn roles_can_be_read_and_deleted_in_both_versions() {
    let fixture = Fixture::new(&["Administrator"], false).await;
    for (index, version) in ["1", "1.0", "2"].into_iter().enumerate() {
        let create = request(Method::POST, "/Security/Roles")
            .insert_header(("x-keyfactor-api-version", "2"))
            .insert_header(("content-type", "application/json"))
            .set_payload(format!("{{\"Name\": \"r{index}\"}}"));
        assert_eq!(fixture.send(create).await.0, 200);
        let id = index + 2;
        for (method, path, status) in [
            (Method::GET, "/Security/Roles".to_string(), 200),
            (Method::GET, format!("/Security/Roles/{id}"), 200),
            (Method::DELETE, format!("/Security/Roles/{id}"), 204),
        ] {
            let sent = request(method, &path).insert_header(("x-keyfactor-api-version", version));
            let (got, message, _) = fixture.send(sent).await;
            assert_eq!(got, status, "{version} {path} {message}");
        }
    }
    let (status, _, records) = fixture.send(request(Method::GET, "/Status/HealthCheck")).await;
    assert_eq!((status, records), (204, vec!["health.check ok".to_string()]));
    fixture.vault.close();
}
