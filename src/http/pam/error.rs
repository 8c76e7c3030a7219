//! Every refusal of the vault as the PAM service says it: number, text, HTTP status (contract, sections 1.4 to 1.6).

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};

use super::envelope::{self, Envelope, Exception, Failure};
use super::using::CandidateView;
use crate::http::conditions::Tagged;
use crate::vault::session::SessionError;
use crate::vault::{Dialect, InvalidInput, VaultError};

/// A request that was refused, ready to be answered.
#[derive(Clone, Debug)]
pub struct Refused {
    why: Why,
    dialect: Dialect,
    not_authorized: StatusCode,
}

#[derive(Clone, Debug)]
enum Why {
    TokenMissing,
    TokenNotGood,
    Vault(VaultError),
}

impl Refused {
    /// A refusal by the vault.
    pub(in crate::http) fn because(error: VaultError, dialect: Dialect) -> Self {
        if let Some(fault) = fault(&error) {
            log::error!("{fault}");
        }
        Self { why: Why::Vault(error), dialect, not_authorized: StatusCode::FORBIDDEN }
    }

    /// A request without a token, or with one that is not good.
    pub(in crate::http) fn unauthenticated(missing: bool, dialect: Dialect) -> Self {
        let why = if missing { Why::TokenMissing } else { Why::TokenNotGood };
        Self { why, dialect, not_authorized: StatusCode::FORBIDDEN }
    }

    /// The status that the settings give to "not authorized".
    pub(in crate::http) fn with_setting(mut self, not_authorized: u16) -> Self {
        self.not_authorized = StatusCode::from_u16(not_authorized).unwrap_or(StatusCode::FORBIDDEN);
        self
    }

    /// Gives the refusal, as it is answered, to `listener`.
    pub(super) fn speak<R>(&self, listener: impl FnOnce(&Envelope<'_, Failure<'_>>) -> R) -> R {
        let text = self.text();
        let exception =
            text.number.map(|code| Exception { code, message: text.exception.unwrap_or(&text.message), detail: None });
        let candidates = match &self.why {
            Why::Vault(VaultError::Ambiguous(candidates)) => Some(candidates.iter().map(CandidateView::from).collect()),
            _ => None,
        };
        let payload = Failure { exception, candidates };
        listener(&Envelope::failure(text.status, &text.message, text.error_code, payload))
    }

    fn text(&self) -> Text {
        match &self.why {
            Why::TokenMissing => Text::plain(StatusCode::UNAUTHORIZED, "No route matched with those values"),
            Why::TokenNotGood => Text::plain(StatusCode::UNAUTHORIZED, "Client authentication failed"),
            Why::Vault(error) => text_of(error, self.dialect, self.not_authorized),
        }
    }
}

/// The causes that are ours and go to the log; the client hears nothing of them.
pub(in crate::http) fn fault(error: &VaultError) -> Option<String> {
    match error {
        VaultError::Store(error) => Some(format!("a request failed in the store: {error}")),
        VaultError::Seal(error) => Some(format!("a request failed in the keys: {error}")),
        VaultError::Token(error) => Some(format!("a request failed in the tokens: {error}")),
        _ => None,
    }
}

/// What a client gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    status: StatusCode,
    /// The number in `exception`.
    number: Option<u16>,
    message: String,
    /// What stands in `exception`, where that is another text.
    exception: Option<&'static str>,
    /// What stands in `error_code`.
    error_code: u8,
}

