//! The errors of these routes: a status, a stable code and a message.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::conventions::{self, Issue};
use crate::http::challenge;
use crate::http::family::{RouteFailure, Unserved};
use crate::http::input_error::InputError;
use crate::http::preconditions::WithETag;
use crate::http::response::uncached;
use crate::http::server::{is_temporary, log_internal_error};
use crate::vault::access::authentication::AuthenticationFailure;
use crate::vault::{DenyReason, Dependency, Precondition, VaultError};

/// An error of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ApiError {
    TokenMissing,
    InvalidToken,
    /// The query, by its parameter and what is expected of it.
    Invalid(Issue),
    /// `fields` names a field that holds a secret.
    SensitiveField,
    /// Another part of the request.
    Input(InputError),
    /// Over the limit, for so many seconds.
    TooManyRequests {
        seconds: i64,
    },
    Unserved(Unserved),
    Sealed,
    Panic,
    Vault(VaultError),
}

/// An error of a permitted route, with the id of its request.
pub(super) struct Failure {
    pub(super) error: ApiError,
    pub(super) request_id: String,
}

/// Status, code and message of an error.
type Message = (StatusCode, &'static str, String);

impl ApiError {
    /// Creates the error of a parameter.
    pub(super) fn invalid(field: &'static str, issue: &'static str) -> Self {
        Self::Invalid(Issue { field, issue })
    }

    /// Returns the reason in the audit log; stable.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::SensitiveField => "sensitive-field",
            _ => "invalid-input",
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::TokenMissing => unauthenticated("The request has no access token"),
            Self::InvalidToken => unauthenticated("The access token is not valid"),
            Self::Invalid(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "validation_error", "A parameter is not valid".into())
            }
            Self::SensitiveField => (
                StatusCode::FORBIDDEN,
                "sensitive_field",
                "A field in `fields` holds a secret, and is not shown here".into(),
            ),
            Self::Input(error) => (error.status(), "invalid_request", error.to_string()),
            Self::TooManyRequests { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests in this minute".into())
            }
            Self::Unserved(Unserved::UnknownPath) => {
                (StatusCode::NOT_FOUND, "not_found", "There is no such path".into())
            }
            Self::Unserved(Unserved::UnknownMethod) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not have this method".into())
            }
            Self::Sealed => (StatusCode::SERVICE_UNAVAILABLE, "sealed", "The vault is sealed".into()),
            Self::Panic => internal(),
            Self::Vault(error) => vault_message(error),
        }
    }

    fn issue(&self) -> Option<Issue> {
        match self {
            Self::Invalid(issue) => Some(*issue),
            Self::SensitiveField => Some(Issue { field: "fields", issue: "must not name a field that holds a secret" }),
            _ => None,
        }
    }

    /// Renders the error.
    pub(super) fn respond(&self, request_id: &str) -> HttpResponse {
        if let Self::Vault(VaultError::Precondition(Precondition::NotModified { etag, .. })) = self {
            return uncached(StatusCode::NOT_MODIFIED).finish().with_etag(Some(etag));
        }
        if let Self::Vault(error) = self {
            log_internal_error(error);
        }
        let (status, code, message) = self.message();
        let mut response = uncached(status);
        if let Some((name, value)) = match self {
            Self::TokenMissing => Some((WWW_AUTHENTICATE, challenge::BEARER)),
            Self::InvalidToken => Some((WWW_AUTHENTICATE, challenge::BEARER_INVALID_TOKEN)),
            Self::TooManyRequests { seconds } => Some((RETRY_AFTER, HeaderValue::from(*seconds))),
            Self::Input(error) => error.response_header(),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        } {
            response.insert_header((name, value));
        }
        let response = response.json(conventions::error(code, &message, self.issue(), request_id));
        match self {
            Self::Vault(VaultError::Precondition(Precondition::Failed { etag })) => response.with_etag(etag.as_ref()),
            _ => response,
        }
    }
}

