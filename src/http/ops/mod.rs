//! What the operator sees: health, metrics, and the description of the API.

pub mod metrics;
pub mod openapi;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::Service;

/// The state of the service.
#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
}

/// `GET /health/live`: the process answers.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// `GET /health/ready`: the database answers, and the keys open what they seal.
pub(super) async fn ready(service: web::Data<Service>) -> HttpResponse {
    match service.vault.is_ready().await {
        true => HttpResponse::Ok().json(Health { status: "ok" }),
        false => HttpResponse::ServiceUnavailable().json(Health { status: "unavailable" }),
    }
}

/// `GET /metrics`, in the OpenMetrics text format.
pub(super) async fn figures(service: web::Data<Service>) -> HttpResponse {
    match service.metrics.text(service.vault.queue_depth()) {
        Ok(text) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
