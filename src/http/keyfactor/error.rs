//! Every refusal of the vault as the Keyfactor routes say it: a code, a text, an HTTP status (contract, section 1.5).
//!
//! The codes are ours, in the form that clients expect, but for `0xA011004A`.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::respond;
use crate::http::pam::error::fault;
use crate::vault::authentication::AuthenticationFailure;
use crate::vault::keyfactor::KeyfactorError;
use crate::vault::{InvalidInput, VaultError};

/// A refusal.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorReply {
    /// What kind of refusal it is.
    error_code: &'static str,
    /// What is wrong, for a person.
    message: String,
}

/// A request that was refused, ready to be answered.
#[derive(Clone, Debug)]
pub(in crate::http) struct Refused(Why);

#[derive(Clone, Debug)]
enum Why {
    CredentialsMissing,
    CredentialsNotGood,
    TooManyFailures,
    Vault(VaultError),
}

/// What a client gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refused {
    /// A refusal by the vault.
    pub(super) fn because(error: VaultError) -> Self {
        if let Some(fault) = fault(&error) {
            log::error!("{fault}");
        }
        Self(Why::Vault(error))
    }

    /// A request without credentials, or with such as are not good.
    pub(super) fn unauthenticated(failure: AuthenticationFailure) -> Self {
        Self(match failure {
            AuthenticationFailure::TokenMissing => Why::CredentialsMissing,
            AuthenticationFailure::TooMany => Why::TooManyFailures,
            _ => Why::CredentialsNotGood,
        })
    }

    fn text(&self) -> Text {
        match &self.0 {
            Why::CredentialsMissing => Text::unauthenticated("Credentials are required: Basic or Bearer"),
            Why::CredentialsNotGood => Text::unauthenticated("The credentials are not good"),
            Why::TooManyFailures => {
                let message = "Too many wrong passwords; try again later";
                Text::new(StatusCode::TOO_MANY_REQUESTS, "0xA0110129", message)
            }
            Why::Vault(error) => text_of(error),
        }
    }
}

impl From<VaultError> for Refused {
    fn from(error: VaultError) -> Self {
        Self::because(error)
    }
}

