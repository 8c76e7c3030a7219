//! Removes from a request that was answered what its client sent.

use actix_web::dev::{Path, ServiceRequest, ServiceResponse, Url};
use actix_web::http::Uri;

/// Clears the head of a request. The library keeps heads for later requests, and with a header or the URL of one, which may have
/// secrets in them, the buffer of the connection that they were read into.
pub(super) fn forget_request<B>(response: ServiceResponse<B>) -> ServiceResponse<B> {
    let (request, response) = response.into_parts();
    // The handler has ended, so that nothing else refers to the request.
    let mut request = ServiceRequest::from_request(request);
    *request.match_info_mut() = Path::new(Url::new(Uri::default()));
    let head = request.head_mut();
    head.uri = Uri::default();
    head.headers.clear();
    ServiceResponse::new(request.into_parts().0, response)
}
