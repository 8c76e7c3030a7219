//! The start of a response, for every family.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};

/// Starts a response that may not be cached: a read has a side effect, and may return a secret. An `ETag` is for the client's
/// own copy.
pub(crate) fn uncached(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    builder
}
