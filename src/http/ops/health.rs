//! Health checks and metrics.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::server::Service;

/// How long metrics wait for what the database knows of backups, and of rotations.
const STATUS_TIMEOUT: Duration = Duration::from_millis(250);

/// The state of the service.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    status: &'static str,
}

impl Health {
    pub(super) const fn new(status: &'static str) -> Self {
        Self { status }
    }
}

/// `GET /health/live`: the process answers.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health::new("ok"))
}

/// `GET /health/ready`: the database answers and takes writes, the grants are current, the clock is right, and the keys open what they
/// seal.
pub(super) async fn ready(service: web::Data<Service>) -> HttpResponse {
    if service.vault.is_ready().await {
        HttpResponse::Ok().json(Health::new("ok"))
    } else {
        HttpResponse::ServiceUnavailable().json(Health::new("unavailable"))
    }
}

/// `GET /metrics`, in the OpenMetrics text format.
pub(super) async fn metrics(service: web::Data<Service>) -> HttpResponse {
    let vault = &service.vault;
    // Without an answer of the database, these ages grow no further; other figures tell of it.
    let status = tokio::time::timeout(STATUS_TIMEOUT, vault.backup_status()).await;
    if let Ok(Ok(status)) = status {
        service.metrics.note_backups(&status, vault.now());
    }
    let waiting = tokio::time::timeout(STATUS_TIMEOUT, vault.waiting_rotations()).await;
    if let Ok(Ok(waiting)) = waiting {
        service.metrics.note_rotations(waiting);
    }
    rendered(service.metrics.render(Some(vault)))
}

/// Responds with rendered metrics.
pub(super) fn rendered(metrics: Result<String, std::fmt::Error>) -> HttpResponse {
    match metrics {
        Ok(text) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
