//! Every error of the vault in the form of these routes: code, message, HTTP status (contract, section 1.5).
//!
//! All codes but `0xA011004A` are ours, in the form that clients expect.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::response;
use crate::http::server::log_internal_error;
use crate::store::StoreError;
use crate::vault::authentication::AuthenticationFailure;
use crate::vault::keyfactor::KeyfactorError as RuleError;
use crate::vault::{InvalidInput, VaultError};

/// An error as it is sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ErrorReply {
    /// The kind of error.
    error_code: &'static str,
    /// What is wrong, for a person.
    message: String,
}

/// An error of a request.
#[derive(Clone, Debug)]
pub(super) enum KeyfactorError {
    CredentialsMissing,
    InvalidCredentials,
    TooManyFailures,
    Vault(VaultError),
}

/// Status, code and message of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl KeyfactorError {
    /// The error of a failed authentication.
    pub(super) fn unauthenticated(failure: AuthenticationFailure) -> Self {
        match failure {
            AuthenticationFailure::TokenMissing => Self::CredentialsMissing,
            AuthenticationFailure::TooMany => Self::TooManyFailures,
            _ => Self::InvalidCredentials,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::CredentialsMissing => Message::unauthenticated("Credentials are required: Basic or Bearer"),
            Self::InvalidCredentials => Message::unauthenticated("The credentials are not good"),
            Self::TooManyFailures => {
                let message = "Too many wrong passwords; try again later";
                Message::new(StatusCode::TOO_MANY_REQUESTS, "0xA0110129", message)
            }
            Self::Vault(error) => message_of(error),
        }
    }
}

impl From<VaultError> for KeyfactorError {
    fn from(error: VaultError) -> Self {
        log_internal_error(&error);
        Self::Vault(error)
    }
}

impl Message {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "0xA0110001", message)
    }

    fn unauthenticated(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "0xA0110101", message)
    }

    fn missing(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "0xA0110104", message)
    }

    fn conflict(message: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "0xA0110109", message)
    }
}

/// The table of the vault's errors.
fn message_of(error: &VaultError) -> Message {
    match error {
        VaultError::NotAuthorized(_) | VaultError::ReadOnly => {
            Message::new(StatusCode::FORBIDDEN, "0xA0110103", "The caller does not hold the permission for this")
        }
        VaultError::Invalid(InvalidInput::TooLarge) => {
            Message::new(StatusCode::PAYLOAD_TOO_LARGE, "0xA0110113", InvalidInput::TooLarge.to_string())
        }
        VaultError::Invalid(input) => Message::bad(input.to_string()),
        VaultError::NoSuchRoute => Message::missing("There is no such endpoint"),
        VaultError::NoSuchMethod => {
            Message::new(StatusCode::METHOD_NOT_ALLOWED, "0xA0110105", "The endpoint does not have this method")
        }
        VaultError::Keyfactor(error) => message_of_rule(error),
        VaultError::Store(StoreError::Busy | StoreError::Unavailable(_) | StoreError::Contended) => {
            let message = "The service is temporarily unavailable; try again";
            Message::new(StatusCode::SERVICE_UNAVAILABLE, "0xA0110153", message)
        }
        // Internal errors, and errors of other nouns, which no request of this family can cause.
        _ => Message::new(StatusCode::INTERNAL_SERVER_ERROR, "0xA0110150", "An unexpected error occurred"),
    }
}

