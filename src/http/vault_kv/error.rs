//! Errors: a list of messages, and a status (contract facades, section 2.3). Never 401, nor 412, on which clients retry.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::family::{RouteFailure, Unserved};
use crate::http::input_error::InputError;
use crate::http::item_error::ItemError;
use crate::http::response::uncached;
use crate::http::server::log_internal_error;
use crate::vault::access::authentication::AuthenticationFailure;
use crate::vault::access::token_endpoint::TokenEndpointError;
use crate::vault::{Dependency, VaultError};

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VaultKvError {
    /// No valid token, or no permission.
    PermissionDenied,
    /// The login failed, whatever the reason.
    InvalidLogin,
    /// The login by the token of a workload failed, whatever the reason.
    InvalidJwt,
    /// The body, the query or a header is not what the endpoint takes.
    Input(&'static str),
    /// The body cannot be read, whatever the endpoint takes.
    Body(InputError),
    /// The request asks for a wrapped response.
    Wrapping,
    /// The lease of a token cannot be renewed.
    NotRenewable,
    /// No endpoint serves the request.
    Unserved(Unserved),
    /// The vault is sealed.
    Sealed,
    /// The handler panicked.
    Panic,
    /// An error of the vault.
    Vault(VaultError),
}

/// The body of an error response.
#[derive(Serialize, ToSchema)]
pub(super) struct Errors {
    errors: Vec<Cow<'static, str>>,
}

const DENIED: &str = "permission denied";

impl VaultKvError {
    /// Returns the status and the messages.
    fn message(&self) -> (StatusCode, Vec<Cow<'static, str>>) {
        let (status, errors) = match self {
            Self::Body(error) => return (error.status(), vec![error.to_string().into()]),
            Self::PermissionDenied => (StatusCode::FORBIDDEN, vec![DENIED]),
            Self::InvalidLogin => (StatusCode::BAD_REQUEST, vec!["invalid role or secret ID"]),
            Self::InvalidJwt => (StatusCode::BAD_REQUEST, vec!["invalid role or JWT"]),
            Self::Input(expected) => (StatusCode::BAD_REQUEST, vec![*expected]),
            Self::Wrapping => (StatusCode::BAD_REQUEST, vec!["response wrapping is not supported"]),
            Self::NotRenewable => (StatusCode::BAD_REQUEST, vec!["lease is not renewable"]),
            Self::Unserved(Unserved::UnknownPath) => {
                (StatusCode::NOT_FOUND, vec!["no handler for route. route entry not found."])
            }
            Self::Unserved(Unserved::UnknownMethod) => (StatusCode::METHOD_NOT_ALLOWED, vec!["unsupported operation"]),
            Self::Sealed => (StatusCode::SERVICE_UNAVAILABLE, vec!["Vault is sealed"]),
            Self::Panic => internal(),
            Self::Vault(error) => vault_message(error),
        };
        (status, errors.into_iter().map(Cow::from).collect())
    }

    /// Renders the error.
    pub(super) fn respond(&self) -> HttpResponse {
        if let Self::Vault(error) = self {
            log_internal_error(error);
        }
        let (status, errors) = self.message();
        let mut response = uncached(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, HeaderValue::from_static("1")));
        }
        if let Self::Body(error) = self
            && let Some(header) = error.response_header()
        {
            response.insert_header(header);
        }
        response.json(Errors { errors })
    }
}

/// Returns the status and messages of an error of the vault.
fn vault_message(error: &VaultError) -> (StatusCode, Vec<&'static str>) {
    match ItemError::from(error) {
        ItemError::NotFound => (StatusCode::NOT_FOUND, Vec::new()),
        ItemError::Denied => (StatusCode::FORBIDDEN, vec![DENIED]),
        ItemError::Ambiguous => (StatusCode::BAD_REQUEST, vec!["several items have this name"]),
        ItemError::TooMany => (StatusCode::BAD_REQUEST, vec!["too many items to list"]),
        ItemError::ResponseEncryption(reason) => (StatusCode::BAD_REQUEST, vec![reason]),
        ItemError::Temporary => temporary(),
        ItemError::Internal => internal(),
    }
}

