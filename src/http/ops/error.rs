//! Errors of the routes for the operator.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};

use super::health::Health;
use crate::http::server::is_temporary;
use crate::vault::VaultError;

/// Renders an error as a state, as the health routes do.
pub(super) fn render(error: &VaultError) -> HttpResponse {
    let (status, word) = match error {
        VaultError::NoSuchRoute => (StatusCode::NOT_FOUND, "not found"),
        VaultError::NoSuchMethod => (StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        error if is_temporary(error) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "error"),
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, "1"));
    }
    response.json(Health::new(word))
}
