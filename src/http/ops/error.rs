//! Errors of the operations endpoints.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};

use super::health::Health;
use crate::http::family::RouteFailure;
use crate::http::server::is_temporary;
use crate::vault::VaultError;

/// Renders the error of an unserved request as a state, in the form of the health routes. `recorded` is the result of
/// writing the audit record.
pub(super) fn render(failure: RouteFailure, recorded: Result<(), VaultError>) -> HttpResponse {
    let (status, state) = match (failure, recorded) {
        (_, Err(error)) if is_temporary(&error) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        (_, Err(_)) | (RouteFailure::Panic, Ok(())) => (StatusCode::INTERNAL_SERVER_ERROR, "error"),
        (RouteFailure::UnknownPath, Ok(())) => (StatusCode::NOT_FOUND, "not found"),
        (RouteFailure::UnknownMethod, Ok(())) => (StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        (RouteFailure::UnreadableSource, Ok(())) => (StatusCode::BAD_REQUEST, "source address unreadable"),
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, "1"));
    }
    response.json(Health::new(state))
}
