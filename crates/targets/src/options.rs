//! What a target reads from its account: options, and secrets of the right kind.

use std::collections::BTreeMap;

use chaveiro_rotation::{Account, Change, LoginSecret, Operator, TargetError};
use chaveiro_secret::SecretText;

use crate::failure;

/// Returns an option that is set and not empty.
pub(crate) fn option<'a>(account: &'a Account, name: &str) -> Option<&'a str> {
    get(&account.options, name)
}

fn get<'a>(options: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    options.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Returns the password. An empty one is refused: some targets take a login with it for an anonymous one, and report
/// success.
pub(crate) fn password(secret: &LoginSecret) -> Result<&SecretText, TargetError> {
    match secret {
        LoginSecret::Password(password) if password.is_empty() => Err(failure::misconfigured("the password is empty")),
        LoginSecret::Password(password) => Ok(password),
        LoginSecret::PrivateKey { .. } => {
            Err(failure::misconfigured("this target takes a password, not a private key"))
        }
    }
}

/// Returns the current secret of a change that the account makes itself.
pub(crate) fn current(current: Option<&LoginSecret>) -> Result<&LoginSecret, TargetError> {
    current.ok_or(failure::misconfigured("the account changes its secret itself, and its current secret is not known"))
}

/// Returns the name and the secret of who makes a change.
pub(crate) fn maker(change: &Change) -> Result<(&str, &LoginSecret), TargetError> {
    match &change.operator {
        Operator::Itself => Ok((&change.account.username, current(change.current.as_ref())?)),
        Operator::Other(login) => Ok((&login.username, &login.secret)),
    }
}

/// Refuses text with control characters, which a protocol or a terminal would take for something else.
pub(crate) fn printable<'a>(text: &'a str, cause: &'static str) -> Result<&'a str, TargetError> {
    if text.is_empty() || text.contains(char::is_control) { Err(failure::misconfigured(cause)) } else { Ok(text) }
}

/// Returns an account's name that is not empty and has no control characters.
pub(crate) fn username(name: &str) -> Result<&str, TargetError> {
    printable(name, "the username must not be empty nor contain control characters")
}
