//! The error table of the PAM service: number, message and HTTP status of each vault error (contract, sections 1.4 to 1.6).

use actix_web::http::StatusCode;

use super::dialect::{Dialect, Rendering};
use super::field::parameter_name;
use crate::http::input_error::InputError;
use crate::http::server::is_temporary;
use crate::vault::jit::AccountProblem;
use crate::vault::{DenyReason, Field, InvalidField, Noun, Precondition, Switchable, VaultError};

/// Status, number and message of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ErrorMessage {
    pub(super) status: StatusCode,
    /// The number in `exception`.
    pub(super) number: Option<u16>,
    pub(super) message: String,
    /// The text in `exception`, if it differs from `message`.
    pub(super) exception: Option<&'static str>,
    /// The number in `error_code`.
    pub(super) error_code: u8,
}

impl ErrorMessage {
    pub(super) fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, number: None, message: message.into(), exception: None, error_code: 1 }
    }

    fn numbered(number: u16, text: &str) -> Self {
        let message = format!("{number}: {text}");
        Self { number: Some(number), ..Self::plain(StatusCode::BAD_REQUEST, message) }
    }

    /// Creates an error without a number in the older service; the status replaces it.
    fn unnumbered(message: impl Into<String>) -> Self {
        Self { number: Some(400), ..Self::plain(StatusCode::BAD_REQUEST, message) }
    }

    /// Creates the error of a proxy session parameter: neither a number nor an `error_code` (contract, section 9.1).
    fn of_session(message: &str) -> Self {
        Self { error_code: 0, ..Self::plain(StatusCode::BAD_REQUEST, message) }
    }

    pub(super) fn input(error: InputError) -> Self {
        let status = error.status();
        Self { number: Some(status.as_u16()), ..Self::plain(status, error.to_string()) }
    }

    pub(super) fn unexpected(dialect: Dialect) -> Self {
        let message = match dialect {
            Dialect::Legacy => "Unexpected error",
            Dialect::Modern => "Unexpected error.",
        };
        Self {
            number: Some(500),
            exception: Some("Check the index log system error for more details"),
            ..Self::plain(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }

    pub(super) fn no_such_route() -> Self {
        Self::plain(StatusCode::NOT_FOUND, "Resource sub not found")
    }
}

/// Returns the message of a vault error.
pub(super) fn message_of(error: &VaultError, rendering: Rendering) -> ErrorMessage {
    let dialect = rendering.dialect;
    match error {
        VaultError::Denied(reason) => denied(*reason, rendering),
        VaultError::Invalid(invalid) => invalid_field(invalid),
        VaultError::Missing(field) => missing(*field, dialect),
        VaultError::NotFound(noun) => not_found(*noun, dialect),
        // An item of another client is none.
        VaultError::NoAccess(Noun::Item) => not_found(Noun::Item, dialect),
        VaultError::NoAccess(Noun::ProxySessionUrl) => ErrorMessage::no_such_route(),
        VaultError::NoAccess(_) => ErrorMessage::numbered(1009, "No access to credential"),
        VaultError::WrongKind(noun) => wrong_kind(*noun, dialect),
        VaultError::Inactive(noun) => inactive(*noun),
        VaultError::AlreadyActive(noun) => already_active(*noun, dialect),
        VaultError::Ambiguous(_) => {
            ErrorMessage::plain(StatusCode::CONFLICT, "Several credentials match; send what tells them apart")
        }
        VaultError::NotHeld => ErrorMessage::numbered(1018, "The credential is not in the user custody"),
        VaultError::BeingChanged => ErrorMessage::plain(
            StatusCode::CONFLICT,
            "The password or key is being changed on its target; try again later, or without fail_on_change",
        ),
        VaultError::AccountAbsent(_) => ErrorMessage::plain(
            StatusCode::CONFLICT,
            "The account exists only while it is in custody; read its credential by itself first",
        ),
        VaultError::AccountNotMade(problem) => account_not_made(*problem),
        VaultError::Precondition(precondition) => precondition_message(precondition),
        VaultError::TooManyLists => ErrorMessage::plain(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many lists without a page at a time; try again, or send limit",
        ),
        error if is_temporary(error) => later(),
        // Internal errors, and errors of operations that this family does not have.
        VaultError::MissingParameterValue { .. }
        | VaultError::Taken(_)
        | VaultError::InUse(_)
        | VaultError::Protected(_)
        | VaultError::TooMany(_)
        | VaultError::Unavailable(_)
        | VaultError::Store(_)
        | VaultError::Seal(_)
        | VaultError::Token(_) => ErrorMessage::unexpected(dialect),
    }
}

fn later() -> ErrorMessage {
    ErrorMessage::plain(StatusCode::SERVICE_UNAVAILABLE, "The service is temporarily unavailable; try again")
}

fn account_not_made(problem: AccountProblem) -> ErrorMessage {
    let status = if problem.is_temporary() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT };
    ErrorMessage::plain(status, format!("The account was not created on its target: {}", problem.description()))
}

