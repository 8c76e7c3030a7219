//! Tests of every family.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use actix_web::{App, HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;
use crate::store::CommitObserver;
use crate::vault::{Vault, VaultLocation};

/// A family whose handlers all panic.
struct Panicking(Arc<dyn Family>);

impl Family for Panicking {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let panicking = |endpoint| Endpoint {
            route: Box::new(|| web::to(async || -> HttpResponse { panic!("a secret of the handler") })),
            ..endpoint
        };
        self.0.endpoints().into_iter().map(panicking).collect()
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        self.0.routed_path(sent)
    }

    fn decorate(&self, request: &HttpRequest, headers: &mut actix_web::http::header::HeaderMap) {
        self.0.decorate(request, headers);
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        self.0.refuse(request, unserved)
    }

    fn fail(&self, request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        self.0.fail(request, failure)
    }
}

/// Settings under which every family is served.
fn every_family() -> Settings {
    let mut settings = Settings::defaults().unwrap();
    settings.vault_kv.enabled = true;
    settings.pam_v2.enabled = true;
    settings.ccp.enabled = true;
    settings.robocorp.enabled = true;
    settings.dsm.enabled = true;
    settings
}

#[actix_web::test]
async fn a_panic_is_answered_in_the_form_of_its_family() {
    let directory = tempfile::tempdir().unwrap();
    let settings = every_family();
    let metrics = Arc::new(Metrics::default());
    let observer: Arc<dyn CommitObserver> = metrics.clone();
    let location = VaultLocation::new(directory.path(), None).unwrap();
    let vault = Vault::open(&location, &settings, Clock::system(), &observer).unwrap();
    let families = families(&settings);
    let panicking = families.iter().map(|family| Arc::new(Panicking(Arc::clone(family))) as Arc<dyn Family>);
    let families = Families::from(panicking.collect::<Vec<_>>());

    let service = web::Data::new(Service { vault: vault.clone(), metrics });
    let preparing = families.clone();
    let app = App::new()
        .app_data(service)
        .wrap(from_fn(move |request, next| server::prepare(preparing.clone(), request, next)));
    let app = families
        .iter()
        .fold(app, |app, family| app.configure(|config| server::mount(config, family, &family.endpoints())));
    let app = init_service(app.default_service(server::unknown_path(families.clone()))).await;

    let mut seen = 0;
    for family in families.iter() {
        for endpoint in family.endpoints() {
            let uri = endpoint.path.replace(['{', '}'], "");
            let request = TestRequest::with_uri(&uri).method(endpoint.method.clone()).to_request();
            let response = call_service(&app, request).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{uri}");
            assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-store", "{uri}");
            let is_keyfactor = response.headers().contains_key("x-keyfactor-correlation-id");
            let body: Value = read_body_json(response).await;
            let expected = match family.name() {
                "oauth" => body["error"] == "server_error",
                "keyfactor" => is_keyfactor && body["ErrorCode"] == "0xA0110150",
                "vault-kv" => body == json!({ "errors": ["internal error"] }),
                "pam-v2" | "robocorp" => body["error"]["code"] == "internal_error",
                "ccp" => body["ErrorCode"] == "APPAP007E",
                "dsm" => body["response"]["error"] == true && body["response"]["message"] == "Internal error",
                "ops" => body == json!({ "status": "error" }),
                "pam" if uri.starts_with("/api/") => body["response"]["message"] == "Unexpected error.",
                "pam" => body["response"]["message"] == "Unexpected error",
                other => panic!("no form of {other}"),
            };
            assert!(expected && !body.to_string().contains("a secret"), "{} {uri}: {body}", family.name());
            seen += 1;
        }
    }
    assert!(seen > 100);
    vault.close();
}

#[test]
fn every_family_owns_its_endpoints() {
    let families = families(&every_family());
    for family in families.iter() {
        for endpoint in family.endpoints() {
            let (owner, routed) = families.routed(&endpoint.path).unwrap();
            assert_eq!((owner.name(), routed.as_ref()), (family.name(), endpoint.path.as_str()));
        }
    }
}

#[test]
fn no_path_of_the_settings_hides_those_of_another_family() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let is_loaded = |text: String| {
        std::fs::write(&file, text).unwrap();
        Settings::load(Some(file.path())).is_ok()
    };
    let has_site = |name: &str| is_loaded(format!("[ccp]\nsites = [{name:?}]"));
    let has_base_path = |first: &str| is_loaded(format!("[keyfactor]\nbase_paths = [\"/{first}/a\"]"));
    assert!(has_site("AIMWebService") && !has_site("docs"));
    // The default of `[keyfactor] base_paths`.
    assert!(!has_site("Keyfactor"));
    for family in families(&every_family()).iter().filter(|family| family.name() != "ccp") {
        for endpoint in family.endpoints() {
            let first = endpoint.path.split('/').nth(1).unwrap();
            assert!(!has_site(first), "{}", endpoint.path);
            assert_eq!(has_base_path(first), family.name() == "keyfactor", "{}", endpoint.path);
        }
    }
}

/// Asserts that a path that was routed is routed to the same family as it is.
fn check_routed_again(families: &Families, sent: &str) -> &'static str {
    let (family, path) = families.routed(sent).unwrap();
    let (again, same) = families.routed(&path).unwrap();
    assert_eq!((again.name(), same.as_ref()), (family.name(), path.as_ref()), "{sent}");
    family.name()
}

#[test]
fn a_path_is_routed_to_its_family_however_it_is_written() {
    let families = families(&every_family());
    for (sent, expected) in [
        ("//oauth2/token", "oauth"),
        ("/iso/oauth2//token/", "oauth"),
        ("/KEYFACTORAPI//Status/Endpoints/", "keyfactor"),
        ("/health/live/", "ops"),
        ("/v1//secret/data/a//b/", "vault-kv"),
        ("/aimwebservice/API/accounts/", "ccp"),
        ("/secrets-v1//secrets//a//", "robocorp"),
        ("/ISO//dapp/Application/", "dsm"),
        ("/api//v2/credentials", "pam-v2"),
        ("/api/pam/credential/", "pam"),
        ("//iso/pam/credential/a/", "pam"),
        ("/iso/dappx", "pam"),
        ("/unknown/", "pam"),
        ("//", "pam"),
        ("", "pam"),
        ("*", "pam"),
    ] {
        assert_eq!(check_routed_again(&families, sent), expected, "{sent}");
    }
}

proptest! {
    #[test]
    fn a_routed_path_is_routed_as_it_is(
        base in prop::sample::select(vec!["", "/", "/v1/secret/data", "/secrets-v1", "/iso/DAPP", "/keyfactorapi", "/AIMwebservice"]),
        rest in "(/[a-zA-Z0-9%é]{0,8}){0,6}",
    ) {
        check_routed_again(&families(&every_family()), &format!("{base}{rest}"));
    }
}
