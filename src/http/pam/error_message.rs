//! Every error of the vault in the words of the PAM service: number, message, HTTP status (contract, sections 1.4 to 1.6).

use actix_web::http::StatusCode;

use super::dialect::Rendering;
use crate::store::StoreError;
use crate::vault::session::SessionError;
use crate::vault::{Dialect, InvalidInput, VaultError};

/// Status, number and message of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ErrorMessage {
    pub(super) status: StatusCode,
    /// The number in `exception`.
    pub(super) number: Option<u16>,
    pub(super) message: String,
    /// What stands in `exception`, where that is another text.
    pub(super) exception: Option<&'static str>,
    /// What stands in `error_code`.
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

    /// A refusal that the older service has no number for: the status stands in its place.
    fn unnumbered(message: impl Into<String>) -> Self {
        Self { number: Some(400), ..Self::plain(StatusCode::BAD_REQUEST, message) }
    }

    /// A parameter of a proxy session: neither a number nor an `error_code` (contract, section 9.1).
    fn of_session(message: &str) -> Self {
        Self { error_code: 0, ..Self::plain(StatusCode::BAD_REQUEST, message) }
    }

    fn invalid(input: &InvalidInput) -> Self {
        let status = match input {
            InvalidInput::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            InvalidInput::NotJson
            | InvalidInput::NotAnObject
            | InvalidInput::NotAForm
            | InvalidInput::Unreadable
            | InvalidInput::Header { .. }
            | InvalidInput::Parameter { .. } => StatusCode::BAD_REQUEST,
        };
        Self { number: Some(status.as_u16()), ..Self::plain(status, input.to_string()) }
    }

    fn unexpected(dialect: Dialect) -> Self {
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

    fn later() -> Self {
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, "The service is temporarily unavailable; try again")
    }
}

