//! Observation of every request: its id, the access log, metrics.
//!
//! The access log contains no query string, no body and no header, because those may contain secrets.

use std::panic::AssertUnwindSafe;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use futures_util::FutureExt;

use super::base_uri::keep_original_path;
use super::forget::forget_request;
use super::request_id::{REQUEST_ID, RequestId};
use super::security_headers::set_security_headers;
use super::service::Service;
use super::source;
use crate::clock::instant;
use crate::http::openapi::DirectoryPath;

pub(super) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = instant();
    let RequestId(id) = RequestId::generate();
    request.extensions_mut().insert(RequestId(id.clone()));
    if request.path().ends_with('/') {
        request.extensions_mut().insert(DirectoryPath);
    }
    keep_original_path(&request);
    let (method, path) = (request.method().clone(), request.path().to_string());
    let service = request.app_data::<web::Data<Service>>().cloned();
    let source = match &service {
        Some(service) => source::source_address(request.request(), service),
        None => Some(source::peer(request.request())),
    };

    // Its family renders the panic of a handler. Another panic has no family and gives an empty 500.
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let mut answered = answered.unwrap_or_else(|_| Err(ErrorInternalServerError("")));
    let status = match &mut answered {
        Ok(response) => {
            if let Ok(value) = HeaderValue::from_str(&id) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            let request = response.request().clone();
            set_security_headers(&request, response.headers_mut());
            response.status()
        }
        Err(error) => error.as_response_error().status_code(),
    };
    let took = began.elapsed();
    if let Some(service) = service {
        let route = answered.as_ref().ok().and_then(|response| response.request().match_pattern());
        let route = route.as_deref().unwrap_or("other");
        service.metrics.record_request(method.as_str(), route, status.as_u16(), took);
    }
    let source = source.map_or_else(|| "-".into(), |source| source.to_string());
    log::info!(target: "access", "{source} {method} {path} {} {}us {id}", status.as_u16(), took.as_micros());
    answered.map(forget_request)
}
