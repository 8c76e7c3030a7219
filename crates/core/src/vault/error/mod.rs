//! The errors of the rules: a kind with a noun. Each protocol family maps them to its codes, texts and statuses.

mod field;
mod noun;

pub use field::{Field, InvalidField};
pub use noun::{Noun, Switchable};

use super::credential::Candidate;
use super::jit::AccountProblem;
use super::operation::{ETag, Subject};
use crate::crypto::SealError;
use crate::store::StoreError;
use crate::store::id::CredentialId;
use crate::token::TokenError;

/// The error of an operation. The texts are for the log and contain no request data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The principal lacks a permission, or its origin is not allowed by its authorization.
    #[error("denied: {}", .0.as_str())]
    Denied(DenyReason),
    /// A field has an invalid value.
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
    /// The object does not exist, or is invisible to the principal and its noun has no code for "no access".
    #[error("{} not found", .0.as_str())]
    NotFound(Noun),
    /// The object exists and the principal does not see it, or another client holds it exclusively.
    #[error("no access to {}", .0.as_str())]
    NoAccess(Noun),
    /// The object exists and is of another kind than the operation requires.
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
    /// The object is built in, or the caller's own, and cannot be changed or deleted.
    #[error("{} protected", .0.as_str())]
    Protected(Noun),
    /// Several objects match a request for one. Holds the first matches, without secrets.
    #[error("several objects match")]
    Ambiguous(Vec<Candidate>),
    /// More objects match than one response may list.
    #[error("too many: {}", .0.as_str())]
    TooMany(Noun),
    /// The principal has too many whole lists in progress.
    #[error("too many lists at a time")]
    TooManyLists,
    /// The client does not hold the credential.
    #[error("not in the client's custody")]
    NotHeld,
    /// The password or SSH key is being changed on its target, and the request requires one that is in force.
    #[error("the password is being changed")]
    BeingChanged,
    /// The account of the credential exists only while custody lasts, and does not exist now. The request does not create it.
    #[error("the account does not exist now")]
    AccountAbsent(CredentialId),
    /// The account of the credential exists only while custody lasts, and was not created or enabled on its target.
    #[error("the account was not created: {}", .0.as_str())]
    AccountNotMade(AccountProblem),
    /// A precondition failed, or an idempotency key was reused.
    #[error(transparent)]
    Precondition(#[from] Precondition),
    /// A service that the operation needs does not answer.
    #[error("{} unavailable", .0.as_str())]
    Unavailable(Dependency),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A value could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A token could not be issued.
    #[error(transparent)]
    Token(#[from] TokenError),
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
            VaultError::TooMany(noun) => format!("too-many-{}", noun.as_str()),
            VaultError::TooManyLists => "too-many-lists".into(),
            VaultError::NotHeld => "not-in-custody".into(),
            VaultError::BeingChanged => "being-changed".into(),
            VaultError::AccountAbsent(_) => "account-absent".into(),
            VaultError::AccountNotMade(problem) => format!("account-not-made-{}", problem.as_str()),
            VaultError::Precondition(precondition) => precondition.reason().into(),
            VaultError::Unavailable(dependency) => format!("{}-unavailable", dependency.as_str()),
            VaultError::Store(_) => "store-failed".into(),
            VaultError::Seal(_) => "seal-failed".into(),
            VaultError::Token(_) => "token-failed".into(),
        }
    }
}

/// The reason for a denial. Written to the audit log, and to the client only where its protocol does so.
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
    /// The custody of the credential is exclusive, and the protocol of the request takes none.
    ExclusiveCustody,
    /// The client was disabled, or its token revoked, while the request was waiting.
    Revoked,
    /// The proof of the request was used before.
    Replayed,
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
            DenyReason::ExclusiveCustody => "exclusive-custody",
            DenyReason::Revoked => "revoked",
            DenyReason::Replayed => "replayed",
        }
    }
}

/// The outcome of a precondition (RFC 9110, section 13) or idempotency key that ends a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Precondition {
    /// The idempotency key was used for another request.
    #[error("idempotency key reused")]
    KeyReused,
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("precondition failed")]
    Failed {
        /// The ETag of the current state, for a read.
        etag: Option<ETag>,
    },
    /// The client has the current state. Not a refusal: the changes of the read are committed, and the response omits the
    /// object.
    #[error("not modified")]
    NotModified {
        /// The requested object.
        subject: Subject,
        /// The ETag of its state.
        etag: ETag,
    },
}

impl Precondition {
    fn reason(&self) -> &'static str {
        match self {
            Precondition::KeyReused => "idempotency-key-used",
            Precondition::Failed { .. } => "precondition-failed",
            Precondition::NotModified { .. } => "unchanged",
        }
    }
}

/// A service that an operation depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// The database, which did not answer by the deadline of the request.
    Database,
    /// The directory of accounts.
    Directory,
    /// The clock of this machine, which differs from that of the database.
    Clock,
    /// The copy of the grants in memory is too old to decide by.
    Grants,
    /// The server of a trusted issuer's keys.
    IssuerKeys,
}

impl Dependency {
    /// The name in messages and in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Dependency::Database => "database",
            Dependency::Directory => "directory",
            Dependency::Clock => "clock",
            Dependency::Grants => "grants",
            Dependency::IssuerKeys => "issuer-keys",
        }
    }
}