/// Returns the message of an error of the vault. What does not exist and what the client may not see are the same. An error
/// that no request of this family causes is internal.
fn vault_message(error: &VaultError) -> Message {
    match error {
        VaultError::NotFound(_) | VaultError::NoAccess(_) => {
            (StatusCode::NOT_FOUND, "not_found", "There is no such credential".into())
        }
        VaultError::Denied(
            DenyReason::Resource
            | DenyReason::Source
            | DenyReason::Referer
            | DenyReason::Certificate
            | DenyReason::ReadOnly
            | DenyReason::Permission
            | DenyReason::OperatorOnly
            | DenyReason::ExclusiveCustody
            | DenyReason::Revoked
            | DenyReason::Replayed,
        ) => (StatusCode::FORBIDDEN, "forbidden", "The authorization does not permit this request".into()),
        VaultError::Precondition(Precondition::Failed { .. }) => (
            StatusCode::PRECONDITION_FAILED,
            "precondition_failed",
            "The resource is not in the state that the request names".into(),
        ),
        error if is_temporary(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The service is temporarily unavailable; try again".into())
        }
        VaultError::Invalid(_)
        | VaultError::Missing(_)
        | VaultError::MissingParameterValue { .. }
        | VaultError::WrongKind(_)
        | VaultError::Inactive(_)
        | VaultError::AlreadyActive(_)
        | VaultError::Taken(_)
        | VaultError::InUse(_)
        | VaultError::Protected(_)
        | VaultError::Ambiguous(_)
        | VaultError::TooMany(_)
        | VaultError::TooManyLists
        | VaultError::NotHeld
        | VaultError::BeingChanged
        | VaultError::AccountAbsent(_)
        | VaultError::AccountNotMade(_)
        | VaultError::Precondition(Precondition::KeyReused | Precondition::NotModified { .. })
        | VaultError::Unavailable(_)
        | VaultError::Store(_)
        | VaultError::Seal(_)
        | VaultError::Token(_) => internal(),
    }
}

fn unauthenticated(message: &str) -> Message {
    (StatusCode::UNAUTHORIZED, "unauthenticated", message.into())
}

fn internal() -> Message {
    (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Internal error".into())
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        match error {
            // Its token was revoked, or its client disabled, while the request was waiting.
            VaultError::Denied(DenyReason::Revoked | DenyReason::Replayed) => Self::InvalidToken,
            error => Self::Vault(error),
        }
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl From<AuthenticationFailure> for ApiError {
    fn from(failure: AuthenticationFailure) -> Self {
        match failure {
            AuthenticationFailure::TokenMissing => Self::TokenMissing,
            failure => RouteFailure::of_authentication(failure).map_or(Self::InvalidToken, Self::from),
        }
    }
}

impl From<RouteFailure> for ApiError {
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
    use crate::vault::Noun;

    /// The table of errors, one a line.
    #[test]
    fn the_table() {
        let own = [
            ApiError::TokenMissing,
            ApiError::InvalidToken,
            ApiError::invalid("credential.active", "expected true or false"),
            ApiError::SensitiveField,
            ApiError::Input(InputError::header("If-None-Match", "what is expected")),
            ApiError::TooManyRequests { seconds: 17 },
            ApiError::Unserved(Unserved::UnknownPath),
            ApiError::Unserved(Unserved::UnknownMethod),
            RouteFailure::Panic.into(),
            RouteFailure::Overdue.into(),
            RouteFailure::Sealed.into(),
            RouteFailure::UnreadableSource.into(),
        ];
        let vault = [
            VaultError::NotFound(Noun::Credential),
            VaultError::NoAccess(Noun::Credential),
            VaultError::Denied(DenyReason::Resource),
            VaultError::Denied(DenyReason::Source),
            VaultError::Denied(DenyReason::Revoked),
            VaultError::Precondition(Precondition::Failed { etag: None }),
            VaultError::Unavailable(Dependency::Grants),
            VaultError::TooManyLists,
            VaultError::NotHeld,
        ];
        let rows = own.into_iter().chain(vault.map(ApiError::from)).map(|error| {
            let (status, code, message) = error.message();
            format!("{} {code}: {message}  {:?}\n", status.as_u16(), error.issue())
        });
        insta::assert_snapshot!("errors", rows.collect::<String>());
    }
}
