//! Words of a POSIX shell (XCU 2.2). The lines are typed at an interactive shell, where `!` is expanded inside of `"…"` too, so
//! every value is carried in `'…'`.

use super::Unquotable;

/// A word, or a part of one, outside of quotes.
pub(super) fn bare(value: &str, leading: bool) -> Result<String, Unquotable> {
    if leading && value.starts_with('-') {
        return Err(Unquotable::Option);
    }
    Ok(format!("'{}'", in_single(value)))
}

/// Inside of `'…'`: an apostrophe leaves and enters the quotes again.
pub(super) fn in_single(value: &str) -> String {
    value.replace('\'', r"'\''")
}

/// Inside of `"…"`: leaves the quotes for a string in `'…'`.
pub(super) fn in_double(value: &str) -> String {
    format!("\"'{}'\"", in_single(value))
}
