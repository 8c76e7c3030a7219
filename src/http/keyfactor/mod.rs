//! The Keyfactor families: PAM providers, their types and local entries, security identities, roles.
//!
//! Paths are matched without regard to case and under several base paths (`path`); a request says the version it
//! speaks in a header (`version`); members of a body are found in any case, and answers are in PascalCase.

pub mod entry;
pub mod error;
pub mod identity;
pub mod provider;
pub mod provider_type;
pub mod role;
pub mod status;

mod body;
mod caller;
mod path;
mod query;
mod version;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use uuid::Uuid;

use super::Service;
use super::observe::RequestId;
use crate::vault::{Action, VaultError};
use caller::Caller;

pub(super) use path::{BASE, serves};
pub(super) use query::LIST_PARAMETERS;

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-keyfactor-correlation-id");
const PRODUCT_VERSION: HeaderName = HeaderName::from_static("x-keyfactor-product-version");
const SUPPORTED_VERSIONS: HeaderName = HeaderName::from_static("api-supported-versions");

/// Before a request is routed, its path is brought to the spelling of the table; before it is answered, the answer gets
/// the headers that all of the families have. Requests to other families pass untouched.
pub(super) async fn frame(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let service = request.app_data::<web::Data<Service>>().cloned();
    let settings = service.as_ref().map(|service| &service.vault.settings().keyfactor);
    path::spell(&mut request, settings.map_or(&[], |settings| &settings.base_paths));
    let ours = serves(request.path());
    let versions = version::supported(request.path());
    let mut answered = next.call(request).await?;
    if ours {
        let id = answered.request().extensions().get::<RequestId>().and_then(|id| Uuid::parse_str(&id.0).ok());
        let headers = answered.headers_mut();
        set(headers, CORRELATION_ID, &id.unwrap_or_default().to_string());
        set(headers, SUPPORTED_VERSIONS, versions);
        set(headers, PRODUCT_VERSION, settings.map_or("", |settings| &settings.product_version));
    }
    Ok(answered)
}

/// Sets a header that has a value.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// Refuses a request to a path or a method that is not there. A call that bears good credentials leaves its record here
/// as everywhere.
pub(super) async fn refuse(request: &HttpRequest, error: VaultError) -> HttpResponse {
    let refused = match Caller::authenticated(request).await {
        Ok((vault, call)) => error::Refused::because(vault.refuse(&call, Action::UnknownRoute, error).await),
        Err(_) => error::Refused::because(error),
    };
    refused.error_response()
}
