//! LDAP templates.

use crate::error::{ParseError, ParseErrorKind};
use crate::template::{LdapChange, LdapStep, LdapStepKind};
use crate::text::{Escapes, Text};

use super::Oddities;
use super::line::Line;

/// Parses the lines.
pub(super) fn parse(lines: &[Line<'_>], oddities: &mut Oddities) -> Result<Vec<LdapStep>, ParseError> {
    let code = lines.iter().filter(|line| line.is_code());
    code.map(|line| Ok(LdapStep { at: line.start(), kind: step(line, oddities)? })).collect()
}

fn step(line: &Line<'_>, oddities: &mut Oddities) -> Result<LdapStepKind, ParseError> {
    let (word, rest) = line.command();
    match word {
        "set-option" => set_option(line, rest),
        "connect" => connect(line, rest),
        "bind" => bind(line, rest),
        "find" => find(line, rest),
        "mod-add" => modify(line, rest, LdapChange::Add, oddities),
        "mod-del" => modify(line, rest, LdapChange::Delete, oddities),
        "mod-replace" => modify(line, rest, LdapChange::Replace, oddities),
        _ => {
            let commands = "set-option, connect, bind, find, mod-add, mod-del, mod-replace";
            Err(ParseError::new(line.start(), ParseErrorKind::Command { language: "LDAP", commands }))
        }
    }
}

fn invalid(line: &Line<'_>, rest: &str, command: &'static str, expected: &'static str) -> ParseError {
    ParseError::new(line.position(rest), ParseErrorKind::Argument { command, expected })
}

fn set_option(line: &Line<'_>, rest: &str) -> Result<LdapStepKind, ParseError> {
    let error = || invalid(line, rest, "set-option", "a name of LDAP_OPT_… and a number");
    let (name, value) = rest.split_once(char::is_whitespace).ok_or_else(error)?;
    let value = value.trim().parse().map_err(|_| error())?;
    if name.starts_with("LDAP_OPT_") { Ok(LdapStepKind::SetOption { name: name.into(), value }) } else { Err(error()) }
}

/// `connect` takes no effect: the connection is that of the target.
fn connect(line: &Line<'_>, rest: &str) -> Result<LdapStepKind, ParseError> {
    if rest.split_whitespace().count() > 2 {
        return Err(invalid(line, rest, "connect", "at most a host and a port"));
    }
    Ok(LdapStepKind::Connect)
}

fn bind(line: &Line<'_>, rest: &str) -> Result<LdapStepKind, ParseError> {
    let (dn, after) =
        word(line, rest).ok_or_else(|| invalid(line, rest, "bind", "a DN in quotes, and optionally a password"))?;
    let password = word(line, after);
    Ok(LdapStepKind::Bind { dn, password: password.map(|(password, _)| password) })
}

fn find(line: &Line<'_>, rest: &str) -> Result<LdapStepKind, ParseError> {
    let error = || invalid(line, rest, "find", "a base DN in quotes and a filter in parentheses");
    let (base, filter) = word(line, rest).ok_or_else(error)?;
    let filter = filter.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(filter);
    let balanced = filter.starts_with('(') && filter.matches('(').count() == filter.matches(')').count();
    if !balanced {
        return Err(error());
    }
    Ok(LdapStepKind::Find { base, filter: Text::parse(filter, line.position(filter), Escapes::None) })
}

fn modify(
    line: &Line<'_>,
    rest: &str,
    change: LdapChange,
    oddities: &mut Oddities,
) -> Result<LdapStepKind, ParseError> {
    let (attribute, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let named = attribute.starts_with(|c: char| c.is_ascii_alphanumeric())
        && attribute.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b';' | b'.'));
    if !named {
        return Err(invalid(line, rest, "mod-add, mod-del, mod-replace", "an attribute and a value"));
    }
    let value = value.trim();
    if value.is_empty() {
        if change == LdapChange::Delete {
            return Ok(LdapStepKind::Modify { change, attribute: attribute.into(), value: None, utf16: false });
        }
        return Err(invalid(line, rest, "mod-add, mod-replace", "an attribute and a value"));
    }
    let utf16 = value.trim_matches('"').strip_prefix("u(").and_then(|inner| inner.strip_suffix(')'));
    let text = match utf16 {
        Some(inner) => Text::parse(inner, line.position(inner), Escapes::Quotes),
        None => line.argument(value, Escapes::Quotes, oddities),
    };
    Ok(LdapStepKind::Modify { change, attribute: attribute.into(), value: Some(text), utf16: utf16.is_some() })
}

/// Reads a word or a quoted string, and returns what follows it.
fn word<'a>(line: &Line<'a>, rest: &'a str) -> Option<(Text, &'a str)> {
    let (text, after) = match rest.strip_prefix('"') {
        Some(inner) => inner.split_once('"')?,
        None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    if text.is_empty() {
        return None;
    }
    Some((Text::parse(text, line.position(text), Escapes::None), after.trim()))
}