/// The table of the family's own errors.
fn message_of_rule(error: &RuleError) -> Message {
    match error {
        RuleError::ApiVersion => {
            Message::bad("Invalid header x-keyfactor-api-version: the endpoint does not speak this version")
        }
        RuleError::RequestedWithMissing => Message::bad("The header x-keyfactor-requested-with is required"),
        RuleError::SortField => Message::new(
            StatusCode::BAD_REQUEST,
            "0xA011004A",
            "Invalid parameter SortField: the list cannot be sorted by this field",
        ),
        RuleError::TypeNotFound => Message::missing("There is no such PAM provider type"),
        RuleError::TypeNameTaken => Message::conflict("Invalid parameter Name: a PAM provider type has this name"),
        RuleError::TypeBuiltIn => Message::conflict("The PAM provider type is built in and stays"),
        RuleError::TypeInUse => Message::conflict("The PAM provider type is in use by a PAM provider"),
        RuleError::ProviderNotFound => Message::missing("There is no such PAM provider"),
        RuleError::ProviderNameTaken => Message::conflict("Invalid parameter Name: a PAM provider has this name"),
        RuleError::ProviderInUse => Message::conflict("The PAM provider has entries; delete those first"),
        RuleError::ValueMissing { parameter } => Message::bad(format!(
            "Invalid parameter ProviderTypeParamValues: a value for {parameter} is required unless Remote is true"
        )),
        RuleError::ProviderNotLocal => Message::bad(
            "Invalid parameter providerId: only a PAM provider of the type Command Secret Provider has entries",
        ),
        RuleError::EntryNotFound => Message::missing("The PAM provider has no such entry"),
        RuleError::EntryNameTaken => {
            Message::conflict("Invalid parameter SecretName: an entry of the PAM provider has this name")
        }
        RuleError::IdentityNotFound => Message::missing("There is no such security identity"),
        RuleError::IdentityTaken => {
            Message::conflict("Invalid parameter AccountName: the account is a security identity already")
        }
        RuleError::OwnIdentity => Message::conflict("The security identity is the caller's own"),
        RuleError::DirectoryUnavailable => Message::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "0xA0110153",
            "The directory of accounts does not answer; try again",
        ),
        RuleError::RoleNotFound => Message::missing("There is no such security role"),
        RuleError::RoleNameTaken => Message::conflict("Invalid parameter Name: a security role has this name"),
        RuleError::RoleImmutable => Message::conflict("The security role is immutable"),
        RuleError::PermissionSetNotFound => Message::missing("There is no such permission set"),
    }
}

impl std::fmt::Display for KeyfactorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message().message)
    }
}

impl ResponseError for KeyfactorError {
    fn status_code(&self) -> StatusCode {
        self.message().status
    }

    fn error_response(&self) -> HttpResponse {
        let Message { status, code, message } = self.message();
        let mut response = response::builder(status).json(ErrorReply { error_code: code, message });
        let header = match status {
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Basic, Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "1")),
            StatusCode::TOO_MANY_REQUESTS => Some((RETRY_AFTER, "60")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::crypto::SealError;
    use crate::vault::Refusal;

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        let mut row = |reason: &str, message: &Message| {
            writeln!(table, "{reason} {} {} {}", message.status.as_u16(), message.code, message.message).unwrap();
        };
        for failure in [
            AuthenticationFailure::TokenMissing,
            AuthenticationFailure::TokenExpired,
            AuthenticationFailure::WrongSecret,
            AuthenticationFailure::TooMany,
        ] {
            row(&format!("{failure:?}"), &KeyfactorError::unauthenticated(failure).message());
        }
        for error in [
            VaultError::NotAuthorized(Refusal::Resource),
            VaultError::NotAuthorized(Refusal::Permission),
            VaultError::ReadOnly,
            VaultError::Invalid(InvalidInput::NotJson),
            VaultError::Invalid(InvalidInput::TooLarge),
            InvalidInput::parameter("Name", "required"),
            VaultError::NoSuchRoute,
            VaultError::NoSuchMethod,
            VaultError::Keyfactor(RuleError::ApiVersion),
            VaultError::Keyfactor(RuleError::RequestedWithMissing),
            VaultError::Keyfactor(RuleError::SortField),
            VaultError::Keyfactor(RuleError::TypeNotFound),
            VaultError::Keyfactor(RuleError::TypeNameTaken),
            VaultError::Keyfactor(RuleError::TypeBuiltIn),
            VaultError::Keyfactor(RuleError::TypeInUse),
            VaultError::Keyfactor(RuleError::ProviderNotFound),
            VaultError::Keyfactor(RuleError::ProviderNameTaken),
            VaultError::Keyfactor(RuleError::ProviderInUse),
            VaultError::Keyfactor(RuleError::ValueMissing { parameter: "Host".into() }),
            VaultError::Keyfactor(RuleError::ProviderNotLocal),
            VaultError::Keyfactor(RuleError::EntryNotFound),
            VaultError::Keyfactor(RuleError::EntryNameTaken),
            VaultError::Keyfactor(RuleError::IdentityNotFound),
            VaultError::Keyfactor(RuleError::IdentityTaken),
            VaultError::Keyfactor(RuleError::OwnIdentity),
            VaultError::Keyfactor(RuleError::DirectoryUnavailable),
            VaultError::Keyfactor(RuleError::RoleNotFound),
            VaultError::Keyfactor(RuleError::RoleNameTaken),
            VaultError::Keyfactor(RuleError::RoleImmutable),
            VaultError::Keyfactor(RuleError::PermissionSetNotFound),
            VaultError::Store(StoreError::Busy),
            VaultError::Store(StoreError::Conflict),
            VaultError::Seal(SealError),
        ] {
            row(error.reason(), &message_of(&error));
        }
        insta::assert_snapshot!(table);
    }
}
