//! The seal, as `bao status` and `bao operator unseal` know it. No authentication: a share is its own proof.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Route, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::{JSON, endpoint_without_token};
use super::error::{Errors, VaultKvError};
use super::status::{self, CLUSTER, VERSION};
use super::{body, path};
use crate::clock::Clock;
use crate::crypto::SecretText;
use crate::http::endpoint::{Answer, Endpoint, RequestBody};
use crate::http::response::uncached;
use crate::http::schema::schema;
use crate::http::server::{Body, SealedService};
use crate::vault::keys;

/// The body of `sys/unseal`. Members of other purposes have no effect: nobody resets the progress.
#[derive(Deserialize, ToSchema)]
pub(super) struct Unseal {
    /// One share.
    #[schema(value_type = String)]
    key: SecretText,
}

/// The seal of a node.
#[derive(Serialize, ToSchema)]
pub(super) struct SealStatus {
    r#type: &'static str,
    initialized: bool,
    sealed: bool,
    /// How many shares give the root key.
    t: u8,
    /// How many shares there are.
    n: u8,
    /// How many different ones were entered.
    progress: u8,
    nonce: &'static str,
    version: &'static str,
    migration: bool,
    cluster_name: &'static str,
    /// Always empty.
    cluster_id: &'static str,
    recovery_seal: bool,
    storage_type: &'static str,
}

/// The endpoints of an open vault.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let routes = [Method::POST, Method::PUT].map(|method| unseal(method, || web::to(unsealed)));
    [seal_status(|| web::to(unsealed))].into_iter().chain(routes).collect()
}

/// The endpoints of a sealed vault.
pub(super) fn sealed_endpoints() -> Vec<Endpoint> {
    let get = |path: &str, route: fn() -> Route| Endpoint {
        head: true,
        ..Endpoint::new(Method::GET, format!("{}{path}", path::BASE), route)
    };
    let routes = [Method::POST, Method::PUT].map(|method| unseal(method, || web::to(enter)));
    let others = [
        seal_status(|| web::to(status)),
        get("/sys/health", || web::to(health)),
        get("/sys/init", || web::to(status::init)),
        get("/sys/leader", || web::to(status::leader)),
    ];
    others.into_iter().chain(routes).collect()
}

fn seal_status(route: fn() -> Route) -> Endpoint {
    Endpoint {
        head: true,
        summary: "The seal status",
        answers: vec![Answer::new(200, "Sealed or unsealed", schema::<SealStatus>)],
        ..endpoint_without_token(Method::GET, "/sys/seal-status", route)
    }
}

fn unseal(method: Method, route: fn() -> Route) -> Endpoint {
    Endpoint {
        summary: "Enter a share of the root key; without effect on an open vault",
        body: Some(RequestBody { media_types: JSON, schema: schema::<Unseal> }),
        answers: vec![
            Answer::new(200, "The seal status", schema::<SealStatus>),
            Answer::new(400, "The share is not accepted, or the body is malformed", schema::<Errors>),
        ],
        ..endpoint_without_token(method, "/sys/unseal", route)
    }
}

fn shown(is_sealed: bool, (t, n, progress): (u8, u8, u8)) -> HttpResponse {
    uncached(StatusCode::OK).json(SealStatus {
        r#type: "shamir",
        initialized: true,
        sealed: is_sealed,
        t,
        n,
        progress,
        nonce: "",
        version: VERSION,
        migration: false,
        cluster_name: CLUSTER,
        cluster_id: "",
        recovery_seal: false,
        storage_type: "database",
    })
}

/// An open vault does not tell whether its root key is in shares.
async fn unsealed() -> HttpResponse {
    shown(false, (1, 1, 0))
}

async fn health() -> HttpResponse {
    status::shown(false, Clock::system().now())
}

async fn status(service: web::Data<SealedService>) -> HttpResponse {
    progress(service.seal.status())
}

fn progress(status: keys::SealStatus) -> HttpResponse {
    shown(status.is_sealed, (status.threshold, status.shares, status.progress))
}

async fn enter(http: HttpRequest, payload: web::Payload, service: web::Data<SealedService>) -> HttpResponse {
    let read = Body::read_login(&http, payload.into_inner()).await;
    let expected = "expected a JSON object with the string key";
    let entered = body::json::<Unseal>(read, &["key"], expected).and_then(|Unseal { key }| {
        service.seal.enter(key.expose()).map_err(|_| VaultKvError::Input("the share is not accepted"))
    });
    match entered {
        Ok(status) => progress(status),
        Err(error) => error.respond(),
    }
}
