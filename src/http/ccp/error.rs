//! Errors: a code and a message of the vendor, and a status (contract facades, section 3.4).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::family::{RouteFailure, Unserved};
use crate::http::item_error::ItemError;
use crate::http::response::uncached;
use crate::http::server::log_internal_error;
use crate::vault::VaultError;
use crate::vault::access::authentication::AuthenticationFailure;

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CcpError {
    /// The request has no AppID.
    NoAppId,
    /// The AppID is unknown, or nothing proves it.
    NotAuthenticated,
    /// A parameter is wrong.
    Parameter(&'static str),
    /// `Query` or `QueryFormat` is wrong.
    Query(&'static str),
    /// No endpoint serves the request.
    Unserved(Unserved),
    /// The request failed outside of its handler.
    Failed(RouteFailure),
    /// An error of the vault.
    Vault(VaultError),
}

/// The body of an error response.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ErrorBody {
    error_code: &'static str,
    error_msg: String,
}

/// A status, a code and a message.
type Message = (StatusCode, &'static str, &'static str);

const NOT_FOUND: Message = (
    StatusCode::NOT_FOUND,
    "APPAP004E",
    "Password object matching query was not found (Diagnostic Info: 5). Please check that there is a password object that \
     answers your query in the Vault and that both the Provider and the application user have the appropriate permissions \
     needed in order to use the password.",
);
const NOT_AUTHENTICATED: Message = (
    StatusCode::FORBIDDEN,
    "APPAP306E",
    "Application authentication failed. Check the AppID, its allowed addresses, and the client certificate.",
);
const TOO_MANY: Message = (
    StatusCode::BAD_REQUEST,
    "APPAP229E",
    "Too many password objects match the query. Add properties, so that one is left.",
);
const BEING_CHANGED: Message =
    (StatusCode::INTERNAL_SERVER_ERROR, "APPAP282E", "The password is currently being changed. Try again later.");
const UNAVAILABLE: Message = (StatusCode::BAD_REQUEST, "APPAP007E", "Connection to the Vault has failed. Try again.");
const SEALED: Message = (StatusCode::SERVICE_UNAVAILABLE, "APPAP007E", "The vault is sealed.");
const INTERNAL: Message = (StatusCode::INTERNAL_SERVER_ERROR, "APPAP007E", "Internal error.");

const INVALID: &str = "APPAP081E";

impl CcpError {
    fn message(&self) -> Message {
        match self {
            Self::NoAppId => {
                (StatusCode::BAD_REQUEST, "AIMWS031E", "Invalid request. The AppID parameter is required.")
            }
            Self::NotAuthenticated => NOT_AUTHENTICATED,
            Self::Parameter(expected) => (StatusCode::BAD_REQUEST, INVALID, expected),
            Self::Query(expected) => (StatusCode::BAD_REQUEST, "AIMWS030E", expected),
            Self::Unserved(Unserved::UnknownPath) => (StatusCode::NOT_FOUND, INVALID, "there is no such service"),
            Self::Unserved(Unserved::UnknownMethod) => (StatusCode::METHOD_NOT_ALLOWED, INVALID, "send GET"),
            Self::Failed(RouteFailure::Panic) => INTERNAL,
            Self::Failed(RouteFailure::Overdue) => UNAVAILABLE,
            Self::Failed(RouteFailure::Sealed) => SEALED,
            Self::Failed(RouteFailure::UnreadableSource) => {
                (StatusCode::BAD_REQUEST, INVALID, "the proxy sends no readable source address")
            }
            Self::Failed(RouteFailure::HeadTooLarge) => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, INVALID, "the headers of the request are too large")
            }
            Self::Failed(RouteFailure::TooManyAttempts { .. }) => (
                StatusCode::TOO_MANY_REQUESTS,
                NOT_AUTHENTICATED.1,
                "Too many failed authentications. Try again later.",
            ),
            Self::Vault(error) => vault_message(error),
        }
    }

    /// Renders the error.
    pub(super) fn respond(&self) -> HttpResponse {
        if let Self::Vault(error) = self {
            log_internal_error(error);
        }
        let (status, error_code, message) = self.message();
        let lead = if error_code == INVALID { "Request message is invalid: " } else { "" };
        let mut response = uncached(status);
        if let Self::Failed(RouteFailure::TooManyAttempts { seconds }) = self {
            response.insert_header((RETRY_AFTER, HeaderValue::from(*seconds)));
        }
        response.json(ErrorBody { error_code, error_msg: format!("{lead}{message}") })
    }
}

/// Returns the message of an error of the vault. A client that may not ask at all and an unknown one are the same 403.
fn vault_message(error: &VaultError) -> Message {
    if *error == VaultError::BeingChanged {
        return BEING_CHANGED;
    }
    match ItemError::from(error) {
        ItemError::NotFound => NOT_FOUND,
        ItemError::Denied => NOT_AUTHENTICATED,
        ItemError::Ambiguous | ItemError::TooMany => TOO_MANY,
        ItemError::ResponseEncryption(reason) => (StatusCode::BAD_REQUEST, INVALID, reason),
        ItemError::Temporary => UNAVAILABLE,
        ItemError::Internal => INTERNAL,
    }
}

impl From<AuthenticationFailure> for CcpError {
    fn from(failure: AuthenticationFailure) -> Self {
        RouteFailure::of_authentication(failure).map_or(Self::NotAuthenticated, Self::from)
    }
}

impl From<VaultError> for CcpError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<RouteFailure> for CcpError {
    fn from(failure: RouteFailure) -> Self {
        Self::Failed(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{DenyReason, Dependency, Field, Noun};

    /// The table of errors, one a line.
    #[test]
    fn the_table() {
        let vault = [
            VaultError::NotFound(Noun::Item),
            VaultError::Denied(DenyReason::ExclusiveCustody),
            VaultError::Denied(DenyReason::Resource),
            VaultError::Denied(DenyReason::Source),
            VaultError::Denied(DenyReason::Certificate),
            VaultError::Denied(DenyReason::Revoked),
            VaultError::NotFound(Noun::ResponseKey),
            VaultError::invalid(Field::ResponseEncryption, "a form of the key"),
            VaultError::Ambiguous(Vec::new()),
            VaultError::TooMany(Noun::Item),
            VaultError::Unavailable(Dependency::Grants),
            VaultError::NotHeld,
            VaultError::BeingChanged,
        ];
        let own = [
            CcpError::NoAppId,
            CcpError::NotAuthenticated,
            CcpError::Parameter("what is expected"),
            CcpError::Query("what is expected"),
            CcpError::Unserved(Unserved::UnknownPath),
            CcpError::Unserved(Unserved::UnknownMethod),
            RouteFailure::Panic.into(),
            RouteFailure::Overdue.into(),
            RouteFailure::Sealed.into(),
            RouteFailure::UnreadableSource.into(),
            RouteFailure::HeadTooLarge.into(),
        ];
        let rows = own.into_iter().chain(vault.map(CcpError::Vault)).map(|error| {
            let (status, code, message) = error.message();
            format!("{} {code} {message}  {error:?}\n", status.as_u16())
        });
        insta::assert_snapshot!("errors", rows.collect::<String>());
    }
}
