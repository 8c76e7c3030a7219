//! Authentication of a request: by its bearer token or, where the settings allow it, by a signature of OAuth 1.0.

use actix_web::HttpRequest;
use actix_web::dev::Payload;

use super::error::PamError;
use crate::http::family::RouteFailure;
use crate::http::input_error::InputError;
use crate::http::server::{Body, Service, log_internal_error, origin, presented_token};
use crate::http::signature::{self, Signature};
use crate::vault::access::authentication::AuthenticationFailure;
use crate::vault::access::signature::SignatureError;
use crate::vault::operation::Request;

/// The body of a request: not read yet, or read because the signature covers it.
pub(super) enum Received {
    Payload(Payload),
    Body(Body),
}

impl Received {
    /// Returns the body, read.
    pub(super) async fn into_body(self, http: &HttpRequest) -> Result<Body, InputError> {
        match self {
            Self::Payload(payload) => Ok(Body::read(http, payload).await?),
            Self::Body(body) => Ok(body),
        }
    }
}

/// Authenticates a request.
pub(super) async fn authenticate(
    service: &Service,
    http: &HttpRequest,
    payload: Payload,
) -> Result<(Request, Received), PamError> {
    if signature::is_signed(http) {
        return authenticate_signature(service, http, payload).await;
    }
    let authenticated = service.vault.authenticate(presented_token(http), origin(http, service));
    let request = authenticated.map_err(|failure| match failure {
        AuthenticationFailure::TokenMissing if signature::is_in_url(http) => PamError::UnsignedOAuth,
        AuthenticationFailure::TokenMissing => PamError::TokenMissing,
        failure => RouteFailure::of_authentication(failure).map_or(PamError::InvalidToken, PamError::from),
    })?;
    Ok((request, Received::Payload(payload)))
}

async fn authenticate_signature(
    service: &Service,
    http: &HttpRequest,
    payload: Payload,
) -> Result<(Request, Received), PamError> {
    let (vault, origin) = (&service.vault, origin(http, service));
    if !vault.settings().pam.oauth1 {
        vault.note_missing_credentials(&origin);
        return Err(PamError::SignatureNotEnabled);
    }
    let read = async {
        let signature = Signature::from_header(http)?;
        let received = if signature.covers_body(http) {
            Received::Body(Body::read_signed(http, payload).await?)
        } else {
            Received::Payload(payload)
        };
        let body = if let Received::Body(body) = &received { Some(body) } else { None };
        Ok::<_, InputError>((signature.signed_request(http, service, body)?, received))
    };
    let (signed, received) = read.await.inspect_err(|_| vault.note_missing_credentials(&origin))?;
    let authenticated = vault.authenticate_signature(&signed, origin).await;
    let request = authenticated.inspect_err(|error| {
        if let SignatureError::Vault(error) = error {
            log_internal_error(error);
        }
    });
    let request = request.map_err(|error| match error {
        SignatureError::TooManyAttempts { seconds } => PamError::from(RouteFailure::TooManyAttempts { seconds }),
        error => PamError::Signature(error),
    });
    Ok((request?, received))
}
