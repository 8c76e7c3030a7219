//! The errors of the rules: a kind and the noun that it is about. A protocol family gives each its code, text and status.

use super::credential::Candidate;
use super::operation::{ETag, Subject};
use crate::crypto::SealError;
use crate::store::StoreError;
use crate::token::TokenError;

/// Why an operation did not happen. The texts are for the log; they repeat nothing that was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The principal lacks a permission, or comes from a place that its authorization does not allow.
    #[error("denied: {}", .0.as_str())]
    Denied(DenyReason),
    /// A field has a value that it cannot have.
    #[error("invalid {}: {}", .0.field.as_str(), .0.expected)]
    Invalid(InvalidField),
    /// A required field was not sent.
    #[error("missing {}", .0.as_str())]
    Missing(Field),
    /// A provider that is not remote lacks the value of a parameter of its type.
    #[error("missing parameter value")]
    MissingParameterValue {
        /// The parameter's name, as its type spells it.
        parameter: String,
    },
    /// The object does not exist; for nouns without a code for "no access", also one that the principal does not see.
    #[error("{} not found", .0.as_str())]
    NotFound(Noun),
    /// The object exists and the principal does not see it, or another client holds it exclusively.
    #[error("no access to {}", .0.as_str())]
    NoAccess(Noun),
    /// The object exists and is of another kind than the operation is about.
    #[error("not a {}", .0.as_str())]
    WrongKind(Noun),
    /// The object, or the device that it belongs to, is inactive.
    #[error("{} inactive", .0.as_str())]
    Inactive(Switchable),
    /// The object is active already.
    #[error("{} active already", .0.as_str())]
    AlreadyActive(Switchable),
    /// Another object has the name.
    #[error("{} name taken", .0.as_str())]
    Taken(Noun),
    /// Other objects refer to it.
    #[error("{} in use", .0.as_str())]
    InUse(Noun),
    /// The object is built in, or is the caller's own, and stays.
    #[error("{} protected", .0.as_str())]
    Protected(Noun),
    /// Several objects match a request for one. Holds the first of them, without secrets, to choose from.
    #[error("several objects match")]
    Ambiguous(Vec<Candidate>),
    /// The client does not hold the credential.
    #[error("not in the client's custody")]
    NotHeld,
    /// A precondition or an idempotency key decided against the request.
    #[error(transparent)]
    Precondition(#[from] Precondition),
    /// A service that the operation needs does not answer.
    #[error("{} unavailable", .0.as_str())]
    Unavailable(Dependency),
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

/// The kinds of object that a rule can miss, refuse or find in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Noun {
    Application,
    Authorization,
    Credential,
    Device,
    Domain,
    Entry,
    Identity,
    Information,
    Link,
    /// A provider whose entries are kept here.
    LocalProvider,
    PermissionSet,
    Provider,
    ProviderType,
    ProxySession,
    /// The single-use URL of a proxy session.
    ProxySessionUrl,
    ResponseKey,
    Role,
    SshKey,
    Tag,
    /// The credential that a proxy session is to use.
    TargetCredential,
    /// The device that a proxy session is to reach.
    TargetDevice,
    /// The platform user in whose name a proxy session is created.
    TargetUser,
    TotpSeed,
    User,
    Version,
}

impl Noun {
    /// The noun as in audit records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Noun::Application => "application",
            Noun::Authorization => "authorization",
            Noun::Credential => "credential",
            Noun::Device => "device",
            Noun::Domain => "domain",
            Noun::Entry => "entry",
            Noun::Identity => "identity",
            Noun::Information => "information",
            Noun::Link => "link",
            Noun::LocalProvider => "local-provider",
            Noun::PermissionSet => "permission-set",
            Noun::Provider => "provider",
            Noun::ProviderType => "provider-type",
            Noun::ProxySession => "proxy-session",
            Noun::ProxySessionUrl => "proxy-session-url",
            Noun::ResponseKey => "response-key",
            Noun::Role => "role",
            Noun::SshKey => "ssh-key",
            Noun::Tag => "tag",
            Noun::TargetCredential => "target-credential",
            Noun::TargetDevice => "target-device",
            Noun::TargetUser => "target-user",
            Noun::TotpSeed => "totp-seed",
            Noun::User => "user",
            Noun::Version => "version",
        }
    }
}

