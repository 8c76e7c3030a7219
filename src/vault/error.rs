//! Everything that a call can end in other than success, in the vault's own words.

use super::credential::Candidate;
use super::keyfactor::KeyfactorError;
use super::session::SessionError;
use super::{Object, StateTag};
use crate::crypto::SealError;
use crate::store::StoreError;
use crate::token::TokenError;

/// Why the vault did not do what it was asked. `http` gives each its code, text and status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The client's authorization does not hold the resource, or does not allow where the call comes from.
    #[error("not authorized for this resource")]
    NotAuthorized(Refusal),
    /// A write with a read-only authorization.
    #[error("read-only authorization")]
    ReadOnly,
    /// Something in the request has the wrong form.
    #[error("{0}")]
    Invalid(InvalidInput),
    /// Encrypted secrets were asked for, and there is no key to encrypt them under.
    #[error("the authorization has no answer key")]
    AnswerKeyMissing,
    /// No such path or method.
    #[error("no such route")]
    NoSuchRoute,
    /// The path is there, the method is not.
    #[error("no such method on this path")]
    NoSuchMethod,

    /// The idempotency key was used for another request.
    #[error("idempotency key used")]
    IdempotencyKeyUsed,
    /// The item is not in a state that the request names.
    #[error("precondition failed")]
    PreconditionFailed,
    /// The item is in a state that the client knows. Nothing is refused: what the read did stands, and only the item
    /// is left out.
    #[error("unchanged")]
    Unchanged {
        /// What was asked for.
        object: Object,
        /// The tag of its state.
        tag: StateTag,
    },

    /// A device's hostname was not given.
    #[error("hostname missing")]
    HostnameMissing,
    /// A device's address was not given.
    #[error("ip missing")]
    IpMissing,
    /// A device's site was not given.
    #[error("site missing")]
    SiteMissing,
    /// A device's model was not given.
    #[error("model missing")]
    ModelMissing,
    /// A device's vendor was not given.
    #[error("vendor missing")]
    VendorMissing,
    /// A device's type was not given.
    #[error("device type missing")]
    DeviceTypeMissing,
    /// No such device, or not one that the client sees.
    #[error("device not found")]
    DeviceNotFound,
    /// The device is switched off.
    #[error("device inactive")]
    DeviceInactive,
    /// The device is switched on already.
    #[error("device active already")]
    DeviceAlreadyActive,
    /// The domain is not registered.
    #[error("domain not registered")]
    DomainUnknown,

    /// No such credential.
    #[error("credential not found")]
    CredentialNotFound,
    /// The credential, or its device, is switched off.
    #[error("credential inactive")]
    CredentialInactive,
    /// The credential is not one that the client sees.
    #[error("no access to the credential")]
    NoAccess,
    /// The item is an SSH key.
    #[error("not a password credential")]
    NotACredential,
    /// Several credentials fit a request for one: the first of them, to choose from.
    #[error("several credentials fit")]
    Ambiguous(Vec<Candidate>),
    /// The client does not hold the credential.
    #[error("not in the client's custody")]
    NotInCustody,
    /// The credential is switched on already.
    #[error("credential active already")]
    CredentialAlreadyActive,
    /// The username was not given.
    #[error("username missing")]
    UsernameMissing,
    /// Just-in-time access without its plugin.
    #[error("plugin missing")]
    PluginMissing,
    /// Just-in-time access without its template.
    #[error("template missing")]
    TemplateMissing,
    /// An identifier with a character that it may not have.
    #[error("identifier with other characters")]
    IdentifierCharacters,

    /// The credential has no TOTP seed.
    #[error("no TOTP seed")]
    TotpSeedMissing,
    /// The TOTP seed that was stored is none.
    #[error("unusable TOTP seed")]
    TotpSeedUnusable,

    /// No such SSH key.
    #[error("SSH key not found")]
    SshKeyNotFound,
    /// The item is a password credential.
    #[error("not an SSH key")]
    NotAnSshKey,
    /// The SSH key, or its device, is switched off.
    #[error("SSH key inactive")]
    SshKeyInactive,
    /// The SSH key is switched on already.
    #[error("SSH key active already")]
    SshKeyAlreadyActive,
    /// The public key was not given, and cannot be told from the private one.
    #[error("public key missing")]
    PublicKeyMissing,
    /// The private key was not given.
    #[error("private key missing")]
    PrivateKeyMissing,

    /// No such information, or not one that the client sees.
    #[error("information not found")]
    InformationNotFound,
    /// The information is switched off.
    #[error("information inactive")]
    InformationInactive,
    /// The information is switched on already.
    #[error("information active already")]
    InformationAlreadyActive,
    /// The text of an information was not given.
    #[error("content missing")]
    ContentMissing,

    /// No such version, or one that is no longer kept.
    #[error("version not found")]
    VersionNotFound,

    /// Something about a proxy session.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A refusal of the Keyfactor families' own rules.
    #[error(transparent)]
    Keyfactor(#[from] KeyfactorError),

    /// The database did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A value did not seal or open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A token could not be issued.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Why an authenticated client is not authorized. Told to the log, not to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The resource is not among those of its authorization.
    Resource,
    /// The source address is not among those of its authorization.
    Source,
    /// The referer is not among those of its authorization, or missing.
    Referer,
    /// The client's certificate is not among those of its authorization, or missing.
    Certificate,
    /// No role of the caller holds the permission.
    Permission,
}