/// The table.
pub(super) fn message_of(error: &VaultError, rendering: Rendering) -> ErrorMessage {
    let Rendering { dialect, not_authorized } = rendering;
    match error {
        VaultError::NotAuthorized(_) => {
            ErrorMessage::plain(not_authorized, "You are not authorized to access this resource.")
        }
        VaultError::NoSuchRoute => ErrorMessage::plain(StatusCode::NOT_FOUND, "Resource sub not found"),
        VaultError::NoSuchMethod => ErrorMessage::plain(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        VaultError::Invalid(input) => ErrorMessage::invalid(input),
        VaultError::IdempotencyKeyUsed => {
            ErrorMessage::plain(StatusCode::CONFLICT, "The idempotency key was used for another request")
        }
        VaultError::PreconditionFailed => {
            ErrorMessage::plain(StatusCode::PRECONDITION_FAILED, "The item is not in the state that the request names")
        }
        VaultError::Unchanged { .. } => ErrorMessage::plain(StatusCode::NOT_MODIFIED, "Not modified"),
        VaultError::AnswerKeyMissing => {
            ErrorMessage::unnumbered("The authorization has no key to encrypt its answers with")
        }
        VaultError::HostnameMissing => ErrorMessage::numbered(1004, "The device's hostname was not informed"),
        VaultError::IpMissing => ErrorMessage::numbered(1005, "The device's IP was not informed"),
        VaultError::CredentialNotFound => ErrorMessage::numbered(1007, "Credential not found"),
        VaultError::CredentialInactive => ErrorMessage::numbered(1008, "Credential inactive"),
        VaultError::NoAccess => ErrorMessage::numbered(1009, "No access to credential"),
        VaultError::NotACredential => ErrorMessage::numbered(1010, "The item is not a credential"),
        VaultError::DeviceNotFound => ErrorMessage::numbered(1011, "Device not found"),
        VaultError::DeviceInactive => ErrorMessage::numbered(1012, "Device inactive"),
        VaultError::Ambiguous(_) => {
            ErrorMessage::plain(StatusCode::CONFLICT, "Several credentials match; send what tells them apart")
        }
        VaultError::NotInCustody => ErrorMessage::numbered(1018, "The credential is not in the user custody"),
        VaultError::SiteMissing => ErrorMessage::numbered(1019, "The device's site was not informed"),
        VaultError::ModelMissing => ErrorMessage::numbered(1020, "The device's model was not informed"),
        VaultError::VendorMissing => ErrorMessage::numbered(1021, "The device's vendor was not informed"),
        VaultError::DeviceTypeMissing => ErrorMessage::numbered(1022, "The device's type was not informed"),
        VaultError::DomainUnknown => {
            ErrorMessage::numbered(1029, "It is not possible to enter a domain that has not been previously registered")
        }
        VaultError::ReadOnly => ErrorMessage::numbered(1039, "Without PAM Configuration Access permission"),
        VaultError::UsernameMissing => ErrorMessage::numbered(1042, "Invalid username"),
        VaultError::CredentialAlreadyActive => ErrorMessage::numbered(1043, "Credential is already activated!"),
        VaultError::DeviceAlreadyActive => ErrorMessage::numbered(1044, "Device is already activated"),
        VaultError::PluginMissing => ErrorMessage::numbered(1046, "Plugin not informed"),
        VaultError::TemplateMissing => ErrorMessage::numbered(1047, "Template plugin not informed"),
        VaultError::IdentifierCharacters => {
            ErrorMessage::numbered(1053, "The identifier can only contain letters, numbers, \"_\" and \"-\".")
        }
        VaultError::TotpSeedMissing => ErrorMessage::unnumbered("The credential has no TOTP secret_key"),
        VaultError::TotpSeedUnusable => ErrorMessage::unnumbered("The secret_key of the credential is not a TOTP seed"),
        VaultError::PublicKeyMissing => ErrorMessage::numbered(1013, "The public key was not informed"),
        VaultError::PrivateKeyMissing => ErrorMessage::numbered(1014, "The private key was not informed"),
        VaultError::SshKeyNotFound => ErrorMessage::numbered(1015, "SSH key not found"),
        VaultError::NotAnSshKey => ErrorMessage::numbered(1016, "The item is not a ssh key"),
        VaultError::SshKeyInactive => ErrorMessage::numbered(1017, "Key inactive"),
        VaultError::SshKeyAlreadyActive => ErrorMessage::numbered(1045, "Ssh key is already activated"),
        VaultError::InformationNotFound => ErrorMessage::numbered(1023, "Information not found"),
        VaultError::InformationInactive => ErrorMessage::numbered(1024, "Inactive information"),
        // The older service has no such call, and so no number for it.
        VaultError::InformationAlreadyActive => ErrorMessage::unnumbered("Information is already activated"),
        VaultError::ContentMissing => ErrorMessage::numbered(1026, "The information content was not informed"),
        VaultError::VersionNotFound => ErrorMessage::unnumbered("Version not found"),
        VaultError::Session(error) => message_of_session(*error, dialect),
        // The only error of that noun that is possible here: the entry, or its provider, does not exist.
        VaultError::Keyfactor(_) => ErrorMessage::unnumbered("Entry not found"),
        VaultError::Store(StoreError::Busy | StoreError::Unavailable(_) | StoreError::Contended) => {
            ErrorMessage::later()
        }
        VaultError::Store(
            StoreError::Conflict
            | StoreError::NotFound
            | StoreError::Panicked
            | StoreError::Query(_)
            | StoreError::Location(_)
            | StoreError::Migration,
        )
        | VaultError::Seal(_)
        | VaultError::Token(_) => ErrorMessage::unexpected(dialect),
    }
}

/// The rows of proxy sessions (contract, sections 9.1 and 9.2).
fn message_of_session(error: SessionError, dialect: Dialect) -> ErrorMessage {
    match error {
        SessionError::UserMissing => ErrorMessage::of_session(match dialect {
            Dialect::Legacy => "User not specified",
            Dialect::Modern => "Username not specified",
        }),
        SessionError::CredentialMissing => ErrorMessage::of_session("Credential not specified"),
        SessionError::DeviceMissing => ErrorMessage::of_session("Credential device not specified"),
        SessionError::ProtocolInvalid => ErrorMessage::of_session("Invalid protocol"),
        SessionError::RemoteDeviceMissing => ErrorMessage::of_session("Remote device not specified"),
        SessionError::UserNotFound => ErrorMessage::of_session("User not found"),
        SessionError::DeviceNotFound => ErrorMessage::of_session("Device not found"),
        SessionError::CredentialNotFound => ErrorMessage::of_session("Credential not found"),
        // Spelled as documented.
        SessionError::NotFound | SessionError::Over => {
            ErrorMessage::plain(StatusCode::INTERNAL_SERVER_ERROR, "An error occurred while droping session")
        }
        // A session URL is answered by a page, without an envelope.
        SessionError::UrlNotGood | SessionError::UrlBoundElsewhere => {
            ErrorMessage::plain(StatusCode::NOT_FOUND, "Resource sub not found")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::crypto::SealError;
    use crate::token::TokenError;
    use crate::vault::Refusal;
    use crate::vault::keyfactor::KeyfactorError;

    #[test]
    fn the_whole_table() {
        let errors = [
            VaultError::NotAuthorized(Refusal::Resource),
            VaultError::NotAuthorized(Refusal::Source),
            VaultError::NotAuthorized(Refusal::Referer),
            VaultError::NotAuthorized(Refusal::Certificate),
            VaultError::ReadOnly,
            VaultError::Invalid(InvalidInput::NotJson),
            VaultError::Invalid(InvalidInput::NotAnObject),
            VaultError::Invalid(InvalidInput::NotAForm),
            VaultError::Invalid(InvalidInput::TooLarge),
            VaultError::Invalid(InvalidInput::Unreadable),
            InvalidInput::parameter("status", "expected true or false"),
            InvalidInput::header("If-Match", "expected *"),
            VaultError::IdempotencyKeyUsed,
            VaultError::PreconditionFailed,
            VaultError::AnswerKeyMissing,
            VaultError::NoSuchRoute,
            VaultError::NoSuchMethod,
            VaultError::HostnameMissing,
            VaultError::IpMissing,
            VaultError::SiteMissing,
            VaultError::ModelMissing,
            VaultError::VendorMissing,
            VaultError::DeviceTypeMissing,
            VaultError::DeviceNotFound,
            VaultError::DeviceInactive,
            VaultError::DeviceAlreadyActive,
            VaultError::DomainUnknown,
            VaultError::CredentialNotFound,
            VaultError::CredentialInactive,
            VaultError::NoAccess,
            VaultError::NotACredential,
            VaultError::Ambiguous(Vec::new()),
            VaultError::NotInCustody,
            VaultError::CredentialAlreadyActive,
            VaultError::UsernameMissing,
            VaultError::PluginMissing,
            VaultError::TemplateMissing,
            VaultError::IdentifierCharacters,
            VaultError::TotpSeedMissing,
            VaultError::TotpSeedUnusable,
            VaultError::SshKeyNotFound,
            VaultError::NotAnSshKey,
            VaultError::SshKeyInactive,
            VaultError::SshKeyAlreadyActive,
            VaultError::PublicKeyMissing,
            VaultError::PrivateKeyMissing,
            VaultError::InformationNotFound,
            VaultError::InformationInactive,
            VaultError::InformationAlreadyActive,
            VaultError::ContentMissing,
            VaultError::VersionNotFound,
            SessionError::UserMissing.into(),
            SessionError::CredentialMissing.into(),
            SessionError::DeviceMissing.into(),
            SessionError::ProtocolInvalid.into(),
            SessionError::RemoteDeviceMissing.into(),
            SessionError::UserNotFound.into(),
            SessionError::DeviceNotFound.into(),
            SessionError::CredentialNotFound.into(),
            SessionError::NotFound.into(),
            SessionError::Over.into(),
            SessionError::UrlNotGood.into(),
            SessionError::UrlBoundElsewhere.into(),
            VaultError::Keyfactor(KeyfactorError::EntryNotFound),
            VaultError::Store(StoreError::Busy),
            VaultError::Store(StoreError::Unavailable("why")),
            VaultError::Store(StoreError::Contended),
            VaultError::Store(StoreError::Conflict),
            VaultError::Store(StoreError::Panicked),
            VaultError::Store(StoreError::Query("why")),
            VaultError::Seal(SealError),
            VaultError::Token(TokenError::Key),
        ];
        let mut table = String::new();
        for error in &errors {
            for dialect in [Dialect::Legacy, Dialect::Modern] {
                let message = message_of(error, Rendering { dialect, not_authorized: StatusCode::FORBIDDEN });
                let number = message.number.map_or("-".into(), |number| number.to_string());
                let (status, text) = (message.status.as_u16(), message.message);
                // Almost all have error_code 1; the others say so.
                let code = if message.error_code == 1 { "" } else { " (error_code 0)" };
                writeln!(table, "{} {dialect:?} {status} {number} {text}{code}", error.reason()).unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }
}
