//! The mounts that a client sees: one, of KV version 2 (contract facades, section 2.5).

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::error::VaultKvError;
use super::wire::{Envelope, Repeated};
use crate::http::server::request_id;

/// A mount.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct Mount {
    accessor: &'static str,
    config: MountConfig,
    description: &'static str,
    external_entropy_access: bool,
    local: bool,
    options: MountOptions,
    seal_wrap: bool,
    r#type: &'static str,
    uuid: &'static str,
}

#[derive(Clone, Serialize, ToSchema)]
struct MountConfig {
    default_lease_ttl: u32,
    force_no_cache: bool,
    max_lease_ttl: u32,
}

#[derive(Clone, Serialize, ToSchema)]
struct MountOptions {
    version: &'static str,
}

/// A mount with its path, which ends in a slash.
#[derive(Serialize, ToSchema)]
pub(super) struct NamedMount {
    #[serde(flatten)]
    mount: Mount,
    path: String,
}

const MOUNT: Mount = Mount {
    accessor: "kv",
    config: MountConfig { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0 },
    description: "the items of the vault",
    external_entropy_access: false,
    local: false,
    options: MountOptions { version: "2" },
    seal_wrap: false,
    r#type: "kv",
    uuid: "",
};

/// `GET /v1/sys/mounts`
pub(super) async fn list(call: Call, mount: String) -> Result<HttpResponse, VaultKvError> {
    call.vault.acknowledge(call.permit.clone()).await?;
    let mounts = BTreeMap::from([(format!("{mount}/"), MOUNT)]);
    Ok(Repeated::from(Envelope::data(&request_id(&call.http), mounts)).respond(StatusCode::OK))
}

/// `GET /v1/sys/internal/ui/mounts/{mount}`, with or without a path below it: clients decide by it between versions 1 and 2.
pub(super) async fn show(call: Call, mount: String) -> Result<HttpResponse, VaultKvError> {
    call.vault.acknowledge(call.permit.clone()).await?;
    let named = NamedMount { mount: MOUNT, path: format!("{mount}/") };
    Ok(Envelope::data(&request_id(&call.http), named).respond(StatusCode::OK))
}
