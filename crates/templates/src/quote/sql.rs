//! SQL strings and names by dialect. Strings have no backslash escapes: the rendered statements set the session so
//! (`standard_conforming_strings`, `NO_BACKSLASH_ESCAPES`).

use super::Unquotable;
use crate::executor::Executor;

/// Inside of a string.
pub(super) fn string(value: &str, quote: char) -> String {
    doubled(value, quote)
}

/// A name outside of quotes: put into the quotes of the dialect.
///
/// Oracle folds a name outside of quotes to upper case, so a regular name is folded before it is quoted. PostgreSQL would fold it to
/// lower case, but the account's name is the one that it logs in with, which is never folded.
pub(super) fn identifier(executor: Executor, value: &str) -> Result<String, Unquotable> {
    let (open, close) = match executor {
        Executor::MySql => ('`', '`'),
        Executor::SqlServer => ('[', ']'),
        _ => ('"', '"'),
    };
    let regular = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#'));
    let name = if executor == Executor::Oracle && regular { value.to_ascii_uppercase() } else { value.to_owned() };
    Ok(format!("{open}{}{close}", quoted_identifier(executor, &name, close)?))
}

/// Inside of the quotes of a name.
pub(super) fn quoted_identifier(executor: Executor, value: &str, close: char) -> Result<String, Unquotable> {
    // PostgreSQL cuts a longer name off, which would name another account.
    let longest = if executor == Executor::PostgreSql { 63 } else { 128 };
    if value.is_empty() {
        return Err(Unquotable::Empty);
    }
    if value.len() > longest {
        return Err(Unquotable::TooLong(longest));
    }
    if executor == Executor::Oracle && value.contains('"') {
        return Err(Unquotable::Character("characters other than \""));
    }
    Ok(doubled(value, close))
}

/// Oracle's `IDENTIFIED BY`, outside of quotes.
pub(super) fn bare_password(value: &str) -> Result<String, Unquotable> {
    Ok(format!("\"{}\"", quoted_identifier(Executor::Oracle, value, '"')?))
}

fn doubled(value: &str, quote: char) -> String {
    let mut out = String::with_capacity(value.len() * 2);
    for character in value.chars() {
        if character == quote {
            out.push(quote);
        }
        out.push(character);
    }
    out
}
