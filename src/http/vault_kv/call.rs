//! An authenticated request of this family, and the adapter that turns an actix route into a call of a handler.

use std::future::Future;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Route, web};

use super::error::VaultKvError;
use crate::http::family::RouteFailure;
use crate::http::server::{Service, bearer_token, origin, record_route_failure};
use crate::vault::Vault;
use crate::vault::operation::{Action, Permit};

/// A permitted request.
pub(super) struct Call {
    pub(super) vault: Vault,
    pub(super) permit: Permit,
    pub(super) http: HttpRequest,
}

/// Wraps a handler in an actix route: authentication, permission, and the rendering of its error.
pub(super) fn route<H, F>(action: Action, handler: H) -> Route
where
    H: Fn(Call) -> F + Clone + 'static,
    F: Future<Output = Result<HttpResponse, VaultKvError>> + 'static,
{
    web::to(move |http: HttpRequest| {
        let handler = handler.clone();
        async move {
            let answered = match Call::from_request(http, action).await {
                Ok(call) => handler(call).await,
                Err(error) => Err(error),
            };
            answered.unwrap_or_else(|error| error.respond())
        }
    })
}

impl Call {
    async fn from_request(http: HttpRequest, action: Action) -> Result<Self, VaultKvError> {
        let service = Service::from_request(&http).ok_or(VaultKvError::Unserved(RouteFailure::UnknownPath))?;
        let vault = service.vault.clone();
        let request = vault.authenticate(token(&http), origin(&http, service));
        let permit = vault.authorize(request.map_err(|_| VaultKvError::PermissionDenied)?, action).await?;
        let call = Self { vault, permit, http };
        if call.http.headers().contains_key("x-vault-wrap-ttl") {
            return Err(call.refuse(VaultKvError::Wrapping).await);
        }
        Ok(call)
    }

    /// Returns the name of an item in the path, decoded; empty without one. A name that is not UTF-8 names nothing.
    pub(super) fn item_name(&self) -> String {
        let path = web::Path::<String>::from_request(&self.http, &mut Payload::None).into_inner();
        path.map(web::Path::into_inner).unwrap_or_default()
    }

    /// Returns the token of the request.
    pub(super) fn token(&self) -> &str {
        token(&self.http).unwrap_or_default()
    }

    /// Records an error that the handler found, and returns it.
    pub(super) async fn refuse(&self, error: VaultKvError) -> VaultKvError {
        match self.vault.record_refusal(&self.permit, "invalid-input").await {
            Ok(()) => error,
            Err(failed) => failed.into(),
        }
    }
}

/// Returns the token in `X-Vault-Token`, or else the bearer token.
fn token(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get("x-vault-token").and_then(|value| value.to_str().ok());
    header.map(str::trim).filter(|token| !token.is_empty()).or_else(|| bearer_token(request))
}

/// Records an authenticated request that no endpoint serves.
///
/// # Errors
/// [`VaultKvError::PermissionDenied`] without a valid token, before anything is said about the path.
pub(super) async fn record_unserved(request: &HttpRequest, failure: RouteFailure) -> Result<(), VaultKvError> {
    let Some(service) = Service::from_request(request) else { return Ok(()) };
    // The handler of a panic may have answered a request without a token.
    if failure == RouteFailure::Panic {
        return Ok(());
    }
    let authenticated = service.vault.authenticate(token(request), origin(request, service));
    let authenticated = authenticated.map_err(|_| VaultKvError::PermissionDenied)?;
    Ok(record_route_failure(&service.vault, authenticated, failure).await?)
}
