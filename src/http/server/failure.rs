//! What every family does with a failure: log its cause, and record a request that no endpoint serves.

use actix_web::HttpRequest;

use super::origin::{bearer_token, origin};
use super::service::Service;
use crate::http::family::RouteFailure;
use crate::store::StoreError;
use crate::vault::{Action, Call, Dialect, VaultError};

/// Logs an internal error with its cause. Clients are told nothing of it; other errors are theirs and are not logged.
pub(crate) fn log_internal_error(error: &VaultError) {
    match error {
        VaultError::Store(error) => log::error!("a request failed in the store: {error}"),
        VaultError::Seal(error) => log::error!("a request failed in the keys: {error}"),
        VaultError::Token(error) => log::error!("a request failed in the tokens: {error}"),
        _ => {}
    }
}

/// Whether the same request may succeed a moment later: 503.
pub(crate) fn is_temporary(error: &VaultError) -> bool {
    matches!(error, VaultError::Store(StoreError::Busy | StoreError::Unavailable(_) | StoreError::Contended))
}

/// Records a request to an unknown path or method if it bears a valid token, and returns the error to answer with.
pub(crate) async fn record_unserved(request: &HttpRequest, failure: RouteFailure) -> VaultError {
    let error = VaultError::from(failure);
    let (Some(service), false) = (Service::from_request(request), failure == RouteFailure::Panic) else { return error };
    let origin = origin(request, service);
    match service.vault.authenticate(bearer_token(request), origin.source) {
        Ok(client) => {
            let call = Call::plain(client, origin, Dialect::Modern);
            service.vault.refuse(&call, Action::UnknownRoute, error).await
        }
        Err(_) => error,
    }
}
