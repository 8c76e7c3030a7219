//! What callers send, as far as the same holds for several nouns.

use crate::crypto::SecretText;
use crate::vault::{InvalidInput, VaultError};

/// The longest name of anything, in characters.
pub(super) const LONGEST_NAME: usize = 256;
/// The longest description, in characters.
pub(super) const LONGEST_TEXT: usize = 1024;
/// The longest value or secret, in bytes.
pub(super) const LONGEST_VALUE: usize = 64 * 1024;

/// A name that has to be there: trimmed, of one line.
pub(super) fn name(sent: Option<&str>, parameter: &'static str) -> Result<String, VaultError> {
    let name = sent.unwrap_or_default().trim();
    if name.is_empty() {
        return Err(InvalidInput::parameter(parameter, "required"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(InvalidInput::parameter(parameter, "must not be longer than 256 characters"));
    }
    if name.chars().any(char::is_control) {
        return Err(InvalidInput::parameter(parameter, "must not hold control characters"));
    }
    Ok(name.into())
}

/// A secret that is not blank.
pub(super) fn secret<'a>(sent: &'a SecretText, parameter: &'static str) -> Result<&'a SecretText, VaultError> {
    let text = sent.expose();
    if text.trim().is_empty() {
        return Err(InvalidInput::parameter(parameter, "must not be blank"));
    }
    if text.len() > LONGEST_VALUE {
        return Err(InvalidInput::parameter(parameter, "must not be longer than 65536 bytes"));
    }
    Ok(sent)
}

/// A text that may be missing.
pub(super) fn text<'a>(sent: Option<&'a str>, parameter: &'static str) -> Result<Option<&'a str>, VaultError> {
    match sent {
        Some(text) if text.chars().count() > LONGEST_TEXT => {
            Err(InvalidInput::parameter(parameter, "must not be longer than 1024 characters"))
        }
        sent => Ok(sent),
    }
}
