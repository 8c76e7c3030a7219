//! Errors of the OAuth endpoints (RFC 6749, section 5.2).

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use oauth2::basic::BasicErrorResponseType as Code;

use super::wire::{ErrorReply, uncached};
use crate::http::challenge;
use crate::http::family::{RouteFailure, Unserved};
use crate::http::input_error::InputError;
use crate::http::server::{BodyError, is_temporary, log_internal_error};
use crate::vault::access::token_endpoint::TokenEndpointError;
use crate::vault::{Dependency, VaultError};

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    InvalidClient,
    /// The token of a workload is refused.
    InvalidGrant,
    CredentialsInQuery,
    TwoMethods,
    AssertionType,
    DpopProof,
    /// The body is JSON, and not an object of strings, numbers and booleans.
    NotFlat,
    /// The body is neither a form nor JSON.
    MediaType,
    Input(InputError),
    GrantTypeMissing,
    GrantTypeUnsupported,
    /// A parameter of the grant is missing or has a wrong value.
    GrantParameter(&'static str),
    TokenMissing,
    UnknownPath,
    UnknownMethod,
    /// Too many failures of the client, or from its network, for so many seconds.
    TooManyAttempts(u32),
    Temporary,
    Sealed,
    Unexpected,
}

impl From<BodyError> for ErrorKind {
    fn from(error: BodyError) -> Self {
        // Its own message names the types of other endpoints, too.
        if error == BodyError::MediaType { Self::MediaType } else { Self::Input(error.into()) }
    }
}

/// An error response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OAuthError(ErrorKind);

impl From<ErrorKind> for OAuthError {
    fn from(kind: ErrorKind) -> Self {
        Self(kind)
    }
}

impl From<TokenEndpointError> for OAuthError {
    fn from(error: TokenEndpointError) -> Self {
        match error {
            TokenEndpointError::InvalidClient => Self(ErrorKind::InvalidClient),
            TokenEndpointError::InvalidDpopProof => Self(ErrorKind::DpopProof),
            TokenEndpointError::InvalidGrant => Self(ErrorKind::InvalidGrant),
            TokenEndpointError::TooManyAttempts { seconds } => Self(ErrorKind::TooManyAttempts(seconds)),
            TokenEndpointError::Vault(error) => error.into(),
        }
    }
}

impl OAuthError {
    fn message(&self) -> (StatusCode, Code, String) {
        let other = |name: &str| Code::Extension(name.into());
        let bad = StatusCode::BAD_REQUEST;
        let (status, code, description) = match self.0 {
            // The only error of a body that is not of the client.
            ErrorKind::Input(error @ InputError::Busy) => {
                return (error.status(), other("temporarily_unavailable"), error.to_string());
            }
            ErrorKind::Input(error) => return (error.status(), Code::InvalidRequest, error.to_string()),
            ErrorKind::InvalidClient => (StatusCode::UNAUTHORIZED, Code::InvalidClient, "Client authentication failed"),
            ErrorKind::InvalidGrant => (bad, Code::InvalidGrant, "The assertion is not accepted"),
            ErrorKind::CredentialsInQuery => (bad, Code::InvalidRequest, "Secrets must not be sent in the URL"),
            ErrorKind::TwoMethods => (bad, Code::InvalidRequest, "The client authenticates in more than one way"),
            ErrorKind::AssertionType => (
                bad,
                Code::InvalidRequest,
                "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ErrorKind::DpopProof => {
                (bad, other("invalid_dpop_proof"), "The header DPoP must be one proof for this request, used once")
            }
            ErrorKind::NotFlat => {
                (bad, Code::InvalidRequest, "The request body must be an object of strings, numbers and booleans")
            }
            ErrorKind::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Code::InvalidRequest,
                "The request body must be application/x-www-form-urlencoded or application/json",
            ),
            ErrorKind::GrantTypeMissing => (bad, Code::InvalidRequest, "grant_type is missing"),
            ErrorKind::GrantTypeUnsupported => (
                bad,
                Code::UnsupportedGrantType,
                "The grants client_credentials, jwt-bearer and token-exchange are supported",
            ),
            ErrorKind::GrantParameter(expected) => (bad, Code::InvalidRequest, expected),
            ErrorKind::TokenMissing => (bad, Code::InvalidRequest, "token is missing"),
            ErrorKind::UnknownPath => (StatusCode::NOT_FOUND, Code::InvalidRequest, "Endpoint not found"),
            ErrorKind::UnknownMethod => (StatusCode::METHOD_NOT_ALLOWED, Code::InvalidRequest, "Method not allowed"),
            ErrorKind::TooManyAttempts(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                other("temporarily_unavailable"),
                "Too many failed authentications; try again later",
            ),
            ErrorKind::Temporary => (
                StatusCode::SERVICE_UNAVAILABLE,
                other("temporarily_unavailable"),
                "The service is temporarily unavailable; try again",
            ),
            ErrorKind::Sealed => {
                (StatusCode::SERVICE_UNAVAILABLE, other("temporarily_unavailable"), "The vault is sealed")
            }
            ErrorKind::Unexpected => (StatusCode::INTERNAL_SERVER_ERROR, other("server_error"), "Unexpected error"),
        };
        (status, code, description.into())
    }
}

