//! The start of a row of the endpoint table.

use actix_web::Route;
use actix_web::http::Method;

use super::path::BASE;
use crate::http::endpoint::Endpoint;

/// The media types of a body.
pub(super) const JSON: &[&str] = &["application/json"];

/// Creates an endpoint below the base path that needs a token.
pub(super) fn endpoint(method: Method, path: &str, route: impl Fn() -> Route + 'static) -> Endpoint {
    Endpoint { tag: "KV version 2", bearer: true, ..Endpoint::new(method, format!("{BASE}{path}"), route) }
}
