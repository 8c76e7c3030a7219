//! Errors of the OAuth endpoints (RFC 6749, section 5.2).

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use oauth2::basic::BasicErrorResponseType as Code;

use super::wire::{ErrorReply, uncached};
use crate::http::family::RouteFailure;
use crate::http::server::{is_temporary, log_internal_error};
use crate::vault::VaultError;
use crate::vault::access::authentication::TokenEndpointError;

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    InvalidClient,
    CredentialsInQuery,
    TwoMethods,
    Repeated,
    Unreadable,
    GrantTypeMissing,
    GrantTypeUnsupported,
    TokenMissing,
    UnknownPath,
    UnknownMethod,
    UnreadableSource,
    Temporary,
    Unexpected,
}

/// An error response.
#[derive(Clone, Debug)]
pub(super) struct OAuthError {
    kind: ErrorKind,
    /// Whether the client used HTTP Basic; then `WWW-Authenticate` names it.
    basic: bool,
}

impl OAuthError {
    pub(super) fn new(kind: ErrorKind, basic: bool) -> Self {
        Self { kind, basic }
    }

    /// Converts an error of the token endpoint.
    pub(super) fn from_endpoint(error: TokenEndpointError, basic: bool) -> Self {
        match error {
            TokenEndpointError::InvalidClient => Self::new(ErrorKind::InvalidClient, basic),
            TokenEndpointError::Vault(error) => Self { basic, ..Self::from(error) },
        }
    }

    fn message(&self) -> (StatusCode, Code, &'static str) {
        let other = |name: &str| Code::Extension(name.into());
        let bad = StatusCode::BAD_REQUEST;
        match self.kind {
            ErrorKind::InvalidClient => (StatusCode::UNAUTHORIZED, Code::InvalidClient, "Client authentication failed"),
            ErrorKind::CredentialsInQuery => (bad, Code::InvalidRequest, "Secrets must not be sent in the URL"),
            ErrorKind::TwoMethods => (bad, Code::InvalidRequest, "Credentials came both by Basic and in the body"),
            ErrorKind::Repeated => (bad, Code::InvalidRequest, "A parameter came more than once"),
            ErrorKind::Unreadable => (bad, Code::InvalidRequest, "The request body cannot be read"),
            ErrorKind::GrantTypeMissing => (bad, Code::InvalidRequest, "grant_type is missing"),
            ErrorKind::GrantTypeUnsupported => {
                (bad, Code::UnsupportedGrantType, "Only client_credentials is supported")
            }
            ErrorKind::TokenMissing => (bad, Code::InvalidRequest, "token is missing"),
            ErrorKind::UnknownPath => (StatusCode::NOT_FOUND, Code::InvalidRequest, "Endpoint not found"),
            ErrorKind::UnknownMethod => (StatusCode::METHOD_NOT_ALLOWED, Code::InvalidRequest, "Method not allowed"),
            ErrorKind::UnreadableSource => (bad, Code::InvalidRequest, "The proxy sends no readable source address"),
            ErrorKind::Temporary => (
                StatusCode::SERVICE_UNAVAILABLE,
                other("temporarily_unavailable"),
                "The service is temporarily unavailable; try again",
            ),
            ErrorKind::Unexpected => (StatusCode::INTERNAL_SERVER_ERROR, other("server_error"), "Unexpected error"),
        }
    }
}

impl From<VaultError> for OAuthError {
    fn from(error: VaultError) -> Self {
        log_internal_error(&error);
        if let VaultError::Denied(_) = error {
            // Disabled while the request was waiting.
            return Self::new(ErrorKind::InvalidClient, false);
        }
        let kind = if is_temporary(&error) { ErrorKind::Temporary } else { ErrorKind::Unexpected };
        Self::new(kind, false)
    }
}

impl From<RouteFailure> for OAuthError {
    fn from(failure: RouteFailure) -> Self {
        let kind = match failure {
            RouteFailure::UnknownPath => ErrorKind::UnknownPath,
            RouteFailure::UnknownMethod => ErrorKind::UnknownMethod,
            RouteFailure::Panic => ErrorKind::Unexpected,
            RouteFailure::UnreadableSource => ErrorKind::UnreadableSource,
        };
        Self::new(kind, false)
    }
}

impl std::fmt::Display for OAuthError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message().2)
    }
}

impl ResponseError for OAuthError {
    fn status_code(&self) -> StatusCode {
        self.message().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code, description) = self.message();
        let mut response = uncached(HttpResponse::build(status).json(ErrorReply::new(code, description)));
        let header = match self.kind {
            ErrorKind::InvalidClient if self.basic => Some((WWW_AUTHENTICATE, "Basic realm=\"chaveiro\"")),
            ErrorKind::InvalidClient => Some((WWW_AUTHENTICATE, "Bearer")),
            ErrorKind::Temporary => Some((RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
