//! A permitted request to these routes.

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::error::DsmError;
use crate::http::accept_encryption::response_encryption;
use crate::http::call;
use crate::http::family::Unserved;
use crate::http::server::{Service, origin, presented_token, record_refused_route};
use crate::vault::Vault;
use crate::vault::operation::{Action, Permit, RequestOptions};

/// A permitted request. The body of a read is ignored: clients send the content type of a form with an empty one.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
}

impl call::Call for Call {
    type Context = Action;
    type Error = DsmError;

    async fn accept(http: HttpRequest, _payload: Payload, action: Action) -> Result<Self, DsmError> {
        let service = Service::from_request(&http).ok_or(DsmError::Unserved(Unserved::UnknownPath))?;
        let vault = service.vault.clone();
        let request = vault.authenticate(presented_token(&http), origin(&http, service));
        let permit = vault.authorize(request.map_err(|_| DsmError::Unauthenticated)?, action).await?;
        let response_encryption = match response_encryption(&http) {
            Ok(encryption) => encryption,
            Err(error) => {
                vault.record_refusal(&permit, error.reason()).await?;
                return Err(error.into());
            }
        };
        let options = RequestOptions { response_encryption, ..RequestOptions::default() };
        let permit = vault.accept(permit, options).await?;
        Ok(Self { vault, permit })
    }

    fn respond(error: &DsmError, _action: &Action) -> HttpResponse {
        error.respond()
    }
}

/// Records an authenticated request that no endpoint serves.
///
/// # Errors
/// [`DsmError::Unauthenticated`] without a valid token, before anything is said about the path.
pub(super) async fn record_unserved(request: &HttpRequest, unserved: Unserved) -> Result<(), DsmError> {
    let Some(service) = Service::from_request(request) else { return Ok(()) };
    let authenticated = service.vault.authenticate(presented_token(request), origin(request, service));
    let authenticated = authenticated.map_err(|_| DsmError::Unauthenticated)?;
    Ok(record_refused_route(&service.vault, authenticated, unserved).await?)
}
