//! Passwords of Active Directory: the attribute `unicodePwd` (MS-ADTS, section 3.1.1.3.1.5), of Windows and of Samba.

use std::collections::HashSet;

use chaveiro_rotation::{Account, Change, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};
use chaveiro_secret::SecretText;
use ldap3::{LdapResult, Mod, Scope, SearchEntry, ldap_escape};
use zeroize::Zeroizing;

use super::answer::{self, CONSTRAINT_VIOLATION, INVALID_CREDENTIALS, SUCCESS, UNWILLING_TO_PERFORM};
use super::connection::{self, Connection, lost};
use super::names::{self, is_distinguished};
use crate::deadline::{Progress, bounded};
use crate::failure;
use crate::options::{maker, option, password, username};

const ACCOUNT_NAME: &str = "sAMAccountName";
const USER_PRINCIPAL_NAME: &str = "userPrincipalName";
/// `DOMAIN\NAME`, with the `NetBIOS` name of the domain (MS-ADTS, section 3.1.1.4.5.14).
const NT_NAME: &str = "msDS-PrincipalName";

/// Passwords of Active Directory accounts.
pub(crate) struct ActiveDirectory;

impl Target for ActiveDirectory {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| connection::identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded(&change.account, move |progress| make(change, progress))
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        bounded(account, move |_| async move {
            password(secret)?;
            let mut connection = connection::connect(account).await?;
            bind(&mut connection, account, &account.username, secret).await
        })
    }
}

async fn make(change: &Change, progress: Progress) -> Result<(), TargetError> {
    let account = &change.account;
    let candidate = password(&change.candidate)?;
    let (operator, secret) = maker(change)?;
    let current = password(secret)?;
    let mut connection = connection::connect(account).await?;
    if !bind(&mut connection, account, operator, secret).await? {
        return Err(failure::denied("the directory refused the login that makes the change"));
    }
    let entry = entry(&mut connection, account).await?;
    let new = HashSet::from([quoted(candidate)]);
    let change = match change.operator {
        // In one request, which is the proof of the current password and the change at once.
        Operator::Itself => {
            vec![Mod::Delete(attribute(), HashSet::from([quoted(current)])), Mod::Add(attribute(), new)]
        }
        Operator::Other(_) => vec![Mod::Replace(attribute(), new)],
    };
    progress.sent();
    let result = connection.ldap().modify(&entry, change).await.map_err(lost)?;
    changed(&result)
}

fn attribute() -> Vec<u8> {
    b"unicodePwd".to_vec()
}