fn temporary() -> (StatusCode, Vec<&'static str>) {
    (StatusCode::SERVICE_UNAVAILABLE, vec!["the service is temporarily unavailable; try again"])
}

fn internal() -> (StatusCode, Vec<&'static str>) {
    (StatusCode::INTERNAL_SERVER_ERROR, vec!["internal error"])
}

impl From<AuthenticationFailure> for VaultKvError {
    fn from(failure: AuthenticationFailure) -> Self {
        RouteFailure::of_authentication(failure).map_or(Self::PermissionDenied, Self::from)
    }
}

impl From<VaultError> for VaultKvError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<InputError> for VaultKvError {
    fn from(error: InputError) -> Self {
        Self::Body(error)
    }
}

impl From<RouteFailure> for VaultKvError {
    fn from(failure: RouteFailure) -> Self {
        match failure {
            RouteFailure::Overdue => VaultError::Unavailable(Dependency::Database).into(),
            RouteFailure::Sealed => Self::Sealed,
            failure => InputError::of_route(failure).map_or(Self::Panic, Self::Body),
        }
    }
}

impl From<TokenEndpointError> for VaultKvError {
    fn from(error: TokenEndpointError) -> Self {
        match error {
            TokenEndpointError::InvalidClient => Self::InvalidLogin,
            TokenEndpointError::InvalidDpopProof => {
                Self::Input("the header DPoP must be one proof for this request, used once")
            }
            TokenEndpointError::InvalidGrant => Self::InvalidJwt,
            TokenEndpointError::TooManyAttempts { seconds } => RouteFailure::TooManyAttempts { seconds }.into(),
            TokenEndpointError::Vault(error) => Self::Vault(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{DenyReason, Field, Noun};

    /// The table of errors, one a line.
    #[test]
    fn the_table() {
        let vault = [
            VaultError::NotFound(Noun::Item),
            VaultError::NotFound(Noun::Version),
            VaultError::Denied(DenyReason::ExclusiveCustody),
            VaultError::Denied(DenyReason::Resource),
            VaultError::Denied(DenyReason::Source),
            VaultError::Denied(DenyReason::Revoked),
            VaultError::NotFound(Noun::ResponseKey),
            VaultError::invalid(Field::ResponseEncryption, "a form of the key"),
            VaultError::Ambiguous(Vec::new()),
            VaultError::TooMany(Noun::Item),
            VaultError::Unavailable(Dependency::Grants),
            VaultError::TooManyLists,
            VaultError::NotHeld,
        ];
        let own = [
            VaultKvError::PermissionDenied,
            VaultKvError::InvalidLogin,
            VaultKvError::InvalidJwt,
            VaultKvError::Input("what is expected"),
            VaultKvError::Body(InputError::TooLarge),
            VaultKvError::Body(InputError::Busy),
            VaultKvError::Body(InputError::ContentCoding),
            VaultKvError::Wrapping,
            VaultKvError::NotRenewable,
            VaultKvError::Unserved(Unserved::UnknownPath),
            VaultKvError::Unserved(Unserved::UnknownMethod),
            RouteFailure::Panic.into(),
            RouteFailure::Overdue.into(),
            RouteFailure::Sealed.into(),
            RouteFailure::UnreadableSource.into(),
            RouteFailure::HeadTooLarge.into(),
        ];
        let rows = own.into_iter().chain(vault.map(VaultKvError::Vault)).map(|error| {
            let (status, errors) = error.message();
            assert!(![401, 412].contains(&status.as_u16()), "{error:?}");
            format!("{} {errors:?}  {error:?}\n", status.as_u16())
        });
        insta::assert_snapshot!("errors", rows.collect::<String>());
    }
}
