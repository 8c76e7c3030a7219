//! The table of errors: status, code and message of each.
//!
//! All codes but `0xA011004A` are ours, in the form that clients expect.

use actix_web::http::StatusCode;

use super::field::wire_name;
use super::request_error::{RequestError, media_type_expected};
use crate::http::family::{RouteFailure, Unserved};
use crate::http::input_error::InputError;
use crate::vault::{DenyReason, Dependency, Noun, Precondition, Switchable, VaultError};

const BAD_REQUEST: &str = "0xA0110001";
const UNSUPPORTED: &str = "0xA0110115";
const UNAVAILABLE: &str = "0xA0110153";

/// Status, code and message of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Message {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn unauthenticated(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "0xA0110101", message)
    }

    pub(super) fn invalid_credentials() -> Self {
        Self::unauthenticated("Invalid credentials")
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, BAD_REQUEST, message)
    }

    fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "0xA0110103", message)
    }

    fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "0xA0110104", message)
    }

    fn conflict(message: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "0xA0110109", message)
    }

    fn unsupported(message: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, UNSUPPORTED, message)
    }

    fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, message)
    }

    fn unexpected() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "0xA0110150", "An unexpected error occurred")
    }
}

/// Returns the message of a request that no endpoint serves.
pub(super) fn unserved_message(unserved: Unserved) -> Message {
    match unserved {
        Unserved::UnknownPath => Message::not_found("There is no such endpoint"),
        Unserved::UnknownMethod => {
            Message::new(StatusCode::METHOD_NOT_ALLOWED, "0xA0110105", "The endpoint does not have this method")
        }
    }
}

/// Returns the message of a request that failed outside of its handler.
pub(super) fn failure_message(failure: RouteFailure) -> Message {
    match failure {
        RouteFailure::Overdue => temporary(),
        RouteFailure::Sealed => Message::unavailable("The vault is sealed"),
        failure => {
            InputError::of_route(failure).map_or_else(Message::unexpected, |error| request_message(error.into()))
        }
    }
}

/// Returns the message of a protocol error.
pub(super) fn request_message(error: RequestError) -> Message {
    match error {
        RequestError::CrossSite => Message::forbidden("Requests from other sites are refused"),
        RequestError::RequestedWithMissing => Message::bad_request("The header x-keyfactor-requested-with is required"),
        RequestError::ApiVersion => {
            Message::bad_request("Invalid header x-keyfactor-api-version: the endpoint does not speak this version")
        }
        RequestError::MediaType(sent) => Message::unsupported(media_type_expected(sent)),
        RequestError::SortField => Message::new(
            StatusCode::BAD_REQUEST,
            "0xA011004A",
            "Invalid parameter SortField: the list cannot be sorted by this field",
        ),
        RequestError::Input(error) => {
            let code = match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => "0xA0110113",
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "0xA0110131",
                StatusCode::UNSUPPORTED_MEDIA_TYPE => UNSUPPORTED,
                StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
                _ => BAD_REQUEST,
            };
            Message::new(error.status(), code, error.to_string())
        }
    }
}

/// Returns the message of a vault error. A kind or a noun that no request of this family can cause is an internal error.
pub(super) fn vault_message(error: &VaultError) -> Message {
    match error {
        VaultError::Denied(reason) => denied(*reason),
        VaultError::Invalid(invalid) => {
            Message::bad_request(format!("Invalid parameter {}: {}", wire_name(invalid.field), invalid.expected))
        }
        VaultError::Missing(field) => {
            Message::bad_request(format!("Invalid parameter {}: required", wire_name(*field)))
        }
        VaultError::MissingParameterValue { parameter } => Message::bad_request(format!(
            "Invalid parameter ProviderTypeParamValues: a value for {parameter} is required unless Remote is true"
        )),
        VaultError::NotFound(noun) => not_found(*noun),
        VaultError::WrongKind(noun) => wrong_kind(*noun),
        VaultError::Taken(noun) => taken(*noun),
        VaultError::InUse(noun) => in_use(*noun),
        VaultError::Protected(noun) => protected(*noun),
        VaultError::Unavailable(Dependency::Directory) => {
            Message::unavailable("The directory of accounts does not answer; try again")
        }
        VaultError::Unavailable(
            Dependency::Clock | Dependency::Database | Dependency::Grants | Dependency::IssuerKeys,
        ) => temporary(),
        VaultError::Store(error) => {
            if error.is_temporary() {
                temporary()
            } else {
                Message::unexpected()
            }
        }
        VaultError::Inactive(noun) | VaultError::AlreadyActive(noun) => switchable(*noun),
        VaultError::Precondition(precondition) => precondition_message(precondition),
        VaultError::NoAccess(_)
        | VaultError::Ambiguous(_)
        | VaultError::TooMany(_)
        | VaultError::TooManyLists
        | VaultError::NotHeld
        | VaultError::BeingChanged
        | VaultError::AccountAbsent(_)
        | VaultError::AccountNotMade(_)
        | VaultError::Seal(_)
        | VaultError::Token(_) => Message::unexpected(),
    }
}

fn temporary() -> Message {
    Message::unavailable("The service is temporarily unavailable; try again")
}

fn denied(reason: DenyReason) -> Message {
    match reason {
        DenyReason::Resource
        | DenyReason::Source
        | DenyReason::Referer
        | DenyReason::Certificate
        | DenyReason::ReadOnly
        | DenyReason::Permission
        | DenyReason::OperatorOnly
        | DenyReason::ExclusiveCustody => Message::forbidden("The caller does not hold the permission for this"),
        DenyReason::Revoked | DenyReason::Replayed => Message::invalid_credentials(),
    }
}