/// The kinds of object that can be deactivated and activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Switchable {
    Credential,
    Device,
    Information,
    /// A proxy session ends once and is never activated again.
    ProxySession,
    SshKey,
}

impl Switchable {
    /// The noun as in audit records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Switchable::Credential => "credential",
            Switchable::Device => "device",
            Switchable::Information => "information",
            Switchable::ProxySession => "proxy-session",
            Switchable::SshKey => "ssh-key",
        }
    }
}

/// A field of an input. A family maps it to the name that its wire format uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Field {
    AccountName,
    AllowedAddress,
    AllowedReferer,
    Certificate,
    Connectivities,
    Content,
    Criticality,
    DataType,
    Description,
    Device,
    DeviceTags,
    DeviceType,
    DisplayName,
    EmailAddress,
    Expiry,
    Hostname,
    Identifier,
    Ip,
    Items,
    JitPlugin,
    JitTemplate,
    Model,
    Name,
    Parameter,
    ParameterName,
    Parameters,
    ParameterValue,
    Parent,
    Password,
    Permissions,
    PermissionSet,
    Port,
    PrivateKey,
    Protocol,
    ProviderType,
    PublicKey,
    RemoteAddress,
    RemoteDevice,
    Resource,
    ResponseEncryption,
    Roles,
    ScreenSize,
    SecretKey,
    SecretName,
    SecretValue,
    SessionCredential,
    SessionDevice,
    SessionUser,
    Site,
    Tags,
    Username,
    Vendor,
}

impl Field {
    /// The name in messages of the command line and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::AccountName => "account name",
            Field::AllowedAddress => "allowed address",
            Field::AllowedReferer => "allowed referer",
            Field::Certificate => "certificate",
            Field::Connectivities => "connectivities",
            Field::Content => "content",
            Field::Criticality => "criticality",
            Field::DataType => "data type",
            Field::Description => "description",
            Field::Device => "device",
            Field::DeviceTags => "device_tags",
            Field::DeviceType => "device type",
            Field::DisplayName => "display name",
            Field::EmailAddress => "e-mail address",
            Field::Expiry => "expiry",
            Field::Hostname => "hostname",
            Field::Identifier => "identifier",
            Field::Ip => "ip",
            Field::Items => "items",
            Field::JitPlugin => "plugin",
            Field::JitTemplate => "template",
            Field::Model => "model",
            Field::Name => "name",
            Field::Parameter => "parameter",
            Field::ParameterName => "parameter name",
            Field::Parameters => "parameters",
            Field::ParameterValue => "parameter value",
            Field::Parent => "parent",
            Field::Password => "password",
            Field::Permissions => "permissions",
            Field::PermissionSet => "permission set",
            Field::Port => "port",
            Field::PrivateKey => "private key",
            Field::Protocol => "protocol",
            Field::ProviderType => "provider type",
            Field::PublicKey => "public key",
            Field::RemoteAddress => "remote address",
            Field::RemoteDevice => "remote device",
            Field::Resource => "resource",
            Field::ResponseEncryption => "response encryption",
            Field::Roles => "roles",
            Field::ScreenSize => "screen size",
            Field::SecretKey => "secret key",
            Field::SecretName => "secret name",
            Field::SecretValue => "secret value",
            Field::SessionCredential => "credential",
            Field::SessionDevice => "device",
            Field::SessionUser => "user",
            Field::Site => "site",
            Field::Tags => "tags",
            Field::Username => "username",
            Field::Vendor => "vendor",
        }
    }
}

/// A field with a value that it cannot have. Never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidField {
    /// Which field.
    pub field: Field,
    /// What it has to be.
    pub expected: &'static str,
    /// Whether single characters are the problem, and not the form.
    pub is_charset: bool,
}

