//! Operations: health, metrics and the seal. Errors are a state in JSON, such as `{"status": "unavailable"}`.

mod error;
mod health;
mod routes;
mod unseal;

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved, routed_below};
use super::server;

/// The operations family.
pub(super) struct Ops;

impl Family for Ops {
    fn name(&self) -> &'static str {
        "ops"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints()
    }

    fn sealed_endpoints(&self) -> Vec<Endpoint> {
        routes::sealed_endpoints()
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        routed_below(sent, &["/health", "/metrics", "/unseal"])
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        Box::pin(async move {
            let recorded = server::record_unserved(&request, unserved).await;
            if let Err(error) = &recorded {
                server::log_internal_error(error);
            }
            error::unserved(unserved, recorded)
        })
    }

    fn fail(&self, _request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        error::failed(failure)
    }
}
