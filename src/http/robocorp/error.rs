//! Errors: an object with code and message. Clients do not repeat a request after 400, 403, 404 and 409.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::family::{RouteFailure, Unserved};
use crate::http::input_error::InputError;
use crate::http::item_error::ItemError;
use crate::http::response::uncached;
use crate::http::server::log_internal_error;
use crate::vault::access::authentication::AuthenticationFailure;
use crate::vault::{Dependency, Field, Noun, Switchable, VaultError};

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RobocorpError {
    /// No valid token, or no permission.
    NotAuthorized,
    /// There is no such secret, or the client may not read it.
    NotFound,
    /// The request cannot be read.
    Input(InputError),
    /// No endpoint serves the request.
    Unserved(Unserved),
    /// The vault is sealed.
    Sealed,
    /// The handler panicked.
    Panic,
    /// An error of the vault.
    Vault(VaultError),
}

/// The body of an error response.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorReply {
    error: ErrorMembers,
}

/// Code and message of an error.
#[derive(Serialize, ToSchema)]
struct ErrorMembers {
    code: &'static str,
    message: String,
}

/// The code of an error after which the client sends the request again.
const UNAVAILABLE: &str = "unavailable";

/// Status, code and message.
type Message = (StatusCode, &'static str, String);

impl RobocorpError {
    fn message(&self) -> Message {
        match self {
            Self::NotAuthorized => not_authorized(),
            Self::NotFound => not_found(),
            Self::Input(error @ InputError::Busy) => (error.status(), UNAVAILABLE, error.to_string()),
            Self::Input(error) => (error.status(), "invalid_request", error.to_string()),
            Self::Unserved(Unserved::UnknownPath) => {
                (StatusCode::NOT_FOUND, "not_found", "There is no such endpoint".into())
            }
            Self::Unserved(Unserved::UnknownMethod) => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Secrets can be read and written, and publicKey can be read".into(),
            ),
            Self::Sealed => (StatusCode::SERVICE_UNAVAILABLE, "sealed", "The vault is sealed".into()),
            Self::Panic => internal(),
            Self::Vault(error) => vault_message(error),
        }
    }

    /// Renders the error.
    pub(super) fn respond(&self) -> HttpResponse {
        if let Self::Vault(error) = self {
            log_internal_error(error);
        }
        let (status, code, message) = self.message();
        let mut response = uncached(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, HeaderValue::from_static("1")));
        }
        if let Self::Input(error) = self
            && let Some(header) = error.response_header()
        {
            response.insert_header(header);
        }
        response.json(ErrorReply { error: ErrorMembers { code, message } })
    }
}

fn vault_message(error: &VaultError) -> Message {
    if let Some(message) = save_message(error) {
        return message;
    }
    match ItemError::from(error) {
        ItemError::NotFound => not_found(),
        ItemError::Denied => not_authorized(),
        ItemError::Ambiguous => (StatusCode::CONFLICT, "ambiguous", "Several items have this name".into()),
        ItemError::ResponseEncryption(reason) => (StatusCode::BAD_REQUEST, "invalid_request", reason.into()),
        ItemError::Temporary => {
            (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, "The service is temporarily unavailable; try again".into())
        }
        // Nothing is listed.
        ItemError::TooMany | ItemError::Internal => internal(),
    }
}

/// Returns the message of an error that only a write has.
fn save_message(error: &VaultError) -> Option<Message> {
    match error {
        VaultError::Invalid(invalid) => Some(invalid_member(member(invalid.field)?, invalid.expected)),
        VaultError::Missing(field) => Some(invalid_member(member(*field)?, "required for a new secret")),
        VaultError::NotFound(Noun::Device) | VaultError::Inactive(Switchable::Device) => {
            Some(invalid_member("value.hostname", "expected an active device with this address that the client sees"))
        }
        VaultError::NoAccess(Noun::Credential) | VaultError::NotFound(Noun::Information) | VaultError::Inactive(_) => {
            Some(not_found())
        }
        VaultError::WrongKind(_) => {
            let message = "The item of this name is of another kind, or cannot be written here".into();
            Some((StatusCode::CONFLICT, "wrong_kind", message))
        }
        _ => None,
    }
}

/// Returns the member of a request that a field is.
fn member(field: Field) -> Option<&'static str> {
    match field {
        Field::Identifier => Some("name"),
        Field::Username => Some("value.username"),
        Field::Content => Some("value.password"),
        Field::Hostname => Some("value.hostname"),
        Field::Ip => Some("value.address"),
        Field::Port => Some("value.port"),
        _ => None,
    }
}

fn invalid_member(name: &'static str, expected: &'static str) -> Message {
    let error = InputError::parameter(name, expected);
    (error.status(), "invalid_request", error.to_string())
}

fn not_authorized() -> Message {
    (StatusCode::FORBIDDEN, "not_authorized", "Not authorized".into())
}

fn not_found() -> Message {
    (StatusCode::NOT_FOUND, "not_found", "There is no such secret".into())
}

fn internal() -> Message {
    (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Internal error".into())
}

impl From<AuthenticationFailure> for RobocorpError {
    fn from(failure: AuthenticationFailure) -> Self {
        RouteFailure::of_authentication(failure).map_or(Self::NotAuthorized, Self::from)
    }
}

impl From<VaultError> for RobocorpError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<InputError> for RobocorpError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl From<RouteFailure> for RobocorpError {
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
    use crate::vault::DenyReason;

    /// The table of errors, one a line.
    #[test]
    fn the_table() {
        let vault = [
            VaultError::NotFound(Noun::Item),
            VaultError::Denied(DenyReason::ExclusiveCustody),
            VaultError::Denied(DenyReason::Resource),
            VaultError::Denied(DenyReason::Source),
            VaultError::Denied(DenyReason::Revoked),
            VaultError::NotFound(Noun::ResponseKey),
            VaultError::invalid(Field::ResponseEncryption, "a form of the key"),
            VaultError::Ambiguous(Vec::new()),
            VaultError::Unavailable(Dependency::Grants),
            VaultError::NotHeld,
            VaultError::invalid(Field::Port, "the port of the device"),
            VaultError::invalid(Field::Tags, "a field of no secret"),
            VaultError::Missing(Field::Hostname),
            VaultError::NotFound(Noun::Device),
            VaultError::Inactive(Switchable::Device),
            VaultError::Inactive(Switchable::Credential),
            VaultError::NoAccess(Noun::Credential),
            VaultError::NotFound(Noun::Information),
            VaultError::WrongKind(Noun::Item),
        ];
        let own = [
            RobocorpError::NotAuthorized,
            RobocorpError::NotFound,
            InputError::parameter("publicKey", "what is expected").into(),
            InputError::Busy.into(),
            RobocorpError::Unserved(Unserved::UnknownPath),
            RobocorpError::Unserved(Unserved::UnknownMethod),
            RouteFailure::Panic.into(),
            RouteFailure::Overdue.into(),
            RouteFailure::Sealed.into(),
            RouteFailure::UnreadableSource.into(),
            RouteFailure::HeadTooLarge.into(),
        ];
        let rows = own.into_iter().chain(vault.map(RobocorpError::Vault)).map(|error| {
            let (status, code, message) = error.message();
            format!("{} {code} {message:?}  {error:?}\n", status.as_u16())
        });
        insta::assert_snapshot!("errors", rows.collect::<String>());
    }
}