/// Returns the password as the attribute takes it: in double quotes, UTF-16, little endian.
fn quoted(password: &SecretText) -> Vec<u8> {
    let text = Zeroizing::new(format!("\"{}\"", password.expose()));
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Returns the name to bind with: a bare name gets the domain of the option `domain`.
pub(super) fn login_name(account: &Account, name: &str) -> Result<String, TargetError> {
    let name = username(name)?;
    match option(account, "domain") {
        _ if is_distinguished(name) || name.contains(['@', '\\']) => Ok(name.into()),
        Some(domain) => Ok(format!("{name}@{domain}")),
        None => Err(failure::misconfigured("the username must be NAME@DOMAIN or DOMAIN\\NAME, or option domain set")),
    }
}

async fn bind(
    connection: &mut Connection,
    account: &Account,
    name: &str,
    secret: &LoginSecret,
) -> Result<bool, TargetError> {
    let name = login_name(account, name)?;
    let result = connection.ldap().simple_bind(&name, password(secret)?.expose()).await.map_err(lost)?;
    bound(&result)
}

/// Returns the distinguished name of the entry that the login name denotes: of the one that has it as its user principal name, or as
/// its domain and account name. The account name alone is not enough: it may be the first part of the user principal name of another
/// entry, which the directory prefers.
async fn entry(connection: &mut Connection, account: &Account) -> Result<String, TargetError> {
    let name = login_name(account, &account.username)?;
    if is_distinguished(&name) {
        return Ok(name);
    }
    let base = match option(account, "base-dn") {
        Some(base) => base.to_string(),
        None => default_base(connection).await?,
    };
    let root = names::domain_components(&base);
    let (principal, domain, account_name) = match (name.rsplit_once('\\'), name.rsplit_once('@')) {
        (Some((domain, account_name)), _) => (None, domain, account_name),
        (None, Some((account_name, domain))) => (Some(name.as_str()), domain, account_name),
        (None, None) => (Some(name.as_str()), "", name.as_str()),
    };
    let mut by_principal = Vec::new();
    if let Some(principal) = principal {
        by_principal = find(connection, &base, USER_PRINCIPAL_NAME, principal).await?;
    }
    let mut by_account_name = find(connection, &base, ACCOUNT_NAME, account_name).await?;
    by_account_name.retain(|entry| is_domain(domain, root, entry));
    if by_principal.is_empty() {
        let entry = names::only(by_account_name)?;
        // The option `base-dn` may name a part of the domain. The user principal name may be that of an entry in another part.
        let is_part = !root.is_empty() && root.len() < base.len();
        if let Some(principal) = principal
            && is_part
            && !find(connection, root, USER_PRINCIPAL_NAME, principal).await?.is_empty()
        {
            return Err(ambiguous());
        }
        return Ok(entry.dn);
    }
    let entry = names::only(by_principal)?;
    if by_account_name.iter().any(|other| other.dn != entry.dn) {
        return Err(ambiguous());
    }
    Ok(entry.dn)
}

fn ambiguous() -> TargetError {
    failure::misconfigured("the username is the user principal name of one account and the account name of another")
}

/// Finds the accounts in which an attribute has a value.
async fn find(
    connection: &mut Connection,
    base: &str,
    attribute: &str,
    value: &str,
) -> Result<Vec<SearchEntry>, TargetError> {
    let filter = format!("(&(objectClass=user)({attribute}={}))", ldap_escape(value));
    names::search(connection, base, &filter, NT_NAME).await
}

/// Whether a domain is that of an entry: its DNS name, by the base of the search, or its `NetBIOS` name. The latter is part of an
/// attribute that the directory computes. A directory without it, such as Samba, is taken to have the first part of the DNS name as
/// its `NetBIOS` name.
fn is_domain(domain: &str, root: &str, entry: &SearchEntry) -> bool {
    let parts: Vec<&str> = root.split(',').filter_map(|part| Some(part.split_once('=')?.1.trim())).collect();
    let computed = entry.attrs.get(NT_NAME).and_then(|values| values.first()).and_then(|name| name.split_once('\\'));
    let netbios_name = computed.map(|(domain, _)| domain).or(parts.first().copied());
    let is_same = |known: &str| !known.is_empty() && known.eq_ignore_ascii_case(domain);
    is_same(&parts.join(".")) || netbios_name.is_some_and(is_same)
}

async fn default_base(connection: &mut Connection) -> Result<String, TargetError> {
    let missing = || failure::misconfigured("the directory names no base: set option base-dn");
    let asked = connection.ldap().search("", Scope::Base, "(objectClass=*)", ["defaultNamingContext"]).await;
    let (entries, _) = asked.map_err(lost)?.success().map_err(|_| missing())?;
    let entry = entries.into_iter().next().map(SearchEntry::construct).ok_or_else(missing)?;
    entry.attrs.into_values().flatten().next().ok_or_else(missing)
}

/// Returns whether a bind was accepted. The reasons are those of the server's text (`data …`, a Win32 error), which tells them
/// only for the right password, but for a locked account.
pub(super) fn bound(result: &LdapResult) -> Result<bool, TargetError> {
    let has = |code: &str| result.text.contains(&format!("data {code}"));
    if result.rc != INVALID_CREDENTIALS || !has("") {
        return answer::bound(result);
    }
    if has("775") {
        return Err(failure::locked("the directory has locked the account"));
    }
    if has("533") || has("701") {
        return Err(failure::denied("the account is disabled or has expired"));
    }
    // Expired, or to be changed at the next login: it is the password.
    Ok(has("532") || has("773"))
}

/// Returns what the answer to a change means. The text begins with a Win32 error in hexadecimal.
pub(super) fn changed(result: &LdapResult) -> Result<(), TargetError> {
    let begins = |code: &str| result.text.starts_with(code);
    match result.rc {
        SUCCESS => Ok(()),
        CONSTRAINT_VIOLATION if begins("00000056") => {
            Err(failure::denied("the directory refused the current password"))
        }
        CONSTRAINT_VIOLATION if result.text.contains("too young") => {
            Err(failure::too_early("the directory refuses a change within the minimum age"))
        }
        CONSTRAINT_VIOLATION => Err(failure::rejected("the directory refused the new password")),
        UNWILLING_TO_PERFORM if begins("0000052D") => Err(failure::rejected("the directory refused the new password")),
        UNWILLING_TO_PERFORM if begins("0000001F") => Err(failure::misconfigured("the directory asks for TLS")),
        _ => answer::changed(result),
    }
}

/// Tells the results of a bind and of a change, for [`crate::fuzz`].
pub(super) fn fuzz(code: u32, text: &str) {
    let result = LdapResult { rc: code, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] };
    let _ = (bound(&result), changed(&result));
}

#[cfg(test)]
mod tests {
    use chaveiro_rotation::Failure;

    use super::*;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls: vec![] }
    }

    #[test]
    fn a_password_is_quoted_in_utf_16() {
        assert_eq!(quoted(&SecretText::new("é\"".into())), [34, 0, 0xe9, 0, 34, 0, 34, 0]);
    }

    #[test]
    fn the_reason_of_a_refused_bind_is_told_apart() {
        let text = |data: &str| {
            format!("80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {data}, v4563")
        };
        let answer = |data: &str| bound(&result(49, &text(data))).map_err(|error| error.failure);
        assert_eq!(answer("52e"), Ok(false));
        assert_eq!((answer("532"), answer("773")), (Ok(true), Ok(true)));
        assert_eq!((answer("775"), answer("533")), (Err(Failure::Locked), Err(Failure::Denied)));
    }

    #[test]
    fn the_reason_of_a_refused_change_is_told_apart() {
        let answer = |rc, text| changed(&result(rc, text)).map_err(|error| error.failure);
        assert_eq!(
            answer(19, "0000052D: Constraint violation - check_password_restrictions: the password is too short"),
            Err(Failure::Rejected)
        );
        assert_eq!(
            answer(
                19,
                "0000052D: Constraint violation - check_password_restrictions: password is too young to change!"
            ),
            Err(Failure::TooEarly)
        );
        assert_eq!(answer(19, "00000056: AtrErr: DSID-03191083"), Err(Failure::Denied));
        assert_eq!(answer(53, "0000001F: SvcErr: DSID-031A12D2"), Err(Failure::Misconfigured));
        assert_eq!(answer(53, "0000052D: SvcErr: DSID-031A12D2"), Err(Failure::Rejected));
        assert_eq!((answer(50, ""), answer(1, "")), (Err(Failure::Denied), Err(Failure::Unreachable)));
    }
}