impl Refusal {
    /// The stable word for the audit log.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Refusal::Resource => "resource-not-granted",
            Refusal::Source => "source-not-allowed",
            Refusal::Referer => "referer-not-allowed",
            Refusal::Certificate => "certificate-not-allowed",
            Refusal::Permission => "permission-not-held",
        }
    }
}

/// What is wrong with the form of a request. Names the parameter, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInput {
    /// The body is not JSON, though its content type says so.
    #[error("The request body is not valid JSON")]
    NotJson,
    /// The body is JSON and not an object.
    #[error("The request body must be a JSON object")]
    NotAnObject,
    /// The body is not the form that its content type says.
    #[error("The request body is not a valid form")]
    NotAForm,
    /// The body is larger than the settings allow.
    #[error("The request body is too large")]
    TooLarge,
    /// The body could not be read to its end.
    #[error("The request body could not be read")]
    Unreadable,
    /// A header has the wrong form.
    #[error("Invalid header {header}: {expected}")]
    Header {
        /// Its name, from our own list.
        header: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A parameter has the wrong form.
    #[error("Invalid parameter {parameter}: {expected}")]
    Parameter {
        /// Its name, from our own list.
        parameter: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
}

impl InvalidInput {
    /// The error of one parameter.
    pub fn parameter(parameter: &'static str, expected: &'static str) -> VaultError {
        VaultError::Invalid(InvalidInput::Parameter { parameter, expected })
    }

    /// The error of one header.
    pub fn header(header: &'static str, expected: &'static str) -> VaultError {
        VaultError::Invalid(InvalidInput::Header { header, expected })
    }
}

impl From<InvalidInput> for VaultError {
    fn from(input: InvalidInput) -> Self {
        VaultError::Invalid(input)
    }
}

impl VaultError {
    /// The stable word for the audit log.
    pub fn reason(&self) -> &'static str {
        match self {
            VaultError::NotAuthorized(refusal) => refusal.reason(),
            VaultError::ReadOnly => "read-only",
            VaultError::Invalid(_) => "invalid-input",
            VaultError::AnswerKeyMissing => "answer-key-missing",
            VaultError::NoSuchRoute => "no-such-route",
            VaultError::NoSuchMethod => "no-such-method",
            VaultError::IdempotencyKeyUsed => "idempotency-key-used",
            VaultError::PreconditionFailed => "precondition-failed",
            VaultError::Unchanged { .. } => "unchanged",
            VaultError::HostnameMissing => "hostname-missing",
            VaultError::IpMissing => "ip-missing",
            VaultError::SiteMissing => "site-missing",
            VaultError::ModelMissing => "model-missing",
            VaultError::VendorMissing => "vendor-missing",
            VaultError::DeviceTypeMissing => "device-type-missing",
            VaultError::DeviceNotFound => "device-not-found",
            VaultError::DeviceInactive => "device-inactive",
            VaultError::DeviceAlreadyActive => "device-already-active",
            VaultError::DomainUnknown => "domain-unknown",
            VaultError::CredentialNotFound => "credential-not-found",
            VaultError::CredentialInactive => "credential-inactive",
            VaultError::NoAccess => "no-access",
            VaultError::NotACredential => "not-a-credential",
            VaultError::Ambiguous(_) => "ambiguous",
            VaultError::NotInCustody => "not-in-custody",
            VaultError::CredentialAlreadyActive => "credential-already-active",
            VaultError::UsernameMissing => "username-missing",
            VaultError::PluginMissing => "plugin-missing",
            VaultError::TemplateMissing => "template-missing",
            VaultError::IdentifierCharacters => "identifier-characters",
            VaultError::TotpSeedMissing => "totp-seed-missing",
            VaultError::TotpSeedUnusable => "totp-seed-unusable",
            VaultError::SshKeyNotFound => "ssh-key-not-found",
            VaultError::NotAnSshKey => "not-an-ssh-key",
            VaultError::SshKeyInactive => "ssh-key-inactive",
            VaultError::SshKeyAlreadyActive => "ssh-key-already-active",
            VaultError::PublicKeyMissing => "public-key-missing",
            VaultError::PrivateKeyMissing => "private-key-missing",
            VaultError::InformationNotFound => "information-not-found",
            VaultError::InformationInactive => "information-inactive",
            VaultError::InformationAlreadyActive => "information-already-active",
            VaultError::ContentMissing => "content-missing",
            VaultError::VersionNotFound => "version-not-found",
            VaultError::Session(error) => error.reason(),
            VaultError::Keyfactor(error) => error.reason(),
            VaultError::Store(_) => "store-failed",
            VaultError::Seal(_) => "seal-failed",
            VaultError::Token(_) => "token-failed",
        }
    }
}
