//! The error of a request, and its answer (contract, section 1.5).

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::error_message::{Message, failure_message, request_message, unserved_message, vault_message};
use super::request_error::RequestError;
use super::response;
use crate::http::challenge;
use crate::http::family::{RouteFailure, Unserved};
use crate::http::server::log_internal_error;
use crate::store::StoreError;
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
    /// Account and password are invalid.
    InvalidCredentials,
    /// The bearer token is invalid. The message is that of invalid credentials, the challenge names the token.
    InvalidToken,
    /// Too many attempts with wrong passwords or tokens, for so many seconds.
    TooManyFailures(u32),
    /// No endpoint serves the request.
    Unserved(Unserved),
    /// The request failed outside of its handler.
    Failed(RouteFailure),
    /// The protocol refuses the request.
    Request(RequestError),
    /// The vault refuses the request, or failed.
    Vault(VaultError),
}

impl KeyfactorError {
    pub(super) fn message(&self) -> Message {
        match self {
            Self::CredentialsMissing => Message::unauthenticated("Credentials are required: Basic or Bearer"),
            Self::InvalidCredentials | Self::InvalidToken => Message::invalid_credentials(),
            Self::TooManyFailures(_) => {
                let message = "Too many wrong passwords; try again later";
                Message::new(StatusCode::TOO_MANY_REQUESTS, "0xA0110129", message)
            }
            Self::Unserved(unserved) => unserved_message(*unserved),
            Self::Failed(failure) => failure_message(*failure),
            Self::Request(error) => request_message(*error),
            Self::Vault(error) => vault_message(error),
        }
    }
}

impl KeyfactorError {
    /// Converts the failure of a bearer token.
    pub(super) fn from_token_failure(failure: AuthenticationFailure) -> Self {
        match Self::from(failure) {
            Self::InvalidCredentials => Self::InvalidToken,
            other => other,
        }
    }
}

impl From<AuthenticationFailure> for KeyfactorError {
    /// Converts a failure without its exact reason, which only the audit log contains.
    fn from(failure: AuthenticationFailure) -> Self {
        match failure {
            AuthenticationFailure::TokenMissing => Self::CredentialsMissing,
            AuthenticationFailure::TooManyAttempts { seconds } => Self::TooManyFailures(seconds),
            AuthenticationFailure::Busy => Self::Vault(VaultError::Store(StoreError::Busy)),
            AuthenticationFailure::UnknownClient
            | AuthenticationFailure::WrongSecret
            | AuthenticationFailure::ClientNotLive
            | AuthenticationFailure::OriginNotAllowed(_)
            | AuthenticationFailure::WrongTenant
            | AuthenticationFailure::TokenInvalid
            | AuthenticationFailure::TokenExpired
            | AuthenticationFailure::TokenRevoked
            | AuthenticationFailure::UrlNotValid
            | AuthenticationFailure::AppIdNotAllowed
            | AuthenticationFailure::AppIdAmbiguous
            | AuthenticationFailure::AppIdOfAnother
            | AuthenticationFailure::TokenNotBound
            | AuthenticationFailure::NoPossession
            | AuthenticationFailure::WrongAssertion
            | AuthenticationFailure::Replayed
            | AuthenticationFailure::WrongSignature
            | AuthenticationFailure::TimestampRefused
            | AuthenticationFailure::NonceUsed
            | AuthenticationFailure::Workload(_) => Self::InvalidCredentials,
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
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                let is_token = matches!(self, Self::InvalidToken);
                headers.append(WWW_AUTHENTICATE, challenge::BASIC);
                let bearer = if is_token { challenge::BEARER_INVALID_TOKEN } else { challenge::BEARER };
                headers.append(WWW_AUTHENTICATE, bearer);
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                if let Self::Request(RequestError::Input(error)) = self
                    && let Some((name, value)) = error.response_header()
                {
                    headers.append(name, value);
                }
            }
            StatusCode::SERVICE_UNAVAILABLE => headers.append(RETRY_AFTER, HeaderValue::from_static("1")),
            StatusCode::TOO_MANY_REQUESTS => {
                if let Self::TooManyFailures(seconds) = self {
                    headers.append(RETRY_AFTER, HeaderValue::from(*seconds));
                }
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests;
