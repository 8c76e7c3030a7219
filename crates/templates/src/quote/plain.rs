//! Lines that have no quoting that is known.

use super::Unquotable;

/// Characters that mean nothing to any command line.
const PLAIN: &str = "letters, digits and -_.@+=,:/";

/// A value for a line of an unknown language.
pub(super) fn plain(value: &str) -> Result<String, Unquotable> {
    checked(value, PLAIN, |c| c.is_ascii_alphanumeric() || "-_.@+=,:/".contains(c))
}

/// A value for the command line of a device. `?` asks for help there; quotes, blanks and the separators of commands end a word.
pub(super) fn device(value: &str) -> Result<String, Unquotable> {
    if value.starts_with(['!', '#']) {
        return Err(Unquotable::Character("signs other than ! and # at its start"));
    }
    const ALLOWED: &str = "printable ASCII characters other than blanks and \"'`?;|&<>\\$(){}[]";
    checked(value, ALLOWED, |c| c.is_ascii_graphic() && !"\"'`?;|&<>\\$(){}[]".contains(c))
}

fn checked(value: &str, allowed: &'static str, is_allowed: impl Fn(char) -> bool) -> Result<String, Unquotable> {
    if value.is_empty() {
        return Err(Unquotable::Empty);
    }
    if value.starts_with('-') {
        return Err(Unquotable::Option);
    }
    if value.chars().all(is_allowed) { Ok(value.to_owned()) } else { Err(Unquotable::Character(allowed)) }
}
