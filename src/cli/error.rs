//! Errors of commands: the sentence on standard error, the exit code, and the reason in the audit log.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::client::ClientError;
use super::output::OutputError;
use crate::audit::Break;
use crate::config::SettingsError;
use crate::crypto::RootKeyError;
use crate::crypto::age::IdentityError;
use crate::http::TlsError;
use crate::store::StoreError;
use crate::text::encoding::EncodingError;
use crate::vault::audit_log::VerificationError;
use crate::vault::audit_prune::PruneError;
use crate::vault::backup::BackupError;
use crate::vault::{DenyReason, Dependency, Noun, Precondition, StartError, VaultError};

/// The exit codes, for the help page.
pub(super) const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 root key missing, \
    wrong, exposed or in shares, 4 database unavailable or damaged, 5 the audit log does not verify, 6 the audit log verifies and there were no \
    heads to compare it with, 7 the vault cannot be reached, 8 a backup is damaged, 9 root_key.command gives no root key. exec: the code of the program, or 125 nothing was started, 126 the \
    program cannot be started, 127 it is not found.";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{}", message(.0))]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the settings cannot be used: {0}")]
    Settings(#[from] SettingsError),
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, ErrorKind),
    #[error("{} {}", .0.display(), .1)]
    Encoding(PathBuf, EncodingError),
    #[error("cannot write {}: {}", .0.display(), .1)]
    Unwritable(PathBuf, ErrorKind),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot read standard input: {0}")]
    Input(ErrorKind),
    #[error("the text on standard input {0}")]
    InputEncoding(EncodingError),
    #[error("a line of standard input is longer than {0} bytes")]
    LongInput(usize),
    #[error("cannot serve on {0}: {1}")]
    Listen(SocketAddr, ErrorKind),
    #[error("cannot receive signals: {0}")]
    Signals(ErrorKind),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("a new secret was created and could not be shown; create another one, and end this one")]
    SecretNotShown,
    #[error("the audit log is damaged: {0}")]
    UnreadableLog(String),
    #[error("the audit log does not verify: {0}")]
    Broken(Break),
    #[error(
        "there are no heads in {} to compare the audit log with, so a cut-off end would not show; name a copy with \
         --heads, or accept it with --without-heads", .0.display()
    )]
    NoHeads(PathBuf),
    #[error(transparent)]
    Backup(BackupError),
    #[error("{}: {}", .0.display(), .1)]
    Identity(PathBuf, IdentityError),
    #[error("{0}")]
    Check(String),
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Vault(error) => error.into(),
            BackupError::Store(error) => error.into(),
            BackupError::Start(error) => error.into(),
            error => CliError::Backup(error),
        }
    }
}

impl From<PruneError> for CliError {
    fn from(error: PruneError) -> Self {
        match error {
            PruneError::Vault(error) => error.into(),
            PruneError::Archive(path, kind) => CliError::Unwritable(path, kind),
            PruneError::Broken(broken) => CliError::Broken(broken),
        }
    }
}

impl From<VerificationError> for CliError {
    fn from(error: VerificationError) -> Self {
        match error {
            VerificationError::Vault(error) => error.into(),
            VerificationError::Heads(path, kind) => CliError::Unreadable(path.into(), kind),
            VerificationError::Unreadable { .. } => CliError::UnreadableLog(error.to_string()),
        }
    }
}

impl CliError {
    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            CliError::Start(StartError::RootKey(RootKeyError::Command(_))) => 9,
            CliError::Start(StartError::RootKey(_) | StartError::FormerRootKey | StartError::Sealed(_)) => 3,
            CliError::Start(
                StartError::Store(_) | StartError::Keys | StartError::DataKey(_) | StartError::Unreadable { .. },
            )
            | CliError::Store(_)
            | CliError::UnreadableLog(_)
            | CliError::Vault(VaultError::Store(_) | VaultError::Seal(_)) => 4,
            CliError::Broken(_) => 5,
            CliError::NoHeads(_) => 6,
            CliError::Backup(BackupError::Damaged(_)) => 8,
            CliError::Client(error) => error.code(),
            CliError::Start(StartError::Leftovers(_) | StartError::DataDirectory(..) | StartError::NotPrivate(..))
            | CliError::Vault(_)
            | CliError::Settings(_)
            | CliError::Unreadable(..)
            | CliError::Unwritable(..)
            | CliError::Encoding(..)
            | CliError::Input(_)
            | CliError::InputEncoding(_)
            | CliError::LongInput(_)
            | CliError::Listen(..)
            | CliError::Signals(_)
            | CliError::Tls(_)
            | CliError::Output(_)
            | CliError::SecretNotShown
            | CliError::Backup(_)
            | CliError::Identity(..)
            | CliError::Check(_) => 1,
        }
    }

    /// Whether the reader of the output has gone.
    pub(super) fn is_closed_pipe(&self) -> bool {
        match self {
            CliError::Output(error) => error.is_closed_pipe(),
            CliError::Client(error) => error.is_closed_pipe(),
            _ => false,
        }
    }

    /// The reason in the audit log, for a command that fails after its permit; stable.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            CliError::Unreadable(..) | CliError::Encoding(..) => "file-unreadable",
            CliError::Input(_) | CliError::InputEncoding(_) | CliError::LongInput(_) => "input-unreadable",
            CliError::Broken(_) => "audit-log-broken",
            CliError::UnreadableLog(_) => "audit-log-unreadable",
            CliError::NoHeads(_) => "audit-heads-missing",
            CliError::Start(_)
            | CliError::Vault(_)
            | CliError::Store(_)
            | CliError::Settings(_)
            | CliError::Listen(..)
            | CliError::Signals(_)
            | CliError::Tls(_)
            | CliError::Output(_)
            | CliError::Unwritable(..)
            | CliError::Client(_)
            | CliError::SecretNotShown
            | CliError::Backup(_)
            | CliError::Identity(..)
            | CliError::Check(_) => "failed",
        }
    }
}

