//! Distinguished names of accounts.

use chaveiro_rotation::{Account, TargetError};
use ldap3::{LdapError, Scope, SearchEntry, dn_escape};

use super::connection::{Connection, lost};
use crate::failure;
use crate::options::option;

/// The option that makes a distinguished name of another one.
pub(super) const USER_DN: &str = "user-dn";
/// What is replaced in it.
const PLACEHOLDER: &str = "{username}";

/// Returns the name to bind with: a distinguished name as it is, another name by the option `user-dn`, such as
/// `uid={username},ou=people,dc=corp,dc=example`.
pub(super) fn distinguished(account: &Account, name: &str) -> Result<String, TargetError> {
    match option(account, USER_DN) {
        _ if is_distinguished(name) => Ok(name.into()),
        Some(template) if template.contains(PLACEHOLDER) => Ok(template.replace(PLACEHOLDER, &dn_escape(name))),
        Some(_) => Err(failure::misconfigured("option user-dn must contain {username}")),
        None => Err(failure::misconfigured("the username must be a distinguished name, or option user-dn set")),
    }
}

/// Whether a name is a distinguished name: an attribute's type, `=`, a value (RFC 4514).
pub(super) fn is_distinguished(name: &str) -> bool {
    let Some((kind, rest)) = name.split_once('=') else { return false };
    let is_kind = kind.starts_with(|c: char| c.is_ascii_alphanumeric())
        && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    is_kind && rest.contains(',')
}

/// Returns the attribute and the value of the first part of a distinguished name (RFC 4514).
pub(super) fn first_part(name: &str) -> Result<(&str, String), TargetError> {
    const UNREADABLE: &str = "the distinguished name of the account cannot be read";
    let (kind, rest) = name.split_once('=').ok_or(failure::misconfigured(UNREADABLE))?;
    // A value in hexadecimal.
    if rest.starts_with('#') {
        return Err(failure::misconfigured(UNREADABLE));
    }
    let (mut value, mut bytes) = (Vec::new(), rest.bytes());
    loop {
        match bytes.next() {
            Some(b',') => break,
            Some(b'+' | b'"') | None => return Err(failure::misconfigured(UNREADABLE)),
            Some(b'\\') => match (bytes.next(), bytes.clone().next()) {
                (Some(high), Some(low)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    bytes.next();
                    let digits = [high, low].map(|digit| char::from(digit).to_digit(16).unwrap_or_default());
                    value.push(u8::try_from(digits[0] * 16 + digits[1]).unwrap_or_default());
                }
                (Some(escaped), _) => value.push(escaped),
                (None, _) => return Err(failure::misconfigured(UNREADABLE)),
            },
            Some(byte) => value.push(byte),
        }
    }
    let value = String::from_utf8(value).map_err(|_| failure::misconfigured(UNREADABLE))?;
    Ok((kind, value))
}

/// Returns the end of a distinguished name that names a domain, as `DC=corp,DC=example`; empty without one.
pub(super) fn domain_components(name: &str) -> &str {
    let is_component = |part: &str| part.trim_start().get(..3).is_some_and(|kind| kind.eq_ignore_ascii_case("dc="));
    let mut start = name.len();
    for part in name.rsplit(',').take_while(|part| is_component(part)) {
        start -= part.len() + usize::from(start < name.len());
    }
    name[start..].trim_start()
}

/// Finds the one entry that matches a filter.
pub(super) async fn find_by_filter(
    connection: &mut Connection,
    base: &str,
    filter: &str,
) -> Result<String, TargetError> {
    Ok(only(search(connection, base, filter, "1.1").await?)?.dn)
}

/// Returns the one entry that was found.
pub(super) fn only(mut entries: Vec<SearchEntry>) -> Result<SearchEntry, TargetError> {
    match (entries.pop(), entries.is_empty()) {
        (Some(entry), true) => Ok(entry),
        (Some(_), false) => Err(failure::misconfigured("the directory has several accounts of this name")),
        (None, _) => Err(failure::misconfigured("the directory has no account of this name")),
    }
}

/// Returns the entries that match a filter, with one attribute.
pub(super) async fn search(
    connection: &mut Connection,
    base: &str,
    filter: &str,
    attribute: &str,
) -> Result<Vec<SearchEntry>, TargetError> {
    let searched =
        connection.ldap().search(base, Scope::Subtree, filter, [attribute]).await.map_err(|error| match error {
            LdapError::FilterParsing => failure::misconfigured("the filter that finds the account cannot be parsed"),
            error => lost(error),
        })?;
    let found = searched.success().map_err(|_| failure::denied("the directory refused the search for the account"))?;
    // Referrals to other servers are no entries.
    Ok(found.0.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn account(template: Option<&str>) -> Account {
        let options: BTreeMap<_, _> = template.map(|text| ("user-dn".into(), text.into())).into_iter().collect();
        Account { host: "h".into(), port: None, username: "u".into(), options, identity: None, timeout: None }
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_the_distinguished_name() {
        let account = account(Some("uid={username},dc=x"));
        assert_eq!(distinguished(&account, "jo").unwrap(), "uid=jo,dc=x");
        assert_eq!(distinguished(&account, "jo,x").unwrap(), "uid=jo\\2cx,dc=x");
        assert_eq!(distinguished(&account, "uid=a,dc=y").unwrap(), "uid=a,dc=y");
    }

    #[test]
    fn the_first_part_of_a_name_is_read_without_its_escapes() {
        fn read(name: &str) -> Result<(&str, String), chaveiro_rotation::Failure> {
            first_part(name).map_err(|error| error.failure)
        }
        assert_eq!(read("uid=jo,dc=x"), Ok(("uid", "jo".into())));
        for value in ["jo, and \\ \"+#", " ends ", "ünï", "a=b;<>"] {
            let name = format!("cn={},dc=x", dn_escape(value));
            assert_eq!(read(&name), Ok(("cn", value.into())), "{value}");
        }
        for name in ["jo", "uid=jo", "uid=jo+cn=jo,dc=x", "uid=\\", "uid=\\ff,dc=x", "uid=#01,dc=x"] {
            assert!(read(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_domain_is_the_end_of_a_name() {
        for (name, domain) in [
            ("OU=Apps,DC=corp,DC=example", "DC=corp,DC=example"),
            ("dc=Corp, dc=Example", "dc=Corp, dc=Example"),
            ("OU=a\\,DC=x, DC=corp", "DC=x, DC=corp"),
            ("OU=ü,O=corp", ""),
            ("", ""),
        ] {
            assert_eq!(domain_components(name), domain, "{name}");
        }
    }

    #[test]
    fn a_name_alone_needs_the_option() {
        assert!(distinguished(&account(None), "jo").is_err());
        assert!(distinguished(&account(Some("uid=x")), "jo").is_err());
        assert!(is_distinguished("cn=a b,dc=x") && !is_distinguished("jo") && !is_distinguished("a b=c,d"));
    }
}
