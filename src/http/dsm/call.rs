//! A permitted request to these routes.

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

use super::error::DsmError;
use crate::http::accept_encryption::response_encryption;
use crate::http::call;
use crate::http::family::Unserved;
use crate::http::input_error::InputError;
use crate::http::server::{Body, Service, origin, presented_token, record_refused_route};
use crate::vault::Vault;
use crate::vault::operation::{Action, Permit, RequestOptions};

/// A permitted request.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
    /// The body of a write. That of a read is ignored: clients send the content type of a form with an empty one.
    pub(super) body: Body,
}

impl call::Call for Call {
    type Context = Action;
    type Error = DsmError;

    async fn accept(http: HttpRequest, payload: Payload, action: Action) -> Result<Self, DsmError> {
        let service = Service::from_request(&http).ok_or(DsmError::Unserved(Unserved::UnknownPath))?;
        let vault = service.vault.clone();
        let request = vault.authenticate(presented_token(&http), origin(&http, service));
        let permit = vault.authorize(request.map_err(|_| unauthenticated(&http))?, action).await?;
        let payload = if http.method() == Method::POST { payload } else { Payload::None };
        let body = match Body::read(&http, payload).await {
            Ok(body) => body,
            Err(error) => return Err(refused(&vault, &permit, error.into()).await),
        };
        let response_encryption = match response_encryption(&http) {
            Ok(encryption) => encryption,
            Err(error) => return Err(refused(&vault, &permit, error).await),
        };
        let options = RequestOptions { response_encryption, ..RequestOptions::default() };
        let permit = vault.accept(permit, options).await?;
        Ok(Self { vault, permit, body })
    }

    fn respond(error: &DsmError, _action: &Action) -> HttpResponse {
        error.respond()
    }
}

impl Call {
    /// Returns what was parsed from the request, or records the error.
    pub(super) async fn parsed<T>(&self, parsed: Result<T, InputError>) -> Result<T, DsmError> {
        match parsed {
            Ok(parsed) => Ok(parsed),
            Err(error) => Err(refused(&self.vault, &self.permit, error).await),
        }
    }
}

/// Records an input error, and returns it.
async fn refused(vault: &Vault, permit: &Permit, error: InputError) -> DsmError {
    match vault.record_refusal(permit, error.reason()).await {
        Ok(()) => error.into(),
        Err(failed) => failed.into(),
    }
}

/// Returns the error of a request without a valid token.
fn unauthenticated(http: &HttpRequest) -> DsmError {
    if presented_token(http).is_none() { DsmError::TokenMissing } else { DsmError::InvalidToken }
}

/// Records an authenticated request that no endpoint serves.
///
/// # Errors
/// [`DsmError::TokenMissing`] or [`DsmError::InvalidToken`] without a valid token, before anything is said about the path.
pub(super) async fn record_unserved(request: &HttpRequest, unserved: Unserved) -> Result<(), DsmError> {
    let Some(service) = Service::from_request(request) else { return Ok(()) };
    let authenticated = service.vault.authenticate(presented_token(request), origin(request, service));
    let authenticated = authenticated.map_err(|_| unauthenticated(request))?;
    Ok(record_refused_route(&service.vault, authenticated, unserved).await?)
}
