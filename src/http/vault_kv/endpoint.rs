//! The start of a row of the endpoint table.

use actix_web::Route;
use actix_web::http::Method;

use super::path::BASE;
use crate::http::endpoint::Endpoint;

/// The media types of a body.
pub(super) const JSON: &[&str] = &["application/json"];

/// Creates an endpoint below the base path that needs a token.
pub(super) fn endpoint(method: Method, path: &str, route: impl Fn() -> Route + 'static) -> Endpoint {
    Endpoint { bearer: true, accept_encryption: true, ..endpoint_without_token(method, path, route) }
}

/// Creates an endpoint below the base path that needs no token.
pub(super) fn endpoint_without_token(method: Method, path: &str, route: impl Fn() -> Route + 'static) -> Endpoint {
    Endpoint { tag: "KV version 2", ..Endpoint::new(method, format!("{BASE}{path}"), route) }
}
