//! The request id, in the response, the access log and the audit record.

use actix_web::http::header::HeaderName;
use actix_web::{HttpMessage, HttpRequest};
use uuid::Uuid;

/// The response header with the request id.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request id: 32 hexadecimal digits.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

impl RequestId {
    /// Generates an id.
    pub(super) fn generate() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }
}

/// Returns the id of a request; empty outside of a server.
pub(crate) fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}
