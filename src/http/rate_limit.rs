//! The limit on requests of one caller, for the families that state it in their responses (`X-RateLimit-*`).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};

use super::server::{Service, origin};
use crate::vault::access::RequestWindow;
use crate::vault::operation::Request;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// Unix time in seconds.
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The window in the extensions of a request that was counted.
#[derive(Clone, Copy)]
struct Counted(RequestWindow);

/// Counts a request once, for its principal, or for its network without one.
pub(crate) fn count(http: &HttpRequest, service: &Service, request: Option<&Request>, limit: u32) -> RequestWindow {
    let known = http.extensions().get::<Counted>().copied();
    let Counted(window) = known.unwrap_or_else(|| {
        let window = match request {
            Some(request) => service.vault.count_request(request, limit),
            None => service.vault.count_unauthenticated(&origin(http, service), limit),
        };
        http.extensions_mut().insert(Counted(window));
        Counted(window)
    });
    window
}

/// Sets the headers of a response. A request that failed before it was counted is counted for its network.
pub(crate) fn set_headers(http: &HttpRequest, headers: &mut HeaderMap, limit: u32) {
    let Some(service) = Service::from_request(http) else { return };
    let window = count(http, service, None, limit);
    headers.insert(LIMIT, HeaderValue::from(window.limit));
    headers.insert(REMAINING, HeaderValue::from(window.remaining));
    headers.insert(RESET, HeaderValue::from(window.resets_at.timestamp()));
}