impl VaultError {
    /// The error of a field whose value does not have the expected form.
    pub fn invalid(field: Field, expected: &'static str) -> Self {
        VaultError::Invalid(InvalidField { field, expected, is_charset: false })
    }

    /// The error of a field with characters that it must not contain.
    pub fn charset(field: Field, expected: &'static str) -> Self {
        VaultError::Invalid(InvalidField { field, expected, is_charset: true })
    }

    /// The reason in the audit log; stable.
    pub fn reason(&self) -> String {
        match self {
            VaultError::Denied(reason) => reason.as_str().into(),
            VaultError::Invalid(_) => "invalid-input".into(),
            VaultError::Missing(field) => format!("{}-missing", field.as_str().replace(' ', "-")),
            VaultError::MissingParameterValue { .. } => "parameter-value-missing".into(),
            VaultError::NotFound(noun) => format!("{}-not-found", noun.as_str()),
            VaultError::NoAccess(Noun::ProxySessionUrl) => "session-url-bound-elsewhere".into(),
            VaultError::NoAccess(_) => "no-access".into(),
            VaultError::WrongKind(noun) => format!("not-a-{}", noun.as_str()),
            VaultError::Inactive(noun) => format!("{}-inactive", noun.as_str()),
            VaultError::AlreadyActive(noun) => format!("{}-already-active", noun.as_str()),
            VaultError::Taken(noun) => format!("{}-name-taken", noun.as_str()),
            VaultError::InUse(noun) => format!("{}-in-use", noun.as_str()),
            VaultError::Protected(noun) => format!("{}-protected", noun.as_str()),
            VaultError::Ambiguous(_) => "ambiguous".into(),
            VaultError::NotHeld => "not-in-custody".into(),
            VaultError::Precondition(precondition) => precondition.reason().into(),
            VaultError::Unavailable(dependency) => format!("{}-unavailable", dependency.as_str()),
            VaultError::Store(_) => "store-failed".into(),
            VaultError::Seal(_) => "seal-failed".into(),
            VaultError::Token(_) => "token-failed".into(),
        }
    }
}

/// Why a principal is denied. Told to the audit log, and to a client only as far as its protocol does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyReason {
    /// The authorization does not hold the resource.
    Resource,
    /// The source address is not allowed.
    Source,
    /// The referer is missing or not allowed.
    Referer,
    /// The client certificate is missing or not allowed.
    Certificate,
    /// The authorization is read-only.
    ReadOnly,
    /// No role of the principal grants the permission.
    Permission,
    /// The operation is for the operator alone.
    OperatorOnly,
    /// The client was disabled, or its token revoked, while the request was waiting.
    Revoked,
}

impl DenyReason {
    /// The reason in the audit log; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            DenyReason::Resource => "resource-not-granted",
            DenyReason::Source => "source-not-allowed",
            DenyReason::Referer => "referer-not-allowed",
            DenyReason::Certificate => "certificate-not-allowed",
            DenyReason::ReadOnly => "read-only",
            DenyReason::Permission => "permission-not-held",
            DenyReason::OperatorOnly => "operator-only",
            DenyReason::Revoked => "revoked",
        }
    }
}

/// How a precondition (RFC 9110, section 13) or an idempotency key decided against a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Precondition {
    /// The idempotency key was used for another request.
    #[error("idempotency key reused")]
    KeyReused,
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("precondition failed")]
    Failed,
    /// The client knows the current state. Nothing is refused: what the read did stands, and only the object is left out.
    #[error("not modified")]
    NotModified {
        /// What was asked for.
        subject: Subject,
        /// The ETag of its state.
        etag: ETag,
    },
}

impl Precondition {
    fn reason(&self) -> &'static str {
        match self {
            Precondition::KeyReused => "idempotency-key-used",
            Precondition::Failed => "precondition-failed",
            Precondition::NotModified { .. } => "unchanged",
        }
    }
}

/// A service that an operation depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// The directory of accounts.
    Directory,
    /// The copy of the grants in memory is too old to decide by.
    Grants,
}

impl Dependency {
    /// The name in messages and in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Dependency::Directory => "directory",
            Dependency::Grants => "grants",
        }
    }
}
