//! Errors (contract dsm, sections 2 to 4): `response.error` is true and `response.message` says why.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::wire::{ErrorBody, Outcome};
use crate::http::challenge;
use crate::http::family::{RouteFailure, Unserved};
use crate::http::input_error::InputError;
use crate::http::item_error::ItemError;
use crate::http::response::uncached;
use crate::http::server::log_internal_error;
use crate::vault::{Dependency, Field, Noun, Precondition, VaultError};

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DsmError {
    /// No token.
    TokenMissing,
    /// A token that is not valid.
    InvalidToken,
    /// The request cannot be read.
    Input(InputError),
    /// No endpoint serves the request.
    Unserved(Unserved),
    /// The vault is sealed.
    Sealed,
    /// The handler panicked.
    Panic,
    /// An error of the vault.
    Vault(VaultError),
}

/// Status and message.
type Message = (StatusCode, String);

impl DsmError {
    fn message(&self) -> Message {
        let (status, message) = match self {
            Self::Input(error @ InputError::MediaType) => {
                (error.status(), "The request body must be application/json or application/x-www-form-urlencoded")
            }
            Self::Input(error) => return (error.status(), error.to_string()),
            Self::TokenMissing | Self::InvalidToken => (StatusCode::UNAUTHORIZED, "Invalid or expired access token"),
            Self::Unserved(Unserved::UnknownPath) => (StatusCode::NOT_FOUND, "Resource sub not found"),
            Self::Unserved(Unserved::UnknownMethod) => (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::Sealed => (StatusCode::SERVICE_UNAVAILABLE, "The vault is sealed"),
            Self::Panic => internal(),
            Self::Vault(VaultError::Invalid(invalid)) if invalid.field != Field::ResponseEncryption => {
                let message = format!("Invalid parameter {}: {}", parameter(invalid.field), invalid.expected);
                return (StatusCode::BAD_REQUEST, message);
            }
            Self::Vault(VaultError::Missing(field)) => {
                return (StatusCode::BAD_REQUEST, format!("Invalid parameter {}: is missing", parameter(*field)));
            }
            // The operator has disabled what the client registered.
            Self::Vault(VaultError::NoAccess(_)) => denied(),
            Self::Vault(VaultError::TooMany(Noun::Authorization)) => {
                (StatusCode::BAD_REQUEST, "The authorization has registered as many authorizations as it may")
            }
            Self::Vault(VaultError::Precondition(precondition)) => precondition_message(precondition),
            Self::Vault(error) => vault_message(error),
        };
        (status, message.into())
    }

    /// Renders the error.
    pub(super) fn respond(&self) -> HttpResponse {
        if let Self::Vault(error) = self {
            log_internal_error(error);
        }
        let (status, message) = self.message();
        let mut response = uncached(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, HeaderValue::from_static("1")));
        }
        let header = match self {
            Self::TokenMissing => Some((WWW_AUTHENTICATE, challenge::BEARER)),
            Self::InvalidToken => Some((WWW_AUTHENTICATE, challenge::BEARER_INVALID_TOKEN)),
            Self::Input(error) => error.response_header(),
            Self::Unserved(_) | Self::Sealed | Self::Panic | Self::Vault(_) => None,
        };
        if let Some(header) = header {
            response.insert_header(header);
        }
        response.json(ErrorBody { response: Outcome::failure(status, message) })
    }
}

fn precondition_message(precondition: &Precondition) -> (StatusCode, &'static str) {
    match precondition {
        Precondition::KeyReused => (StatusCode::CONFLICT, "The idempotency key was used for another request"),
        Precondition::Failed { .. } => {
            let message = "These objects have no ETag; leave If-Match and If-None-Match out";
            (StatusCode::PRECONDITION_FAILED, message)
        }
        // No read of this family has preconditions.
        Precondition::NotModified { .. } => internal(),
    }
}

fn vault_message(error: &VaultError) -> (StatusCode, &'static str) {
    match ItemError::from(error) {
        ItemError::Denied => denied(),
        ItemError::ResponseEncryption(reason) => (StatusCode::BAD_REQUEST, reason),
        ItemError::TooMany => (StatusCode::BAD_REQUEST, "The authorization has too many secrets for one response"),
        ItemError::Temporary => (StatusCode::SERVICE_UNAVAILABLE, "The service is temporarily unavailable; try again"),
        // No request of this family names an item.
        ItemError::NotFound | ItemError::Ambiguous | ItemError::Internal => internal(),
    }
}

/// Returns the name of a field in these requests.
fn parameter(field: Field) -> &'static str {
    match field {
        Field::AllowedAddress => "allowed_ips",
        Field::AllowedReferer => "allowed_http_referers",
        Field::Certificate => "certificate_fingerprint",
        Field::Content => "data",
        Field::Expiry => "expiration_date",
        Field::Identifier => "identity",
        Field::Name => "application",
        Field::SecretName => "name",
        Field::UniqueKey => "unique_key",
        other => other.as_str(),
    }
}

fn denied() -> (StatusCode, &'static str) {
    (StatusCode::FORBIDDEN, "You are not authorized to access this resource.")
}

fn internal() -> (StatusCode, &'static str) {
    (StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
}

impl From<VaultError> for DsmError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<InputError> for DsmError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl From<RouteFailure> for DsmError {
    fn from(failure: RouteFailure) -> Self {
        match failure {
            RouteFailure::Overdue => VaultError::Unavailable(Dependency::Database).into(),
            RouteFailure::Sealed => Self::Sealed,
            failure => InputError::of_route(failure).map_or(Self::Panic, Self::Input),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{DenyReason, Noun};

    /// The table of errors, one a line.
    #[test]
    fn the_table() {
        let vault = [
            VaultError::Denied(DenyReason::Resource),
            VaultError::Denied(DenyReason::Source),
            VaultError::Denied(DenyReason::Revoked),
            VaultError::NotFound(Noun::ResponseKey),
            VaultError::invalid(Field::ResponseEncryption, "a form of the key"),
            VaultError::invalid(Field::Identifier, "what is expected"),
            VaultError::Missing(Field::System),
            VaultError::NoAccess(Noun::Authorization),
            VaultError::TooMany(Noun::Item),
            VaultError::TooMany(Noun::Authorization),
            VaultError::Precondition(Precondition::KeyReused),
            VaultError::Precondition(Precondition::Failed { etag: None }),
            VaultError::Unavailable(Dependency::Grants),
            VaultError::NotHeld,
        ];
        let own = [
            DsmError::TokenMissing,
            DsmError::InvalidToken,
            InputError::header("Accept-Encryption", "what is expected").into(),
            InputError::MediaType.into(),
            InputError::Busy.into(),
            DsmError::Unserved(Unserved::UnknownPath),
            DsmError::Unserved(Unserved::UnknownMethod),
            RouteFailure::Panic.into(),
            RouteFailure::Overdue.into(),
            RouteFailure::Sealed.into(),
            RouteFailure::UnreadableSource.into(),
            RouteFailure::HeadTooLarge.into(),
        ];
        let rows = own.into_iter().chain(vault.map(DsmError::Vault)).map(|error| {
            let (status, message) = error.message();
            format!("{} {message:?}  {error:?}\n", status.as_u16())
        });
        insta::assert_snapshot!("errors", rows.collect::<String>());
    }
}
