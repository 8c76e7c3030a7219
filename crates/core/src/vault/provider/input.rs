//! Checks of the input for providers, entries, identities and roles.

use crate::crypto::SecretText;
use crate::text;
use crate::vault::{Field, VaultError};

/// Maximum length of a name, in characters.
const MAX_NAME_CHARS: usize = 256;
/// Maximum length of a description, in characters.
const MAX_TEXT_CHARS: usize = 1024;
/// Maximum length of a value or secret, in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 64 * 1024;

/// Checks a required name: one line, trimmed.
pub(in crate::vault) fn name(sent: Option<&str>, field: Field) -> Result<String, VaultError> {
    let name = line(sent.unwrap_or_default(), field)?;
    if name.is_empty() {
        return Err(VaultError::Missing(field));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(VaultError::invalid(field, "must not be longer than 256 characters"));
    }
    Ok(name.into())
}

fn line(sent: &str, field: Field) -> Result<&str, VaultError> {
    text::line(sent).map_err(|error| VaultError::charset(field, error.expected()))
}

/// Checks an optional text of one line, trimmed: an address, a displayed name.
pub(in crate::vault) fn optional_line(sent: Option<&str>, field: Field) -> Result<Option<&str>, VaultError> {
    text(sent.map(|sent| line(sent, field)).transpose()?, field)
}

/// Checks a secret, which must not be blank.
pub(super) fn secret(sent: &SecretText, field: Field) -> Result<&SecretText, VaultError> {
    let text = sent.expose();
    if text.trim().is_empty() {
        return Err(VaultError::invalid(field, "must not be blank"));
    }
    if text.len() > MAX_VALUE_BYTES {
        return Err(VaultError::invalid(field, "must not be longer than 65536 bytes"));
    }
    Ok(sent)
}

/// Checks an optional text, which may have several lines.
pub(in crate::vault) fn text(sent: Option<&str>, field: Field) -> Result<Option<&str>, VaultError> {
    match sent {
        Some(text) if text.chars().count() > MAX_TEXT_CHARS => {
            Err(VaultError::invalid(field, "must not be longer than 1024 characters"))
        }
        sent => Ok(sent),
    }
}