fn denied(reason: DenyReason, rendering: Rendering) -> ErrorMessage {
    match reason {
        DenyReason::ReadOnly => ErrorMessage::numbered(1039, "Without PAM Configuration Access permission"),
        DenyReason::ExclusiveCustody => ErrorMessage::numbered(1009, "No access to credential"),
        DenyReason::Resource
        | DenyReason::Source
        | DenyReason::Referer
        | DenyReason::Certificate
        | DenyReason::Permission
        | DenyReason::OperatorOnly
        | DenyReason::Revoked
        | DenyReason::Replayed => {
            ErrorMessage::plain(rendering.not_authorized, "You are not authorized to access this resource.")
        }
    }
}

fn invalid_field(invalid: &InvalidField) -> ErrorMessage {
    match invalid.field {
        Field::Identifier if invalid.is_charset => {
            ErrorMessage::numbered(1053, "The identifier can only contain letters, numbers, \"_\" and \"-\".")
        }
        Field::Protocol => ErrorMessage::of_session("Invalid protocol"),
        Field::ResponseEncryption => ErrorMessage::input(InputError::header("Accept-Encryption", invalid.expected)),
        field => ErrorMessage::input(InputError::parameter(parameter_name(field), invalid.expected)),
    }
}

fn missing(field: Field, dialect: Dialect) -> ErrorMessage {
    match field {
        Field::Hostname => ErrorMessage::numbered(1004, "The device's hostname was not informed"),
        Field::Ip => ErrorMessage::numbered(1005, "The device's IP was not informed"),
        Field::Site => ErrorMessage::numbered(1019, "The device's site was not informed"),
        Field::Model => ErrorMessage::numbered(1020, "The device's model was not informed"),
        Field::Vendor => ErrorMessage::numbered(1021, "The device's vendor was not informed"),
        Field::DeviceType => ErrorMessage::numbered(1022, "The device's type was not informed"),
        Field::Username => ErrorMessage::numbered(1042, "Invalid username"),
        Field::JitPlugin => ErrorMessage::numbered(1046, "Plugin not informed"),
        Field::JitTemplate => ErrorMessage::numbered(1047, "Template plugin not informed"),
        Field::PublicKey => ErrorMessage::numbered(1013, "The public key was not informed"),
        Field::PrivateKey => ErrorMessage::numbered(1014, "The private key was not informed"),
        Field::Content => ErrorMessage::numbered(1026, "The information content was not informed"),
        Field::SessionUser => ErrorMessage::of_session(match dialect {
            Dialect::Legacy => "User not specified",
            Dialect::Modern => "Username not specified",
        }),
        Field::SessionCredential => ErrorMessage::of_session("Credential not specified"),
        Field::SessionDevice => ErrorMessage::of_session("Credential device not specified"),
        Field::RemoteDevice => ErrorMessage::of_session("Remote device not specified"),
        field => ErrorMessage::input(InputError::parameter(parameter_name(field), "required")),
    }
}

