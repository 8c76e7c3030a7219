//! The reads of the senhasegura A2A API version 2, under `/api/v2` (contract senhasegura-v2).
//!
//! Off by default. They show what is known of a credential without its secrets: no type of this folder holds one, custody is not
//! taken, and clients go on reading passwords through version 1. What the contract could not find out is in [`conventions`].

mod call;
mod conventions;
mod credential;
mod error;
mod fields;
mod filter;
mod pagination;
mod query;
mod routes;
mod wire;

use std::borrow::Cow;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved, routed_below};
use super::{rate_limit, server};
use crate::config::PamV2Settings;
use error::ApiError;
use routes::BASE;

/// The family.
pub(super) struct PamV2 {
    requests_per_minute: u32,
}

impl PamV2 {
    pub(super) fn new(settings: &PamV2Settings) -> Self {
        Self { requests_per_minute: settings.requests_per_minute }
    }
}

impl Family for PamV2 {
    fn name(&self) -> &'static str {
        "pam-v2"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints(self.requests_per_minute)
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        routed_below(sent, &[BASE])
    }

    fn decorate(&self, request: &HttpRequest, headers: &mut HeaderMap) {
        rate_limit::set_headers(request, headers, self.requests_per_minute);
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        let limit = self.requests_per_minute;
        Box::pin(async move {
            let error = match call::record_unserved(&request, unserved, limit).await {
                Ok(()) => ApiError::Unserved(unserved),
                Err(error) => error,
            };
            error.respond(&server::request_id(&request))
        })
    }

    fn fail(&self, request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        ApiError::from(failure).respond(&server::request_id(request))
    }
}

/// Parses the query of a list, for [`crate::fuzz`].
pub(super) fn fuzz_query(text: &str) {
    let _ = query::Query::parse(text).and_then(|query| filter::selection(&query));
}
