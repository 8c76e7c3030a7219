//! Responses: JSON, and never cached (`Cache-Control: no-store`).

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use crate::vault::pagination::OffsetList;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Starts a response with a body.
pub(super) fn builder(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CACHE_CONTROL, NO_STORE)).insert_header((CONTENT_TYPE, JSON));
    builder
}

/// 200 with a body.
pub(super) fn ok(payload: impl Serialize) -> HttpResponse {
    builder(StatusCode::OK).json(payload)
}

/// 200 with a page of a list; the length of the whole list is in a header.
pub(super) fn list<R, V: Serialize>(list: OffsetList<R>, view: impl Fn(R) -> V) -> HttpResponse {
    let rows: Vec<V> = list.rows.into_iter().map(view).collect();
    builder(StatusCode::OK).insert_header((TOTAL_COUNT, list.total)).json(rows)
}

/// 204.
pub(super) fn no_content() -> HttpResponse {
    HttpResponse::NoContent().insert_header((CACHE_CONTROL, NO_STORE)).finish()
}
