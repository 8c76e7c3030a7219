//! The read calls of `HashiCorp` Vault and `OpenBao`: KV version 2 and `AppRole` login, under `/v1` (contract facades,
//! section 2).
//!
//! Off by default. An item is read without custody (see `vault::item`).

mod body;
mod call;
mod capabilities;
mod endpoint;
mod error;
mod jwt_login;
mod login;
mod mounts;
mod path;
mod routes;
mod seal;
mod secret;
mod status;
mod token;
mod wire;

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved};
use crate::config::VaultKvSettings;
use error::VaultKvError;

/// The family.
pub(super) struct VaultKv {
    settings: VaultKvSettings,
}

impl VaultKv {
    pub(super) fn new(settings: &VaultKvSettings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Family for VaultKv {
    fn name(&self) -> &'static str {
        "vault-kv"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints(&self.settings)
    }

    fn sealed_endpoints(&self) -> Vec<Endpoint> {
        seal::sealed_endpoints()
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        path::routed(sent, &self.settings.mount)
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        Box::pin(async move {
            let error = match call::record_unserved(&request, unserved).await {
                Ok(()) => VaultKvError::Unserved(unserved),
                Err(error) => error,
            };
            error.respond()
        })
    }

    fn fail(&self, _request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        VaultKvError::from(failure).respond()
    }
}

/// Routes a path, for [`crate::fuzz`].
pub(super) fn fuzz_path(text: &str) {
    drop(path::routed(text, "secret"));
}
