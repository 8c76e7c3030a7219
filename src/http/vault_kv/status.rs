//! Health and seal status, for load balancers and `bao status` (contract facades, section 2.5). No authentication.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::response::uncached;
use crate::http::server::Service;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const CLUSTER: &str = "chaveiro";

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
    let ready = service.vault.is_ready().await;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    uncached(status).json(Health {
        initialized: true,
        sealed: !ready,
        standby: false,
        performance_standby: false,
        replication_performance_mode: "disabled",
        replication_dr_mode: "disabled",
        server_time_utc: service.vault.now().timestamp(),
        version: VERSION,
        cluster_name: CLUSTER,
        cluster_id: "",
    })
}

/// The seal of a node. A running node is unsealed: it has its root key.
#[derive(Serialize, ToSchema)]
pub(super) struct SealStatus {
    r#type: &'static str,
    initialized: bool,
    sealed: bool,
    t: u32,
    n: u32,
    progress: u32,
    nonce: &'static str,
    version: &'static str,
    migration: bool,
    cluster_name: &'static str,
    /// Always empty.
    cluster_id: &'static str,
    recovery_seal: bool,
    storage_type: &'static str,
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

/// `GET /v1/sys/seal-status`
pub(super) async fn seal_status() -> HttpResponse {
    uncached(StatusCode::OK).json(SealStatus {
        r#type: "file",
        initialized: true,
        sealed: false,
        t: 1,
        n: 1,
        progress: 0,
        nonce: "",
        version: VERSION,
        migration: false,
        cluster_name: CLUSTER,
        cluster_id: "",
        recovery_seal: false,
        storage_type: "database",
    })
}
