//! The seal: how far an unsealing is, and the entry of shares. Without authentication, since a sealed vault knows nobody: a share
//! is its own proof, and what is no share changes nothing.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error;
use super::health::Health;
use crate::crypto::SecretText;
use crate::http::json_object::JsonObject;
use crate::http::response::uncached;
use crate::http::server::{Body, SealedService};
use crate::vault::keys::SealStatus;

/// The entry of a share.
#[derive(Deserialize, ToSchema)]
pub(super) struct Entry {
    /// One share, as `chaveiro key split` has printed it.
    #[schema(value_type = String)]
    share: SecretText,
}

/// The seal of a node.
#[derive(Serialize, ToSchema)]
pub(super) struct SealView {
    /// Whether the node has no root key, and answers every other request with 503.
    sealed: bool,
    /// How many shares give the root key; only while the vault is sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<u8>,
    /// How many shares there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<u8>,
    /// How many different ones were entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
}

impl From<SealStatus> for SealView {
    fn from(status: SealStatus) -> Self {
        let SealStatus { is_sealed, threshold, shares, progress } = status;
        Self { sealed: is_sealed, threshold: Some(threshold), shares: Some(shares), progress: Some(progress) }
    }
}

/// `GET` and `POST /unseal` of an open vault: there is nothing to enter.
pub(super) async fn unsealed() -> HttpResponse {
    uncached(StatusCode::OK).json(SealView { sealed: false, threshold: None, shares: None, progress: None })
}

/// `GET /unseal` of a sealed vault.
pub(super) async fn status(service: web::Data<SealedService>) -> HttpResponse {
    uncached(StatusCode::OK).json(SealView::from(service.seal.status()))
}

/// `POST /unseal` of a sealed vault: enters one share.
pub(super) async fn enter(http: HttpRequest, payload: web::Payload, service: web::Data<SealedService>) -> HttpResponse {
    let body = Body::read_login(&http, payload.into_inner()).await;
    let Some(entry) = body.ok().and_then(|body| parse(&body)) else {
        return error::respond(StatusCode::BAD_REQUEST, "expected a JSON object with the string share");
    };
    match service.seal.enter(entry.share.expose()) {
        Ok(status) => uncached(StatusCode::OK).json(SealView::from(status)),
        Err(_) => error::respond(StatusCode::BAD_REQUEST, "share not accepted"),
    }
}

fn parse(body: &Body) -> Option<Entry> {
    let object = JsonObject::parse(body.text().ok()?).ok()?;
    object.repeated.require_none().ok()?;
    Entry::deserialize(&*object.members).ok()
}

/// `GET /health/ready` of a sealed vault.
pub(super) async fn ready() -> HttpResponse {
    HttpResponse::ServiceUnavailable().json(Health::new("sealed"))
}

/// `GET /metrics` of a sealed vault.
pub(super) async fn metrics(service: web::Data<SealedService>) -> HttpResponse {
    super::health::rendered(service.metrics.render(None))
}
