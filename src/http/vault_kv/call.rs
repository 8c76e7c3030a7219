//! A permitted request to these routes.

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;

use super::body;
use super::error::VaultKvError;
use crate::http::accept_encryption::response_encryption;
use crate::http::call;
use crate::http::family::Unserved;
use crate::http::server::{Body, Service, origin, presented_token, record_refused_route};
use crate::vault::Vault;
use crate::vault::access::sender_constraint::PresentedToken;
use crate::vault::operation::{Action, Permit, RequestOptions};

/// A permitted request.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
    pub(super) http: HttpRequest,
    payload: Payload,
}

impl call::Call for Call {
    type Context = Action;
    type Error = VaultKvError;

    async fn accept(http: HttpRequest, payload: Payload, action: Action) -> Result<Self, VaultKvError> {
        let service = Service::from_request(&http).ok_or(VaultKvError::Unserved(Unserved::UnknownPath))?;
        let vault = service.vault.clone();
        let request = vault.authenticate(token(&http), origin(&http, service));
        let permit = vault.authorize(request.map_err(VaultKvError::from)?, action).await?;
        let mut call = Self { vault, permit, http, payload };
        let options = match call.options() {
            Ok(options) => options,
            Err(error) => return Err(call.refuse(error).await),
        };
        call.permit = call.vault.accept(call.permit, options).await?;
        Ok(call)
    }

    fn respond(error: &VaultKvError, _action: &Action) -> HttpResponse {
        error.respond()
    }
}

impl Call {
    fn options(&self) -> Result<RequestOptions, VaultKvError> {
        check_not_wrapped(&self.http)?;
        let response_encryption = response_encryption(&self.http)
            .map_err(|_| VaultKvError::Input("the header Accept-Encryption must be vendor or jwe"))?;
        Ok(RequestOptions { response_encryption, ..RequestOptions::default() })
    }

    /// Reads the body as a JSON object with these members. `expected` is the message for any other body.
    pub(super) async fn json<T: DeserializeOwned>(
        &mut self,
        members: &[&'static str],
        expected: &'static str,
    ) -> Result<T, VaultKvError> {
        let payload = std::mem::replace(&mut self.payload, Payload::None);
        body::json(Body::read(&self.http, payload).await, members, expected)
    }

    /// Returns the name of an item in the path, decoded; empty without one. A name that is not UTF-8 names nothing.
    pub(super) fn item_name(&self) -> String {
        call::path_key(&self.http).unwrap_or_default()
    }

    /// Returns the token of the request.
    pub(super) fn token(&self) -> &str {
        token(&self.http).map_or("", |presented| presented.token)
    }

    /// Records an error that the handler found, and returns it.
    pub(super) async fn refuse(&self, error: VaultKvError) -> VaultKvError {
        match self.vault.record_refusal(&self.permit, "invalid-input").await {
            Ok(()) => error,
            Err(failed) => failed.into(),
        }
    }
}

/// Refuses a request for a wrapped response, rather than respond with the secret itself. `0` asks for none.
///
/// # Errors
/// [`VaultKvError::Wrapping`]
pub(super) fn check_not_wrapped(request: &HttpRequest) -> Result<(), VaultKvError> {
    let wanted = |value: &HeaderValue| !matches!(value.as_bytes().trim_ascii(), b"" | b"0");
    let wrapped = request.headers().get_all("x-vault-wrap-ttl").any(wanted);
    if wrapped { Err(VaultKvError::Wrapping) } else { Ok(()) }
}

/// Returns the token in `X-Vault-Token`, or else that of the header `Authorization`.
fn token(request: &HttpRequest) -> Option<PresentedToken<'_>> {
    let header = request.headers().get("x-vault-token").and_then(|value| value.to_str().ok());
    let token = header.map(str::trim).filter(|token| !token.is_empty());
    token.map(PresentedToken::bearer).or_else(|| presented_token(request))
}

/// Records an authenticated request that no endpoint serves.
///
/// # Errors
/// [`VaultKvError::PermissionDenied`] without a valid token, before anything is said about the path.
pub(super) async fn record_unserved(request: &HttpRequest, unserved: Unserved) -> Result<(), VaultKvError> {
    let Some(service) = Service::from_request(request) else { return Ok(()) };
    let authenticated = service.vault.authenticate(token(request), origin(request, service));
    let authenticated = authenticated.map_err(VaultKvError::from)?;
    Ok(record_refused_route(&service.vault, authenticated, unserved).await?)
}
