//! Refusals at the token endpoint (RFC 6749, section 5.2).

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use oauth2::basic::BasicErrorResponseType as Kind;

use super::wire::OAuthError;
use crate::vault::VaultError;
use crate::vault::authentication::TokenRefusal;

/// What is wrong with a request before the vault is asked, or its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Client,
    CredentialsInQuery,
    TwoMethods,
    Repeated,
    Unreadable,
    GrantTypeMissing,
    GrantType,
    TokenMissing,
    Later,
    Unexpected,
}

/// A refusal, ready to be answered.
#[derive(Clone, Debug)]
pub struct OAuthRefused {
    flaw: Flaw,
    basic: bool,
}

impl OAuthRefused {
    pub(super) fn flaw(flaw: Flaw, basic: bool) -> Self {
        Self { flaw, basic }
    }

    pub(super) fn by_vault(refusal: TokenRefusal, basic: bool) -> Self {
        let flaw = match refusal {
            TokenRefusal::Client => Flaw::Client,
            TokenRefusal::Vault(error) => {
                log::error!("the token endpoint failed: {error}");
                match error {
                    VaultError::Store(error) if error.is_temporary() => Flaw::Later,
                    _ => Flaw::Unexpected,
                }
            }
        };
        Self { flaw, basic }
    }

    fn text(&self) -> (StatusCode, Kind, &'static str) {
        let other = |name: &str| Kind::Extension(name.into());
        match self.flaw {
            Flaw::Client => (StatusCode::UNAUTHORIZED, Kind::InvalidClient, "Client authentication failed"),
            Flaw::CredentialsInQuery => {
                (StatusCode::BAD_REQUEST, Kind::InvalidRequest, "Secrets must not be sent in the URL")
            }
            Flaw::TwoMethods => {
                (StatusCode::BAD_REQUEST, Kind::InvalidRequest, "Credentials came both by Basic and in the body")
            }
            Flaw::Repeated => (StatusCode::BAD_REQUEST, Kind::InvalidRequest, "A parameter came more than once"),
            Flaw::Unreadable => (StatusCode::BAD_REQUEST, Kind::InvalidRequest, "The request body cannot be read"),
            Flaw::GrantTypeMissing => (StatusCode::BAD_REQUEST, Kind::InvalidRequest, "grant_type is missing"),
            Flaw::GrantType => {
                (StatusCode::BAD_REQUEST, Kind::UnsupportedGrantType, "Only client_credentials is supported")
            }
            Flaw::TokenMissing => (StatusCode::BAD_REQUEST, Kind::InvalidRequest, "token is missing"),
            Flaw::Later => (
                StatusCode::SERVICE_UNAVAILABLE,
                other("temporarily_unavailable"),
                "The service is temporarily unavailable; try again",
            ),
            Flaw::Unexpected => (StatusCode::INTERNAL_SERVER_ERROR, other("server_error"), "Unexpected error"),
        }
    }
}

impl std::fmt::Display for OAuthRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text().2)
    }
}

impl ResponseError for OAuthRefused {
    fn status_code(&self) -> StatusCode {
        self.text().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, kind, description) = self.text();
        let mut response = super::uncached(HttpResponse::build(status).json(OAuthError::new(kind, description)));
        let header = match self.flaw {
            Flaw::Client if self.basic => Some((WWW_AUTHENTICATE, "Basic realm=\"chaveiro\"")),
            Flaw::Client => Some((WWW_AUTHENTICATE, "Bearer")),
            Flaw::Later => Some((RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
