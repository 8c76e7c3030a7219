//! Command lines of Windows' `cmd` and strings of PowerShell.

use super::Unquotable;

/// `cmd` expands these even inside of quotes, and has no escape for them there.
const ALLOWED: &str = "characters other than \" % ! ^ at this place of a command line";

/// A word outside of quotes: put into quotes. Backslashes before the closing quote are doubled, as programs of Microsoft's C
/// runtime read them.
pub(super) fn bare(value: &str, leading: bool) -> Result<String, Unquotable> {
    if leading && value.starts_with(['/', '-']) {
        return Err(Unquotable::Option);
    }
    let trailing = value.len() - value.trim_end_matches('\\').len();
    Ok(format!("\"{}{}\"", checked(value)?, "\\".repeat(trailing)))
}

/// Inside of `"…"`. A backslash at the end would escape the closing quote.
pub(super) fn quoted(value: &str) -> Result<String, Unquotable> {
    if value.ends_with('\\') {
        return Err(Unquotable::Character("a last character other than \\"));
    }
    checked(value)
}

fn checked(value: &str) -> Result<String, Unquotable> {
    if value.contains(['"', '%', '!', '^']) {
        return Err(Unquotable::Character(ALLOWED));
    }
    Ok(value.to_owned())
}

/// Outside of strings: a string in `'…'`.
pub(super) fn powershell_bare(value: &str) -> String {
    format!("'{}'", powershell_single(value))
}

/// Inside of `'…'`: each apostrophe, and the typographic ones that PowerShell takes for it, is doubled.
pub(super) fn powershell_single(value: &str) -> String {
    escaped(value, |c| matches!(c, '\'' | '\u{2018}'..='\u{201b}').then_some(c))
}

/// Inside of `"…"`: a backquote stands before what has a meaning.
pub(super) fn powershell_double(value: &str) -> String {
    escaped(value, |c| matches!(c, '`' | '$' | '"' | '\u{201c}'..='\u{201e}').then_some('`'))
}

fn escaped(value: &str, escape: impl Fn(char) -> Option<char>) -> String {
    value.chars().flat_map(|character| escape(character).into_iter().chain([character])).collect()
}
