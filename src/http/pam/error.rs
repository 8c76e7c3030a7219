//! Errors in the envelope of the PAM service.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::candidate::CandidateView;
use super::dialect::Rendering;
use super::envelope::{self, Envelope, Exception, Failure};
use super::error_message::{ErrorMessage, message_of};
use crate::http::challenge;
use crate::http::family::{RouteFailure, Unserved};
use crate::http::input_error::InputError;
use crate::http::preconditions::WithETag;
use crate::http::server::log_internal_error;
use crate::vault::access::signature::SignatureError;
use crate::vault::{DenyReason, Dependency, Precondition, VaultError};

/// An error of a request.
#[derive(Clone, Debug)]
pub(super) enum PamError {
    TokenMissing,
    InvalidToken,
    /// Signed requests are switched off.
    SignatureNotEnabled,
    /// Credentials of OAuth 1.0 in the URL.
    UnsignedOAuth,
    Signature(SignatureError),
    Input(InputError),
    Unserved(Unserved),
    Sealed,
    Panic,
    Vault(VaultError),
}

impl From<InputError> for PamError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl From<RouteFailure> for PamError {
    fn from(failure: RouteFailure) -> Self {
        match failure {
            RouteFailure::Overdue => VaultError::Unavailable(Dependency::Database).into(),
            RouteFailure::Sealed => Self::Sealed,
            failure => InputError::of_route(failure).map_or(Self::Panic, Self::Input),
        }
    }
}

impl From<VaultError> for PamError {
    fn from(error: VaultError) -> Self {
        log_internal_error(&error);
        match error {
            // Its token was revoked, or its client disabled, while the request was waiting.
            VaultError::Denied(DenyReason::Revoked | DenyReason::Replayed) => Self::InvalidToken,
            error => Self::Vault(error),
        }
    }
}

impl PamError {
    /// Returns status, number and message.
    pub(super) fn message(&self, rendering: Rendering) -> ErrorMessage {
        match self {
            Self::TokenMissing => ErrorMessage::plain(StatusCode::UNAUTHORIZED, "No route matched with those values"),
            Self::InvalidToken => ErrorMessage::plain(StatusCode::UNAUTHORIZED, "Client authentication failed"),
            Self::SignatureNotEnabled => {
                ErrorMessage::plain(StatusCode::UNAUTHORIZED, "OAuth 1.0 is not enabled here; use OAuth 2.0")
            }
            Self::UnsignedOAuth => ErrorMessage::plain(
                StatusCode::UNAUTHORIZED,
                "OAuth 1.0 is not accepted in the URL; use OAuth 2.0, or the header Authorization with a signature",
            ),
            Self::Signature(error) => signature_message(error, rendering),
            Self::Input(error) => ErrorMessage::input(*error),
            Self::Unserved(Unserved::UnknownPath) => ErrorMessage::no_such_route(),
            Self::Unserved(Unserved::UnknownMethod) => {
                ErrorMessage::plain(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            }
            Self::Sealed => ErrorMessage::plain(StatusCode::SERVICE_UNAVAILABLE, "The vault is sealed"),
            Self::Panic => ErrorMessage::unexpected(rendering.dialect),
            Self::Vault(error) => message_of(error, rendering),
        }
    }

    /// Puts the message into the envelope.
    pub(super) fn envelope<'a>(&'a self, message: &'a ErrorMessage) -> Envelope<'a, Failure<'a>> {
        let exception = message.number.map(|code| {
            let text = message.exception.unwrap_or(&message.message);
            Exception { code, message: text, detail: None }
        });
        let candidates = match self {
            Self::Vault(VaultError::Ambiguous(candidates)) => {
                Some(candidates.iter().map(CandidateView::from).collect())
            }
            _ => None,
        };
        let payload = Failure { exception, candidates };
        Envelope::failure(message.status, &message.message, message.error_code, payload)
    }

    /// Renders the answer.
    pub(super) fn respond(&self, rendering: Rendering) -> HttpResponse {
        if let Self::Vault(VaultError::Precondition(Precondition::NotModified { etag, .. })) = self {
            return envelope::not_modified().with_etag(Some(etag));
        }
        let mut response = self.envelope(&self.message(rendering)).respond();
        let header = match (self, response.status()) {
            (Self::Input(error), _) => error.response_header(),
            (Self::Signature(_), StatusCode::UNAUTHORIZED) => Some((WWW_AUTHENTICATE, challenge::OAUTH)),
            (Self::TokenMissing | Self::SignatureNotEnabled | Self::UnsignedOAuth, _) => {
                Some((WWW_AUTHENTICATE, challenge::BEARER))
            }
            (Self::InvalidToken, _) => Some((WWW_AUTHENTICATE, challenge::BEARER_INVALID_TOKEN)),
            (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
                Some((RETRY_AFTER, HeaderValue::from_static("1")))
            }
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

fn signature_message(error: &SignatureError, rendering: Rendering) -> ErrorMessage {
    let text = match error {
        SignatureError::Invalid => "Invalid signature",
        SignatureError::Timestamp => {
            "Invalid signature: oauth_timestamp differs from the server's time by over 5 minutes"
        }
        SignatureError::NonceUsed => "Invalid signature: oauth_nonce was used before",
        SignatureError::Vault(error) => return message_of(error, rendering),
        SignatureError::TooManyAttempts { seconds } => {
            return ErrorMessage::input(InputError::TooManyAttempts { seconds: *seconds });
        }
    };
    ErrorMessage::plain(StatusCode::UNAUTHORIZED, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pam::dialect::Dialect;

    #[test]
    fn a_client_with_too_many_lists_is_told_when_to_come_back() {
        let rendering = Rendering { dialect: Dialect::Modern, not_authorized: StatusCode::FORBIDDEN };
        let response = PamError::from(VaultError::TooManyLists).respond(rendering);
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "1");
    }

    #[test]
    fn the_status_of_not_authorized_is_a_setting() {
        let error = PamError::from(VaultError::Denied(DenyReason::Source));
        for not_authorized in [StatusCode::FORBIDDEN, StatusCode::INTERNAL_SERVER_ERROR] {
            let response = error.respond(Rendering { dialect: Dialect::Legacy, not_authorized });
            assert_eq!(response.status(), not_authorized);
        }
    }
}
