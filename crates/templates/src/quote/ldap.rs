//! LDAP filters (RFC 4515) and distinguished names (RFC 4514).

use std::fmt::Write;

/// An assertion value of a filter.
pub(super) fn filter(value: &str) -> String {
    escaped(value, |_, c| matches!(c, '*' | '(' | ')' | '\\' | '\0'))
}

/// An attribute value of a DN. Every character with a meaning is written in hexadecimal, which is valid at any place.
pub(super) fn dn(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    escaped(value, |index, c| {
        let outer_blank = c == ' ' && (index == 0 || index == last);
        outer_blank || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' | '#')
    })
}

fn escaped(value: &str, is_special: impl Fn(usize, char) -> bool) -> String {
    let mut out = String::with_capacity(value.len() * 3);
    for (index, character) in value.chars().enumerate() {
        if is_special(index, character) {
            // Writing to a String does not fail.
            let _ = write!(out, "\\{:02x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}
