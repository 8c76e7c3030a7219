//! A permitted request to these routes.

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

use super::error::DsmError;
use crate::http::accept_encryption::response_encryption;
use crate::http::call;
use crate::http::family::{RouteFailure, Unserved};
use crate::http::input_error::InputError;
use crate::http::preconditions;
use crate::http::server::{Body, Service, origin, presented_token, record_refused_route};
use crate::vault::Vault;
use crate::vault::access::authentication::AuthenticationFailure;
use crate::vault::operation::{Action, IdempotencyKey, Permit, RequestOptions};

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
        let permit = vault.authorize(request.map_err(unauthenticated)?, action).await?;
        let read = if http.method() == Method::POST { Body::read(&http, payload).await } else { Ok(Body::empty()) };
        let body = match read {
            Ok(body) => body,
            Err(error) => return Err(refused(&vault, &permit, error.into()).await),
        };
        let options = match options(&http, &vault, action, &body) {
            Ok(options) => options,
            Err(error) => return Err(refused(&vault, &permit, error).await),
        };
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

/// Parses the headers. Preconditions of a read are ignored, because nothing has an ETag.
fn options(http: &HttpRequest, vault: &Vault, action: Action, body: &Body) -> Result<RequestOptions, InputError> {
    let response_encryption = response_encryption(http)?;
    if !action.is_write() {
        return Ok(RequestOptions { response_encryption, ..RequestOptions::default() });
    }
    let preconditions = preconditions::from_headers(http.headers())?;
    let idempotency_key = idempotency_key(http, vault, action, body)?;
    Ok(RequestOptions { response_encryption, preconditions, idempotency_key, ..RequestOptions::default() })
}

/// Returns the idempotency key, bound to path and body. Registering and disabling are idempotent without one.
fn idempotency_key(
    http: &HttpRequest,
    vault: &Vault,
    action: Action,
    body: &Body,
) -> Result<Option<IdempotencyKey>, InputError> {
    let key = preconditions::idempotency_key(http.headers())?.filter(|_| action.is_idempotent());
    let Some(key) = key else { return Ok(None) };
    Ok(Some(vault.idempotency_key(key, http.method().as_str(), http.path(), &body.text()?)))
}

/// Records an input error, and returns it.
async fn refused(vault: &Vault, permit: &Permit, error: InputError) -> DsmError {
    match vault.record_refusal(permit, error.reason()).await {
        Ok(()) => error.into(),
        Err(failed) => failed.into(),
    }
}

/// Returns the error of a request without a valid token.
fn unauthenticated(failure: AuthenticationFailure) -> DsmError {
    if failure == AuthenticationFailure::TokenMissing {
        return DsmError::TokenMissing;
    }
    RouteFailure::of_authentication(failure).map_or(DsmError::InvalidToken, DsmError::from)
}

/// Records an authenticated request that no endpoint serves.
///
/// # Errors
/// [`DsmError::TokenMissing`] or [`DsmError::InvalidToken`] without a valid token, before anything is said about the path.
pub(super) async fn record_unserved(request: &HttpRequest, unserved: Unserved) -> Result<(), DsmError> {
    let Some(service) = Service::from_request(request) else { return Ok(()) };
    let authenticated = service.vault.authenticate(presented_token(request), origin(request, service));
    let authenticated = authenticated.map_err(unauthenticated)?;
    Ok(record_refused_route(&service.vault, authenticated, unserved).await?)
}