impl From<VaultError> for OAuthError {
    fn from(error: VaultError) -> Self {
        log_internal_error(&error);
        if let VaultError::Denied(_) = error {
            // Disabled while the request was waiting.
            return Self(ErrorKind::InvalidClient);
        }
        Self(if is_temporary(&error) { ErrorKind::Temporary } else { ErrorKind::Unexpected })
    }
}

impl From<Unserved> for OAuthError {
    fn from(unserved: Unserved) -> Self {
        Self(match unserved {
            Unserved::UnknownPath => ErrorKind::UnknownPath,
            Unserved::UnknownMethod => ErrorKind::UnknownMethod,
        })
    }
}

impl From<RouteFailure> for OAuthError {
    fn from(failure: RouteFailure) -> Self {
        match failure {
            RouteFailure::Overdue => VaultError::Unavailable(Dependency::Database).into(),
            RouteFailure::Sealed => Self(ErrorKind::Sealed),
            failure => Self(InputError::of_route(failure).map_or(ErrorKind::Unexpected, ErrorKind::Input)),
        }
    }
}

impl std::fmt::Display for OAuthError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message().2)
    }
}

impl ResponseError for OAuthError {
    fn status_code(&self) -> StatusCode {
        self.message().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code, description) = self.message();
        let mut response = uncached(HttpResponse::build(status).json(ErrorReply::new(code, description)));
        let header = match self.0 {
            // The only scheme of this endpoint, also for a client that sent its credentials in the body.
            ErrorKind::InvalidClient => Some((WWW_AUTHENTICATE, challenge::BASIC)),
            ErrorKind::TooManyAttempts(seconds) => Some((RETRY_AFTER, HeaderValue::from(seconds))),
            ErrorKind::Temporary | ErrorKind::Sealed => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            ErrorKind::Input(error) => error.response_header(),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::DenyReason;

    /// The table of errors, one a line.
    #[test]
    fn the_table() {
        let own = [
            ErrorKind::InvalidClient,
            ErrorKind::InvalidGrant,
            ErrorKind::CredentialsInQuery,
            ErrorKind::TwoMethods,
            ErrorKind::AssertionType,
            ErrorKind::DpopProof,
            ErrorKind::NotFlat,
            ErrorKind::MediaType,
            BodyError::TooLarge.into(),
            BodyError::ContentCoding.into(),
            BodyError::Busy.into(),
            ErrorKind::Input(InputError::repeated("client_secret")),
            ErrorKind::GrantTypeMissing,
            ErrorKind::GrantTypeUnsupported,
            ErrorKind::GrantParameter("what is expected"),
            ErrorKind::TokenMissing,
            ErrorKind::UnknownPath,
            ErrorKind::UnknownMethod,
            ErrorKind::TooManyAttempts(60),
        ];
        let failures = [
            RouteFailure::Panic,
            RouteFailure::Overdue,
            RouteFailure::Sealed,
            RouteFailure::UnreadableSource,
            RouteFailure::HeadTooLarge,
        ];
        let vault =
            [VaultError::Denied(DenyReason::Revoked), VaultError::Unavailable(Dependency::Grants), VaultError::NotHeld];
        let errors = own.map(OAuthError::from).into_iter();
        let errors = errors.chain(failures.map(OAuthError::from)).chain(vault.map(OAuthError::from));
        let rows = errors.map(|error| {
            let (status, code, description) = error.message();
            let response = error.error_response();
            let is_later = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), is_later, "{error:?}");
            format!("{} {} {description:?}  {:?}\n", status.as_u16(), code.as_ref(), error.0)
        });
        insta::assert_snapshot!("errors", rows.collect::<String>());
    }
}
