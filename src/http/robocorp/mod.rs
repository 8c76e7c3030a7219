//! The calls of Robocorp's secret API, as robots of RPA Framework and Robocorp make them, under `/secrets-v1` (contract
//! facades, section 4).
//!
//! Off by default. An item is read without custody (see `vault::item`), and is encrypted for a key that comes with the request. What is
//! written is encrypted for a key of the vault.

mod call;
mod error;
mod routes;
mod save;
mod secret;

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved, routed_below};
use super::segments::with_name;
use crate::config::RobocorpSettings;
use error::RobocorpError;
use routes::BASE;

/// The family.
pub(super) struct Robocorp {
    settings: RobocorpSettings,
}

impl Robocorp {
    pub(super) fn new(settings: &RobocorpSettings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Family for Robocorp {
    fn name(&self) -> &'static str {
        "robocorp"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints(&self.settings)
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        // An empty segment after `secrets` belongs to a name.
        routed_below(sent, &[BASE]).map(|_| with_name(sent, routes::FIXED_SEGMENTS))
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        Box::pin(async move {
            let error = match call::record_unserved(&request, unserved).await {
                Ok(()) => RobocorpError::Unserved(unserved),
                Err(error) => error,
            };
            error.respond()
        })
    }

    fn fail(&self, _request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        RobocorpError::from(failure).respond()
    }
}

/// Parses the query of a read, for [`crate::fuzz`].
pub(super) fn fuzz_query(text: &str) {
    secret::fuzz(text);
}