/// Renders an error of the vault as the sentence that the operator reads.
fn message(error: &VaultError) -> String {
    match error {
        VaultError::Denied(reason) => denied(*reason).into(),
        VaultError::Invalid(invalid) => format!("{}: {}", invalid.field.as_str(), invalid.expected),
        VaultError::Missing(field) => format!("{} is missing", field.as_str()),
        VaultError::MissingParameterValue { parameter } => format!("the parameter {parameter} needs a value"),
        VaultError::NotFound(noun) => not_found(*noun),
        VaultError::NoAccess(noun) => format!("the client has no access to this {}", title(*noun)),
        VaultError::WrongKind(noun) => format!("the object is of another kind; expected: {}", title(*noun)),
        VaultError::Inactive(object) => format!("this {} is inactive", object.as_str()),
        VaultError::AlreadyActive(object) => format!("this {} is active already", object.as_str()),
        VaultError::Taken(Noun::ClientKey) => "the client has this key already".into(),
        VaultError::Taken(noun) => format!("{} name: expected one that no other {} has", title(*noun), title(*noun)),
        VaultError::InUse(noun) => format!("this {} is in use", title(*noun)),
        VaultError::Protected(noun) => format!("this {} is protected and stays", title(*noun)),
        VaultError::Ambiguous(_) => "several objects match; name one by its id".into(),
        VaultError::TooMany(Noun::StaticToken) => {
            "the authorization has too many static tokens; revoke one first".into()
        }
        VaultError::TooMany(Noun::ClientKey) => "the client has too many keys; remove one first".into(),
        VaultError::TooMany(Noun::RequestSigningKey) => {
            "the authorization has too many signing keys; revoke one first".into()
        }
        VaultError::TooMany(Noun::TrustedIssuer) => "there are too many trusted issuers; remove one first".into(),
        VaultError::TooMany(Noun::IssuerRule) => "the issuer has too many rules; remove one first".into(),
        VaultError::TooMany(noun) => format!("too many of the kind {} to list", title(*noun)),
        VaultError::TooManyLists => "too many whole lists at a time".into(),
        VaultError::BeingChanged => "the password or key is being changed on its target; try again later".into(),
        VaultError::AccountAbsent(_) => "the account exists only while it is in custody, and does not exist now".into(),
        VaultError::AccountNotMade(problem) => format!("the account was not created: {}", problem.description()),
        VaultError::NotHeld => "the credential is not in the client's custody".into(),
        VaultError::Precondition(precondition) => condition(precondition).into(),
        VaultError::Unavailable(Dependency::Directory) => "the directory of accounts does not answer; try again".into(),
        VaultError::Unavailable(Dependency::Clock) => {
            "the clock of this machine differs from that of the database; set it right (NTP)".into()
        }
        VaultError::Unavailable(Dependency::Database) => "the database does not answer; try again".into(),
        VaultError::Unavailable(Dependency::Grants) => "the database answers too slowly; try again".into(),
        VaultError::Unavailable(Dependency::IssuerKeys) => "the keys of the issuer are not available; try again".into(),
        VaultError::Store(error) => error.to_string(),
        VaultError::Seal(error) => error.to_string(),
        VaultError::Token(error) => error.to_string(),
    }
}

