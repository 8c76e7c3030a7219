//! Errors of the operations endpoints.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER};

use super::health::Health;
use crate::http::family::{RouteFailure, Unserved};
use crate::http::server::is_temporary;
use crate::vault::VaultError;

/// Renders the error of an unserved request. `recorded` is the result of writing the audit record.
pub(super) fn unserved(unserved: Unserved, recorded: Result<(), VaultError>) -> HttpResponse {
    match (unserved, recorded) {
        (_, Err(error)) if is_temporary(&error) => respond(StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        (_, Err(_)) => respond(StatusCode::INTERNAL_SERVER_ERROR, "error"),
        (Unserved::UnknownPath, Ok(())) => respond(StatusCode::NOT_FOUND, "not found"),
        (Unserved::UnknownMethod, Ok(())) => respond(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
    }
}

/// Renders a failure of a request outside of its handler.
pub(super) fn failed(failure: RouteFailure) -> HttpResponse {
    match failure {
        RouteFailure::Panic => respond(StatusCode::INTERNAL_SERVER_ERROR, "error"),
        RouteFailure::Sealed => respond(StatusCode::SERVICE_UNAVAILABLE, "sealed"),
        RouteFailure::Overdue => respond(StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        RouteFailure::UnreadableSource => respond(StatusCode::BAD_REQUEST, "source address unreadable"),
        RouteFailure::TooManyAttempts { seconds } => {
            let mut response = respond(StatusCode::TOO_MANY_REQUESTS, "too many failed authentications");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        RouteFailure::HeadTooLarge => respond(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers too large"),
    }
}

/// Renders an error as a state, in the form of the health routes.
pub(super) fn respond(status: StatusCode, state: &'static str) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, "1"));
    }
    response.json(Health::new(state))
}
