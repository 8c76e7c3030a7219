//! Errors: a list of messages, and a status (contract facades, section 2.3). Never 401, nor 412, on which clients retry.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::family::RouteFailure;
use crate::http::server::{is_temporary, log_internal_error};
use crate::vault::access::authentication::TokenEndpointError;
use crate::vault::{DenyReason, Noun, VaultError};

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VaultKvError {
    /// No valid token, or no permission.
    PermissionDenied,
    /// The login failed, whatever the reason.
    InvalidLogin,
    /// The body is not what the endpoint takes.
    Body(&'static str),
    /// The query is not what the endpoint takes.
    Query(&'static str),
    /// The request asks for a wrapped response.
    Wrapping,
    /// The lease of a token cannot be renewed.
    NotRenewable,
    /// No handler has responded.
    Unserved(RouteFailure),
    /// An error of the vault.
    Vault(VaultError),
}

/// The body of an error response.
#[derive(Serialize, ToSchema)]
pub(super) struct Errors {
    errors: Vec<&'static str>,
}

const DENIED: &str = "permission denied";
const UNAVAILABLE: &str = "the service is temporarily unavailable; try again";

impl VaultKvError {
    /// Returns the status and the messages.
    fn message(&self) -> (StatusCode, Vec<&'static str>) {
        match self {
            Self::PermissionDenied => (StatusCode::FORBIDDEN, vec![DENIED]),
            Self::InvalidLogin => (StatusCode::BAD_REQUEST, vec!["invalid role or secret ID"]),
            Self::Body(expected) | Self::Query(expected) => (StatusCode::BAD_REQUEST, vec![expected]),
            Self::Wrapping => (StatusCode::BAD_REQUEST, vec!["response wrapping is not supported"]),
            Self::NotRenewable => (StatusCode::BAD_REQUEST, vec!["lease is not renewable"]),
            Self::Unserved(RouteFailure::UnknownPath) => {
                (StatusCode::NOT_FOUND, vec!["no handler for route. route entry not found."])
            }
            Self::Unserved(RouteFailure::UnknownMethod) => {
                (StatusCode::METHOD_NOT_ALLOWED, vec!["unsupported operation"])
            }
            Self::Unserved(RouteFailure::Panic) => (StatusCode::INTERNAL_SERVER_ERROR, vec!["internal error"]),
            Self::Vault(error) => vault_message(error),
        }
    }

    /// Renders the error.
    pub(super) fn respond(&self) -> HttpResponse {
        if let Self::Vault(error) = self {
            log_internal_error(error);
        }
        let (status, errors) = self.message();
        let mut response = response(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, HeaderValue::from_static("1")));
        }
        response.json(Errors { errors })
    }
}

/// Returns the status and messages of an error of the vault. What does not exist and what the client may not read are the
/// same 404.
fn vault_message(error: &VaultError) -> (StatusCode, Vec<&'static str>) {
    match error {
        VaultError::NotFound(Noun::Item | Noun::Version) | VaultError::Denied(DenyReason::ExclusiveCustody) => {
            (StatusCode::NOT_FOUND, Vec::new())
        }
        VaultError::Denied(_) => (StatusCode::FORBIDDEN, vec![DENIED]),
        VaultError::Ambiguous(_) => (StatusCode::BAD_REQUEST, vec!["several items have this name"]),
        VaultError::TooMany(_) => (StatusCode::BAD_REQUEST, vec!["too many items to list; list a folder"]),
        error if is_temporary(error) => (StatusCode::SERVICE_UNAVAILABLE, vec![UNAVAILABLE]),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, vec!["internal error"]),
    }
}

impl From<VaultError> for VaultKvError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<TokenEndpointError> for VaultKvError {
    fn from(error: TokenEndpointError) -> Self {
        match error {
            TokenEndpointError::InvalidClient => Self::InvalidLogin,
            TokenEndpointError::Vault(error) => Self::Vault(error),
        }
    }
}

/// Starts a response. None may be cached.
pub(super) fn response(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    builder
}