fn denied(reason: DenyReason) -> &'static str {
    match reason {
        DenyReason::Resource => "denied: the resource is not granted",
        DenyReason::Source => "denied: the source address is not allowed",
        DenyReason::Referer => "denied: the referer is not allowed",
        DenyReason::Certificate => "denied: the client certificate is not allowed",
        DenyReason::ReadOnly => "denied: the authorization is read-only",
        DenyReason::Permission => "denied: no role grants the permission",
        DenyReason::OperatorOnly => "denied: the operation is for the operator alone",
        DenyReason::ExclusiveCustody => "denied: the custody of the credential is exclusive",
        DenyReason::Replayed => "denied: the proof of the request was used before",
        DenyReason::Revoked => "denied: the authorization was disabled or the token revoked",
    }
}

fn condition(precondition: &Precondition) -> &'static str {
    match precondition {
        Precondition::KeyReused => "the idempotency key was used for another request",
        Precondition::Failed { .. } => "the precondition does not hold",
        Precondition::NotModified { .. } => "the object was not modified",
    }
}

fn not_found(noun: Noun) -> String {
    match noun {
        Noun::Link => "there is no such link; the client sees nothing by it".into(),
        Noun::ResponseKey => "the authorization has no response key; set one with --generate or --public-key".into(),
        Noun::Application
        | Noun::Authorization
        | Noun::ChangeTemplate
        | Noun::ClientKey
        | Noun::Credential
        | Noun::Device
        | Noun::Domain
        | Noun::Entry
        | Noun::Identity
        | Noun::Information
        | Noun::Item
        | Noun::ItemSecret
        | Noun::IssuerRule
        | Noun::LocalProvider
        | Noun::PermissionSet
        | Noun::Provider
        | Noun::ProviderType
        | Noun::ProxySession
        | Noun::ProxySessionUrl
        | Noun::RequestSigningKey
        | Noun::Role
        | Noun::SecurityClaim
        | Noun::SshKey
        | Noun::StaticToken
        | Noun::Tag
        | Noun::TargetCredential
        | Noun::TargetDevice
        | Noun::TargetUser
        | Noun::TotpSeed
        | Noun::TrustedIssuer
        | Noun::User
        | Noun::Version => format!("there is no such {}", title(noun)),
    }
}

/// The noun in a sentence.
fn title(noun: Noun) -> &'static str {
    match noun {
        Noun::Application => "application",
        Noun::Authorization => "authorization",
        Noun::ChangeTemplate => "change template",
        Noun::ClientKey => "client key",
        Noun::Credential | Noun::TargetCredential => "credential",
        Noun::Device | Noun::TargetDevice => "device",
        Noun::Domain => "domain",
        Noun::Entry => "entry of a local PAM provider",
        Noun::Identity => "identity",
        Noun::Information => "protected-information record",
        Noun::Item => "item",
        Noun::ItemSecret => "secret of this item",
        Noun::IssuerRule => "rule of the issuer",
        Noun::Link => "link",
        Noun::LocalProvider => "local PAM provider",
        Noun::PermissionSet => "permission set",
        Noun::Provider => "PAM provider",
        Noun::ProviderType => "PAM provider type",
        Noun::ProxySession => "proxy session",
        Noun::ProxySessionUrl => "proxy session URL",
        Noun::RequestSigningKey => "signing key",
        Noun::ResponseKey => "response key",
        Noun::Role => "role",
        Noun::SecurityClaim => "security claim",
        Noun::SshKey => "SSH key",
        Noun::StaticToken => "static token",
        Noun::Tag => "tag",
        Noun::TargetUser | Noun::User => "user",
        Noun::TotpSeed => "TOTP seed",
        Noun::TrustedIssuer => "trusted issuer",
        Noun::Version => "version",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Field;

    #[test]
    fn a_message_names_the_field_and_what_is_expected() {
        let invalid = VaultError::invalid(Field::AllowedAddress, "expected an IP address, a CIDR range or *");
        assert_eq!(message(&invalid), "allowed address: expected an IP address, a CIDR range or *");
        assert_eq!(message(&VaultError::Missing(Field::AccountName)), "account name is missing");
        assert_eq!(message(&VaultError::Taken(Noun::User)), "user name: expected one that no other user has");
        assert_eq!(message(&VaultError::NotFound(Noun::Information)), "there is no such protected-information record");
    }

    #[test]
    fn a_failure_of_the_database_ends_with_4_wherever_it_happens() {
        let failures = [
            CliError::Store(StoreError::Busy),
            VaultError::Store(StoreError::Busy).into(),
            StartError::Store(StoreError::Busy).into(),
            VerificationError::from(StoreError::Busy).into(),
        ];
        for failure in failures {
            assert_eq!(failure.code(), 4, "{failure}");
        }
    }
}
