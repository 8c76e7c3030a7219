//! The senhasegura PAM Core service, under `/iso` and `/api` (contract, sections 1 to 9).

mod authentication;
mod batch;
mod call;
mod candidate;
mod credential;
mod credential_wire;
mod device;
mod dialect;
mod entry;
mod envelope;
mod error;
mod error_message;
mod field;
mod history;
mod information;
mod item;
mod pagination;
mod parameters;
mod password_state;
mod proxy_session;
mod proxy_session_page;
mod rotation;
mod routes;
mod rows;
mod settings;
mod ssh_key;
mod use_credential;

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved, routed_below};
use super::server;
use crate::config::PamSettings;
use dialect::{PREFIXES, Renderings};
use error::PamError;
pub(crate) use parameters::fuzz_multipart;

/// The PAM family.
pub(super) struct Pam {
    renderings: Renderings,
    oauth1: bool,
}

impl Pam {
    pub(super) fn new(settings: &PamSettings) -> Self {
        Self { renderings: Renderings::new(settings), oauth1: settings.oauth1 }
    }
}

impl Family for Pam {
    fn name(&self) -> &'static str {
        "pam"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints = routes::endpoints(self.renderings);
        endpoints.iter_mut().for_each(|endpoint| endpoint.oauth1 = self.oauth1 && endpoint.bearer);
        endpoints
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        let [legacy, modern] = PREFIXES;
        routed_below(sent, &[legacy, modern, proxy_session_page::PATH])
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        let rendering = self.renderings.below(&request.match_pattern().unwrap_or_default());
        Box::pin(async move {
            let recorded = server::record_unserved(&request, unserved).await;
            recorded.map_or_else(PamError::from, |()| PamError::Unserved(unserved)).respond(rendering)
        })
    }

    fn fail(&self, request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        let rendering = self.renderings.below(&request.match_pattern().unwrap_or_default());
        PamError::from(failure).respond(rendering)
    }
}
