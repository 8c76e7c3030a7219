//! What rotation asks of a target, and what a target may answer.

use std::collections::BTreeMap;
use std::time::Duration;

use chaveiro_secret::SecretText;
use futures_util::future::BoxFuture;

/// The result of work on a target, which takes time.
pub type Work<'a, T> = BoxFuture<'a, Result<T, TargetError>>;

/// An account on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Name or address of the machine.
    pub host: String,
    /// The port; `None`: the usual one of the target.
    pub port: Option<u16>,
    /// The name of the account.
    pub username: String,
    /// What the target needs besides, by name, such as `database`, `base-dn`. Never a secret.
    pub options: BTreeMap<String, String>,
    /// The identity that the target has to present. `None`: it is to be asked first ([`Target::identify`]).
    pub identity: Option<TargetIdentity>,
    /// How long a call of the target may take. `None`: as long as the implementation says.
    pub timeout: Option<Duration>,
}

/// What a target proves to be itself with: the fingerprint of its host key or certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetIdentity(pub String);

/// What proves an account.
#[derive(Clone, Debug)]
pub enum LoginSecret {
    /// A password.
    Password(SecretText),
    /// A private key in OpenSSH or PEM form, with its passphrase.
    PrivateKey {
        /// The key.
        key: SecretText,
        /// Its passphrase.
        passphrase: Option<SecretText>,
    },
}

/// An account with what proves it.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name of the account.
    pub username: String,
    /// What proves it.
    pub secret: LoginSecret,
}

/// Who makes a change.
#[derive(Clone, Debug)]
pub enum Operator {
    /// The account itself, with its current secret.
    Itself,
    /// Another account, which may set the secrets of others.
    Other(Login),
}

/// A change of an account's secret.
#[derive(Clone, Debug)]
pub struct Change {
    /// The account.
    pub account: Account,
    /// Who makes the change.
    pub operator: Operator,
    /// The secret in force, as far as it is known.
    pub current: Option<LoginSecret>,
    /// The new secret.
    pub candidate: LoginSecret,
}

/// A system that holds accounts: one implementation for each kind.
///
/// Every call is bounded in time by the implementation, makes at most one login for each secret that it is given (targets lock
/// accounts), and connects only to a target of the pinned identity.
pub trait Target: Send + Sync {
    /// Returns the identity that the target presents, without logging in; `None` for a target that has none.
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>>;

    /// Makes the change. `Ok`: the target said that it is done; whether it is, [`Target::verify`] tells.
    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()>;

    /// Returns whether the secret logs in, by one attempt on a new connection.
    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool>;

    /// Removes what the former secret may still open, after the new one was verified. Most targets have nothing to do.
    fn retire<'a>(&'a self, _change: &'a Change) -> Work<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// Why a target did not do what was asked, and what is known of the account then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{failure}: {cause}")]
pub struct TargetError {
    /// What follows from it.
    pub failure: Failure,
    /// The cause, a fixed text: never what the target said, which may repeat a secret.
    pub cause: &'static str,
}

/// What follows from an error of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No session came about. The secret is as it was.
    #[error("the target cannot be reached")]
    Unreachable,
    /// The target is not the pinned one. Nothing was sent to it.
    #[error("the target has another identity than the pinned one")]
    IdentityChanged,
    /// The operator's login was refused, or it may not make the change. The secret is as it was.
    #[error("the target refused the login or the permission")]
    Denied,
    /// The target refused the new secret by its rules. The secret is as it was.
    #[error("the target refused the new secret")]
    Rejected,
    /// The target refuses any change for now, such as by a minimum age. The secret is as it was.
    #[error("the target refuses changes for now")]
    TooEarly,
    /// The account is locked. The secret is as it was.
    #[error("the account is locked")]
    Locked,
    /// It is not known whether the secret was changed.
    #[error("it is not known whether the secret was changed")]
    Unknown,
    /// The settings do not fit the target. The secret is as it was.
    #[error("the settings do not fit the target")]
    Misconfigured,
    /// The account is not where the login that changes it was granted for. Nothing was sent, and the target was not contacted.
    #[error("the account is not where the login that changes it was granted for")]
    PlaceChanged,
}