fn not_found(noun: Noun, dialect: Dialect) -> ErrorMessage {
    match noun {
        Noun::Credential => ErrorMessage::numbered(1007, "Credential not found"),
        Noun::Device => ErrorMessage::numbered(1011, "Device not found"),
        Noun::SshKey => ErrorMessage::numbered(1015, "SSH key not found"),
        Noun::Information => ErrorMessage::numbered(1023, "Information not found"),
        Noun::Domain => {
            ErrorMessage::numbered(1029, "It is not possible to enter a domain that has not been previously registered")
        }
        Noun::TotpSeed => ErrorMessage::unnumbered("The credential has no TOTP secret_key"),
        Noun::Version => ErrorMessage::unnumbered("Version not found"),
        Noun::Entry => ErrorMessage::unnumbered("Entry not found"),
        Noun::Item | Noun::ItemSecret => ErrorMessage::unnumbered("Item not found"),
        Noun::ResponseKey => ErrorMessage::unnumbered("The authorization has no key to encrypt its answers with"),
        Noun::TargetUser => ErrorMessage::of_session("User not found"),
        Noun::TargetDevice => ErrorMessage::of_session("Device not found"),
        Noun::TargetCredential => ErrorMessage::of_session("Credential not found"),
        Noun::ProxySession => drop_failed(),
        // A session URL is answered by a page, without an envelope.
        Noun::ProxySessionUrl => ErrorMessage::no_such_route(),
        Noun::Application
        | Noun::Authorization
        | Noun::Identity
        | Noun::IssuerRule
        | Noun::Link
        | Noun::LocalProvider
        | Noun::PermissionSet
        | Noun::Provider
        | Noun::ProviderType
        | Noun::RequestSigningKey
        | Noun::Role
        | Noun::ChangeTemplate
        | Noun::ClientKey
        | Noun::SecurityClaim
        | Noun::StaticToken
        | Noun::Tag
        | Noun::TrustedIssuer
        | Noun::User => ErrorMessage::unexpected(dialect),
    }
}

/// Returns the error of a failed session drop, spelled as documented (contract, section 9.2).
fn drop_failed() -> ErrorMessage {
    ErrorMessage::plain(StatusCode::INTERNAL_SERVER_ERROR, "An error occurred while droping session")
}

fn wrong_kind(noun: Noun, dialect: Dialect) -> ErrorMessage {
    match noun {
        Noun::Credential => ErrorMessage::numbered(1010, "The item is not a credential"),
        Noun::SshKey => ErrorMessage::numbered(1016, "The item is not a ssh key"),
        Noun::TotpSeed => ErrorMessage::unnumbered("The secret_key of the credential is not a TOTP seed"),
        _ => ErrorMessage::unexpected(dialect),
    }
}

fn inactive(noun: Switchable) -> ErrorMessage {
    match noun {
        Switchable::Credential => ErrorMessage::numbered(1008, "Credential inactive"),
        Switchable::Device => ErrorMessage::numbered(1012, "Device inactive"),
        Switchable::SshKey => ErrorMessage::numbered(1017, "Key inactive"),
        Switchable::Information => ErrorMessage::numbered(1024, "Inactive information"),
        Switchable::ProxySession => drop_failed(),
    }
}

fn already_active(noun: Switchable, dialect: Dialect) -> ErrorMessage {
    match noun {
        Switchable::Credential => ErrorMessage::numbered(1043, "Credential is already activated!"),
        Switchable::Device => ErrorMessage::numbered(1044, "Device is already activated"),
        Switchable::SshKey => ErrorMessage::numbered(1045, "Ssh key is already activated"),
        // The older service has no such route, and so no number for it.
        Switchable::Information => ErrorMessage::unnumbered("Information is already activated"),
        Switchable::ProxySession => ErrorMessage::unexpected(dialect),
    }
}

fn precondition_message(precondition: &Precondition) -> ErrorMessage {
    match precondition {
        Precondition::KeyReused => {
            ErrorMessage::plain(StatusCode::CONFLICT, "The idempotency key was used for another request")
        }
        Precondition::Failed { .. } => {
            ErrorMessage::plain(StatusCode::PRECONDITION_FAILED, "The item is not in the state that the request names")
        }
        Precondition::NotModified { .. } => ErrorMessage::plain(StatusCode::NOT_MODIFIED, "Not modified"),
    }
}

#[cfg(test)]
mod tests;
