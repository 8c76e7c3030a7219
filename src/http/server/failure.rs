//! Failures in every family: logging internal errors, and recording requests that no endpoint serves.

use actix_web::HttpRequest;

use super::origin::{origin, presented_token};
use super::service::Service;
use crate::http::family::Unserved;
use crate::vault::operation::{Action, Request};
use crate::vault::{Vault, VaultError};

/// Logs an internal error with its cause, which clients do not see. Errors of clients are not logged.
pub(crate) fn log_internal_error(error: &VaultError) {
    match error {
        VaultError::Store(error) => log::error!("internal error in the store: {error}"),
        VaultError::Seal(error) => log::error!("internal error in sealed values: {error}"),
        VaultError::Token(error) => log::error!("internal error in access tokens: {error}"),
        _ => {}
    }
}

/// Whether the error is temporary, so that a retry may succeed (503).
pub(crate) fn is_temporary(error: &VaultError) -> bool {
    match error {
        VaultError::Store(error) => error.is_temporary(),
        VaultError::Unavailable(_) => true,
        _ => false,
    }
}

/// Records a request to an unknown path or method if it has a valid token.
///
/// # Errors
/// [`VaultError`] when it could not be recorded.
pub(crate) async fn record_unserved(request: &HttpRequest, unserved: Unserved) -> Result<(), VaultError> {
    let Some(service) = Service::from_request(request) else { return Ok(()) };
    match service.vault.authenticate(presented_token(request), origin(request, service)) {
        Ok(request) => record_refused_route(&service.vault, request, unserved).await,
        Err(_) => Ok(()),
    }
}

/// Records an authenticated request that no endpoint serves.
///
/// # Errors
/// As [`record_unserved`].
pub(crate) async fn record_refused_route(
    vault: &Vault,
    request: Request,
    unserved: Unserved,
) -> Result<(), VaultError> {
    let permit = vault.authorize(request, Action::UNKNOWN_ROUTE).await?;
    vault.record_refusal(&permit, unserved.reason()).await
}
