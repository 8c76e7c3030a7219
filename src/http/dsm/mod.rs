//! The calls of `DevOps` Secret Manager, as `dsm` and External Secrets make them, under `/iso/dapp`, `/iso/sctm` and
//! `/iso/cicd` (contract dsm, sections 3 to 5).
//!
//! Off by default. Secrets are read without custody (see `vault::application_secret`).

mod base64;
mod call;
mod data;
mod environment;
mod error;
mod parameters;
mod path;
mod registration;
mod requests;
mod routes;
mod save;
mod secret;
mod variables;
mod wire;

use std::borrow::Cow;

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved};
use error::DsmError;

/// The family.
pub(super) struct Dsm;

impl Family for Dsm {
    fn name(&self) -> &'static str {
        "dsm"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints()
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        path::normalized(sent).map(Cow::Owned)
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        Box::pin(async move {
            let error = match call::record_unserved(&request, unserved).await {
                Ok(()) => DsmError::Unserved(unserved),
                Err(error) => error,
            };
            error.respond()
        })
    }

    fn fail(&self, _request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        DsmError::from(failure).respond()
    }
}

/// Decodes the data of a secret and the variables of an environment, for [`crate::fuzz`].
pub(super) fn fuzz_data(text: &str) {
    drop(data::secret_data(text.into()));
    drop(data::secret_data(STANDARD.encode(text).into()));
    let _ = environment::Environment::parse(text, ["A", "B"].into_iter()).get("A");
}
