//! OAuth 2.0: token, revocation, introspection, metadata and key set (contract, section 2.1; RFC 6749, 7009, 7517,
//! 7523, 7662, 8414, 8693).

mod credentials;
mod error;
mod form;
mod grant;
mod handlers;
mod routes;
mod wire;

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved, routed_below};
use super::server;
use error::OAuthError;

/// The OAuth family.
pub(super) struct OAuth;

impl Family for OAuth {
    fn name(&self) -> &'static str {
        "oauth"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints()
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        routed_below(sent, &["/oauth2", "/iso/oauth2", "/api/oauth2", "/.well-known"])
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        Box::pin(async move {
            let recorded = server::record_unserved(&request, unserved).await;
            recorded.map_or_else(OAuthError::from, |()| unserved.into()).error_response()
        })
    }

    fn fail(&self, _request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        OAuthError::from(failure).error_response()
    }
}

/// Parses the parameters of a token request, for [`crate::fuzz`].
pub(super) fn fuzz_form(text: &str) {
    form::fuzz(text);
}