impl Text {
    fn plain(status: StatusCode, message: impl Into<String>) -> Self {
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

/// The table. A new error of the vault asks here for its number.
fn text_of(error: &VaultError, dialect: Dialect, not_authorized: StatusCode) -> Text {
    match error {
        VaultError::NotAuthorized(_) => Text::plain(not_authorized, "You are not authorized to access this resource."),
        VaultError::NoSuchRoute => Text::plain(StatusCode::NOT_FOUND, "Resource sub not found"),
        VaultError::NoSuchMethod => Text::plain(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        VaultError::Invalid(input) => Text::invalid(input),
        VaultError::IdempotencyKeyUsed => {
            Text::plain(StatusCode::CONFLICT, "The idempotency key was used for another request")
        }
        VaultError::PreconditionFailed => {
            Text::plain(StatusCode::PRECONDITION_FAILED, "The item is not in the state that the request names")
        }
        VaultError::Unchanged { .. } => Text::plain(StatusCode::NOT_MODIFIED, "Not modified"),
        VaultError::AnswerKeyMissing => Text::unnumbered("The authorization has no key to encrypt its answers with"),
        VaultError::HostnameMissing => Text::numbered(1004, "The device's hostname was not informed"),
        VaultError::IpMissing => Text::numbered(1005, "The device's IP was not informed"),
        VaultError::CredentialNotFound => Text::numbered(1007, "Credential not found"),
        VaultError::CredentialInactive => Text::numbered(1008, "Credential inactive"),
        VaultError::NoAccess => Text::numbered(1009, "No access to credential"),
        VaultError::NotACredential => Text::numbered(1010, "The item is not a credential"),
        VaultError::DeviceNotFound => Text::numbered(1011, "Device not found"),
        VaultError::DeviceInactive => Text::numbered(1012, "Device inactive"),
        VaultError::Ambiguous(_) => {
            Text::plain(StatusCode::CONFLICT, "Several credentials match; send what tells them apart")
        }
        VaultError::NotInCustody => Text::numbered(1018, "The credential is not in the user custody"),
        VaultError::SiteMissing => Text::numbered(1019, "The device's site was not informed"),
        VaultError::ModelMissing => Text::numbered(1020, "The device's model was not informed"),
        VaultError::VendorMissing => Text::numbered(1021, "The device's vendor was not informed"),
        VaultError::DeviceTypeMissing => Text::numbered(1022, "The device's type was not informed"),
        VaultError::DomainUnknown => {
            Text::numbered(1029, "It is not possible to enter a domain that has not been previously registered")
        }
        VaultError::ReadOnly => Text::numbered(1039, "Without PAM Configuration Access permission"),
        VaultError::UsernameMissing => Text::numbered(1042, "Invalid username"),
        VaultError::CredentialAlreadyActive => Text::numbered(1043, "Credential is already activated!"),
        VaultError::DeviceAlreadyActive => Text::numbered(1044, "Device is already activated"),
        VaultError::PluginMissing => Text::numbered(1046, "Plugin not informed"),
        VaultError::TemplateMissing => Text::numbered(1047, "Template plugin not informed"),
        VaultError::IdentifierCharacters => {
            Text::numbered(1053, "The identifier can only contain letters, numbers, \"_\" and \"-\".")
        }
        VaultError::TotpSeedMissing => Text::unnumbered("The credential has no TOTP secret_key"),
        VaultError::TotpSeedUnusable => Text::unnumbered("The secret_key of the credential is not a TOTP seed"),
        VaultError::PublicKeyMissing => Text::numbered(1013, "The public key was not informed"),
        VaultError::PrivateKeyMissing => Text::numbered(1014, "The private key was not informed"),
        VaultError::SshKeyNotFound => Text::numbered(1015, "SSH key not found"),
        VaultError::NotAnSshKey => Text::numbered(1016, "The item is not a ssh key"),
        VaultError::SshKeyInactive => Text::numbered(1017, "Key inactive"),
        VaultError::SshKeyAlreadyActive => Text::numbered(1045, "Ssh key is already activated"),
        VaultError::InformationNotFound => Text::numbered(1023, "Information not found"),
        VaultError::InformationInactive => Text::numbered(1024, "Inactive information"),
        // The older service has no such call, and so no number for it.
        VaultError::InformationAlreadyActive => Text::unnumbered("Information is already activated"),
        VaultError::ContentMissing => Text::numbered(1026, "The information content was not informed"),
        VaultError::VersionNotFound => Text::unnumbered("Version not found"),
        VaultError::Session(error) => text_of_session(*error, dialect),
        // The one refusal of that family that can be met here: an entry, or its provider, is not there.
        VaultError::Keyfactor(_) => Text::unnumbered("Entry not found"),
        VaultError::Store(error) if error.is_temporary() => Text::later(),
        VaultError::Store(_) | VaultError::Seal(_) | VaultError::Token(_) => Text::unexpected(dialect),
    }
}

/// The rows of proxy sessions (contract, sections 9.1 and 9.2).
fn text_of_session(error: SessionError, dialect: Dialect) -> Text {
    match error {
        SessionError::UserMissing => Text::of_session(match dialect {
            Dialect::Legacy => "User not specified",
            Dialect::Modern => "Username not specified",
        }),
        SessionError::CredentialMissing => Text::of_session("Credential not specified"),
        SessionError::DeviceMissing => Text::of_session("Credential device not specified"),
        SessionError::ProtocolInvalid => Text::of_session("Invalid protocol"),
        SessionError::RemoteDeviceMissing => Text::of_session("Remote device not specified"),
        SessionError::UserNotFound => Text::of_session("User not found"),
        SessionError::DeviceNotFound => Text::of_session("Device not found"),
        SessionError::CredentialNotFound => Text::of_session("Credential not found"),
        // Spelled as documented.
        SessionError::NotFound | SessionError::Over => {
            Text::plain(StatusCode::INTERNAL_SERVER_ERROR, "An error occurred while droping session")
        }
        // Whoever opens a URL gets a page, and no envelope.
        SessionError::UrlNotGood | SessionError::UrlBoundElsewhere => {
            Text::plain(StatusCode::NOT_FOUND, "Resource sub not found")
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text().message)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.text().status
    }

    fn error_response(&self) -> HttpResponse {
        if let Why::Vault(VaultError::Unchanged { tag, .. }) = &self.why {
            return envelope::unchanged().tagged(Some(tag));
        }
        let mut response = self.speak(|envelope| envelope.respond());
        let header = match (&self.why, response.status()) {
            (Why::TokenMissing, _) => Some((WWW_AUTHENTICATE, "Bearer")),
            (Why::TokenNotGood, _) => Some((WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")),
            (_, StatusCode::SERVICE_UNAVAILABLE) => Some((RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::crypto::SealError;
    use crate::store::{Cause, StoreError};
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
            VaultError::Store(StoreError::Contended(Cause::default())),
            VaultError::Store(StoreError::Conflict(Cause::default())),
            VaultError::Store(StoreError::Panicked),
            VaultError::Store(StoreError::Query("why")),
            VaultError::Seal(SealError),
            VaultError::Token(TokenError::Key),
        ];
        let mut table = String::new();
        for error in &errors {
            for dialect in [Dialect::Legacy, Dialect::Modern] {
                let text = text_of(error, dialect, StatusCode::FORBIDDEN);
                let number = text.number.map_or("-".into(), |number| number.to_string());
                let (status, message) = (text.status.as_u16(), text.message);
                // Almost all have error_code 1; the others say so.
                let code = if text.error_code == 1 { "" } else { " (error_code 0)" };
                writeln!(table, "{} {dialect:?} {status} {number} {message}{code}", error.reason()).unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_status_of_not_authorized_is_a_setting() {
        let refused = Refused::because(VaultError::NotAuthorized(Refusal::Source), Dialect::Legacy);
        assert_eq!(refused.status_code(), StatusCode::FORBIDDEN);
        assert_eq!(refused.with_setting(500).status_code(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
