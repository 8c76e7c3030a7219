//! The error of a request, and its answer (contract, section 1.5).

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::error_message::{Message, request_message, route_message, vault_message};
use super::request_error::RequestError;
use super::response;
use crate::http::family::RouteFailure;
use crate::http::server::log_internal_error;
use crate::vault::VaultError;
use crate::vault::access::authentication::AuthenticationFailure;

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
    /// The request has no credentials.
    CredentialsMissing,
    /// The credentials are invalid.
    InvalidCredentials,
    /// Too many attempts with wrong passwords.
    TooManyFailures,
    /// No handler serves the request.
    Unserved(RouteFailure),
    /// The protocol refuses the request.
    Request(RequestError),
    /// The vault refuses the request, or failed.
    Vault(VaultError),
}

impl KeyfactorError {
    pub(super) fn message(&self) -> Message {
        match self {
            Self::CredentialsMissing => Message::unauthenticated("Credentials are required: Basic or Bearer"),
            Self::InvalidCredentials => Message::invalid_credentials(),
            Self::TooManyFailures => {
                let message = "Too many wrong passwords; try again later";
                Message::new(StatusCode::TOO_MANY_REQUESTS, "0xA0110129", message)
            }
            Self::Unserved(failure) => route_message(*failure),
            Self::Request(error) => request_message(*error),
            Self::Vault(error) => vault_message(error),
        }
    }
}

impl From<AuthenticationFailure> for KeyfactorError {
    /// Converts a failure without its exact reason, which only the audit log contains.
    fn from(failure: AuthenticationFailure) -> Self {
        match failure {
            AuthenticationFailure::TokenMissing => Self::CredentialsMissing,
            AuthenticationFailure::TooManyAttempts => Self::TooManyFailures,
            AuthenticationFailure::UnknownClient
            | AuthenticationFailure::WrongSecret
            | AuthenticationFailure::ClientNotLive
            | AuthenticationFailure::OriginNotAllowed(_)
            | AuthenticationFailure::WrongTenant
            | AuthenticationFailure::TokenInvalid
            | AuthenticationFailure::TokenExpired
            | AuthenticationFailure::TokenRevoked
            | AuthenticationFailure::UrlNotValid => Self::InvalidCredentials,
        }
    }
}

impl From<VaultError> for KeyfactorError {
    fn from(error: VaultError) -> Self {
        log_internal_error(&error);
        Self::Vault(error)
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
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Basic realm=\"chaveiro\", Bearer")),
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
mod tests;