/// The nouns of this family.
#[derive(Clone, Copy)]
enum FamilyNoun {
    Entry,
    Identity,
    LocalProvider,
    PermissionSet,
    Provider,
    ProviderType,
    Role,
    SecurityClaim,
}

/// Returns the noun as one of this family; `None` for the nouns of other families.
fn family_noun(noun: Noun) -> Option<FamilyNoun> {
    match noun {
        Noun::Entry => Some(FamilyNoun::Entry),
        Noun::Identity => Some(FamilyNoun::Identity),
        Noun::LocalProvider => Some(FamilyNoun::LocalProvider),
        Noun::PermissionSet => Some(FamilyNoun::PermissionSet),
        Noun::Provider => Some(FamilyNoun::Provider),
        Noun::ProviderType => Some(FamilyNoun::ProviderType),
        Noun::Role => Some(FamilyNoun::Role),
        Noun::SecurityClaim => Some(FamilyNoun::SecurityClaim),
        Noun::Application
        | Noun::Authorization
        | Noun::Credential
        | Noun::Device
        | Noun::Domain
        | Noun::Information
        | Noun::Item
        | Noun::ItemSecret
        | Noun::IssuerRule
        | Noun::Link
        | Noun::ProxySession
        | Noun::ProxySessionUrl
        | Noun::RequestSigningKey
        | Noun::ResponseKey
        | Noun::SshKey
        | Noun::ChangeTemplate
        | Noun::ClientKey
        | Noun::StaticToken
        | Noun::Tag
        | Noun::TargetCredential
        | Noun::TargetDevice
        | Noun::TargetUser
        | Noun::TotpSeed
        | Noun::TrustedIssuer
        | Noun::User
        | Noun::Version => None,
    }
}

fn not_found(noun: Noun) -> Message {
    let Some(noun) = family_noun(noun) else { return Message::unexpected() };
    Message::not_found(match noun {
        FamilyNoun::Entry => "The PAM provider has no such entry",
        FamilyNoun::Identity => "There is no such security identity",
        FamilyNoun::LocalProvider | FamilyNoun::Provider => "There is no such PAM provider",
        FamilyNoun::PermissionSet => "There is no such permission set",
        FamilyNoun::ProviderType => "There is no such PAM provider type",
        FamilyNoun::Role => "There is no such security role",
        FamilyNoun::SecurityClaim => "There is no such security claim",
    })
}

fn wrong_kind(noun: Noun) -> Message {
    match family_noun(noun) {
        Some(FamilyNoun::LocalProvider) => Message::bad_request(
            "Invalid parameter providerId: only a PAM provider of the type Command Secret Provider has entries",
        ),
        Some(
            FamilyNoun::Entry
            | FamilyNoun::Identity
            | FamilyNoun::PermissionSet
            | FamilyNoun::Provider
            | FamilyNoun::ProviderType
            | FamilyNoun::Role
            | FamilyNoun::SecurityClaim,
        )
        | None => Message::unexpected(),
    }
}

fn taken(noun: Noun) -> Message {
    let Some(noun) = family_noun(noun) else { return Message::unexpected() };
    Message::conflict(match noun {
        FamilyNoun::Entry => "Invalid parameter SecretName: an entry of the PAM provider has this name",
        FamilyNoun::Identity => "Invalid parameter AccountName: the account is a security identity already",
        FamilyNoun::LocalProvider | FamilyNoun::Provider => "Invalid parameter Name: a PAM provider has this name",
        FamilyNoun::PermissionSet => "Invalid parameter Name: a permission set has this name",
        FamilyNoun::ProviderType => "Invalid parameter Name: a PAM provider type has this name",
        FamilyNoun::Role => "Invalid parameter Name: a security role has this name",
        FamilyNoun::SecurityClaim => {
            "Invalid parameter ClaimValue: there is a security claim of this type, value and scheme"
        }
    })
}

fn in_use(noun: Noun) -> Message {
    match family_noun(noun) {
        Some(FamilyNoun::LocalProvider | FamilyNoun::Provider) => {
            Message::conflict("The PAM provider has entries; delete those first")
        }
        Some(FamilyNoun::ProviderType) => Message::conflict("The PAM provider type is in use by a PAM provider"),
        Some(FamilyNoun::PermissionSet) => Message::conflict("The permission set is in use by a security role"),
        Some(FamilyNoun::Entry | FamilyNoun::Identity | FamilyNoun::Role | FamilyNoun::SecurityClaim) | None => {
            Message::unexpected()
        }
    }
}

fn protected(noun: Noun) -> Message {
    match family_noun(noun) {
        Some(FamilyNoun::Identity) => Message::conflict("The security identity is the caller's own"),
        Some(FamilyNoun::ProviderType) => Message::conflict("The PAM provider type is built in and stays"),
        Some(FamilyNoun::Role) => Message::conflict("The security role is immutable"),
        Some(FamilyNoun::PermissionSet) => Message::conflict("The permission set is built in and stays"),
        Some(FamilyNoun::Entry | FamilyNoun::LocalProvider | FamilyNoun::Provider | FamilyNoun::SecurityClaim)
        | None => Message::unexpected(),
    }
}

/// Returns an internal error: no object of this family can be deactivated.
fn switchable(noun: Switchable) -> Message {
    match noun {
        Switchable::Credential
        | Switchable::Device
        | Switchable::Information
        | Switchable::ProxySession
        | Switchable::SshKey => Message::unexpected(),
    }
}

/// Returns an internal error: no request of this family has preconditions or an idempotency key.
fn precondition_message(precondition: &Precondition) -> Message {
    match precondition {
        Precondition::KeyReused | Precondition::Failed { .. } | Precondition::NotModified { .. } => {
            Message::unexpected()
        }
    }
}