impl Text {
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

/// The table.
fn text_of(error: &VaultError) -> Text {
    match error {
        VaultError::NotAuthorized(_) | VaultError::ReadOnly => {
            Text::new(StatusCode::FORBIDDEN, "0xA0110103", "The caller does not hold the permission for this")
        }
        VaultError::Invalid(InvalidInput::TooLarge) => {
            Text::new(StatusCode::PAYLOAD_TOO_LARGE, "0xA0110113", InvalidInput::TooLarge.to_string())
        }
        VaultError::Invalid(input) => Text::bad(input.to_string()),
        VaultError::NoSuchRoute => Text::missing("There is no such endpoint"),
        VaultError::NoSuchMethod => {
            Text::new(StatusCode::METHOD_NOT_ALLOWED, "0xA0110105", "The endpoint does not have this method")
        }
        VaultError::Keyfactor(error) => text_of_family(error),
        VaultError::Store(error) if error.is_temporary() => {
            let message = "The service is temporarily unavailable; try again";
            Text::new(StatusCode::SERVICE_UNAVAILABLE, "0xA0110153", message)
        }
        // Faults of ours, and refusals of the PAM service's own rules, which no call of this family meets.
        _ => Text::new(StatusCode::INTERNAL_SERVER_ERROR, "0xA0110150", "An unexpected error occurred"),
    }
}

/// The table of the family's own refusals. A new one asks here for its text.
fn text_of_family(error: &KeyfactorError) -> Text {
    match error {
        KeyfactorError::ApiVersion => {
            Text::bad("Invalid header x-keyfactor-api-version: the endpoint does not speak this version")
        }
        KeyfactorError::RequestedWithMissing => Text::bad("The header x-keyfactor-requested-with is required"),
        KeyfactorError::SortField => Text::new(
            StatusCode::BAD_REQUEST,
            "0xA011004A",
            "Invalid parameter SortField: the list cannot be sorted by this field",
        ),
        KeyfactorError::TypeNotFound => Text::missing("There is no such PAM provider type"),
        KeyfactorError::TypeNameTaken => Text::conflict("Invalid parameter Name: a PAM provider type has this name"),
        KeyfactorError::TypeBuiltIn => Text::conflict("The PAM provider type is built in and stays"),
        KeyfactorError::TypeInUse => Text::conflict("The PAM provider type is in use by a PAM provider"),
        KeyfactorError::ProviderNotFound => Text::missing("There is no such PAM provider"),
        KeyfactorError::ProviderNameTaken => Text::conflict("Invalid parameter Name: a PAM provider has this name"),
        KeyfactorError::ProviderInUse => Text::conflict("The PAM provider has entries; delete those first"),
        KeyfactorError::ValueMissing { parameter } => Text::bad(format!(
            "Invalid parameter ProviderTypeParamValues: a value for {parameter} is required unless Remote is true"
        )),
        KeyfactorError::ProviderNotLocal => Text::bad(
            "Invalid parameter providerId: only a PAM provider of the type Command Secret Provider has entries",
        ),
        KeyfactorError::EntryNotFound => Text::missing("The PAM provider has no such entry"),
        KeyfactorError::EntryNameTaken => {
            Text::conflict("Invalid parameter SecretName: an entry of the PAM provider has this name")
        }
        KeyfactorError::IdentityNotFound => Text::missing("There is no such security identity"),
        KeyfactorError::IdentityTaken => {
            Text::conflict("Invalid parameter AccountName: the account is a security identity already")
        }
        KeyfactorError::OwnIdentity => Text::conflict("The security identity is the caller's own"),
        KeyfactorError::DirectoryUnavailable => Text::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "0xA0110153",
            "The directory of accounts does not answer; try again",
        ),
        KeyfactorError::RoleNotFound => Text::missing("There is no such security role"),
        KeyfactorError::RoleNameTaken => Text::conflict("Invalid parameter Name: a security role has this name"),
        KeyfactorError::RoleImmutable => Text::conflict("The security role is immutable"),
        KeyfactorError::PermissionSetNotFound => Text::missing("There is no such permission set"),
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text().message)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.text().status
    }

    fn error_response(&self) -> HttpResponse {
        let text = self.text();
        let mut response = respond(text.status).json(ErrorReply { error_code: text.code, message: text.message });
        let header = match text.status {
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
    use crate::store::{Cause, StoreError};
    use crate::vault::Refusal;

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        let mut row = |reason: &str, text: &Text| {
            writeln!(table, "{reason} {} {} {}", text.status.as_u16(), text.code, text.message).unwrap();
        };
        for failure in [
            AuthenticationFailure::TokenMissing,
            AuthenticationFailure::TokenExpired,
            AuthenticationFailure::WrongSecret,
            AuthenticationFailure::TooMany,
        ] {
            row(&format!("{failure:?}"), &Refused::unauthenticated(failure).text());
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
            VaultError::Keyfactor(KeyfactorError::ApiVersion),
            VaultError::Keyfactor(KeyfactorError::RequestedWithMissing),
            VaultError::Keyfactor(KeyfactorError::SortField),
            VaultError::Keyfactor(KeyfactorError::TypeNotFound),
            VaultError::Keyfactor(KeyfactorError::TypeNameTaken),
            VaultError::Keyfactor(KeyfactorError::TypeBuiltIn),
            VaultError::Keyfactor(KeyfactorError::TypeInUse),
            VaultError::Keyfactor(KeyfactorError::ProviderNotFound),
            VaultError::Keyfactor(KeyfactorError::ProviderNameTaken),
            VaultError::Keyfactor(KeyfactorError::ProviderInUse),
            VaultError::Keyfactor(KeyfactorError::ValueMissing { parameter: "Host".into() }),
            VaultError::Keyfactor(KeyfactorError::ProviderNotLocal),
            VaultError::Keyfactor(KeyfactorError::EntryNotFound),
            VaultError::Keyfactor(KeyfactorError::EntryNameTaken),
            VaultError::Keyfactor(KeyfactorError::IdentityNotFound),
            VaultError::Keyfactor(KeyfactorError::IdentityTaken),
            VaultError::Keyfactor(KeyfactorError::OwnIdentity),
            VaultError::Keyfactor(KeyfactorError::DirectoryUnavailable),
            VaultError::Keyfactor(KeyfactorError::RoleNotFound),
            VaultError::Keyfactor(KeyfactorError::RoleNameTaken),
            VaultError::Keyfactor(KeyfactorError::RoleImmutable),
            VaultError::Keyfactor(KeyfactorError::PermissionSetNotFound),
            VaultError::Store(StoreError::Busy),
            VaultError::Store(StoreError::Conflict(Cause::default())),
            VaultError::Seal(SealError),
        ] {
            row(error.reason(), &text_of(&error));
        }
        insta::assert_snapshot!(table);
    }
}
