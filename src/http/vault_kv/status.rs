//! Health, for load balancers and `bao status` (contract facades, section 2.5). No authentication.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::response::uncached;
use crate::http::server::Service;

pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
pub(super) const CLUSTER: &str = "chaveiro";

/// The health of a node.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    initialized: bool,
    /// Whether the node cannot answer now.
    sealed: bool,
    standby: bool,
    performance_standby: bool,
    replication_performance_mode: &'static str,
    replication_dr_mode: &'static str,
    server_time_utc: i64,
    version: &'static str,
    cluster_name: &'static str,
    /// Always empty.
    cluster_id: &'static str,
}

/// `GET /v1/sys/health`: 200 if the node is ready, 503 as of a sealed vault otherwise.
pub(super) async fn health(service: web::Data<Service>) -> HttpResponse {
    shown(service.vault.is_ready().await, service.vault.now())
}

/// Responds with the health of a node that is ready, or is as good as sealed.
pub(super) fn shown(is_ready: bool, now: DateTime<Utc>) -> HttpResponse {
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    uncached(status).json(Health {
        initialized: true,
        sealed: !is_ready,
        standby: false,
        performance_standby: false,
        replication_performance_mode: "disabled",
        replication_dr_mode: "disabled",
        server_time_utc: now.timestamp(),
        version: VERSION,
        cluster_name: CLUSTER,
        cluster_id: "",
    })
}

/// Whether the vault has keys.
#[derive(Serialize, ToSchema)]
pub(super) struct Initialization {
    initialized: bool,
}

/// `GET /v1/sys/init`: a running node is initialized.
pub(super) async fn init() -> HttpResponse {
    uncached(StatusCode::OK).json(Initialization { initialized: true })
}

/// The leader of a cluster, as of a server without one.
#[derive(Serialize, ToSchema)]
pub(super) struct Leader {
    ha_enabled: bool,
}

/// `GET /v1/sys/leader`
pub(super) async fn leader() -> HttpResponse {
    uncached(StatusCode::OK).json(Leader { ha_enabled: false })
}
