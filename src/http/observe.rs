//! Around every request: its id, its line in the access log, its figures, and an end to panics.
//!
//! The access log has no query string, no body and no header: those may hold secrets.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};
use futures_util::FutureExt;
use uuid::Uuid;

use super::pam::error::Refused;
use super::{Service, source};
use crate::store::StoreError;
use crate::vault::{Dialect, VaultError};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: in its answer, its line of the log and its audit record.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

pub(super) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let id = Uuid::new_v4().simple().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.path().to_string());
    let service = request.app_data::<web::Data<Service>>().cloned();
    let source = service.as_ref().map(|service| source::of(request.request(), service));

    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let mut answered = answered.unwrap_or_else(|_| Err(after_panic()));
    let status = match &mut answered {
        Ok(response) => {
            if let Ok(value) = HeaderValue::from_str(&id) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            response.status()
        }
        Err(error) => error.as_response_error().status_code(),
    };
    let took = began.elapsed();
    if let Some(service) = service {
        let route = answered.as_ref().ok().and_then(|response| response.request().match_pattern());
        service.metrics.answered(method.as_str(), route.as_deref().unwrap_or("other"), status.as_u16(), took);
    }
    let source = source.map(|source| source.to_string()).unwrap_or_default();
    log::info!(target: "access", "{source} {method} {path} {} {}us {id}", status.as_u16(), took.as_micros());
    answered
}

/// What a client gets when a handler panicked: the plain server error, and nothing of the panic.
fn after_panic() -> Error {
    let refused = Refused::because(VaultError::Store(StoreError::Panicked), Dialect::Legacy);
    InternalError::from_response("panic", refused.error_response()).into()
}
