//! LDAP templates.

use std::collections::HashSet;

use chaveiro_rotation::{Account, Change, LoginSecret, Target, TargetError, TargetIdentity, Work};
use chaveiro_secret::SecretText;
use chaveiro_templates::{LdapChange, LdapOperation, Operations};
use ldap3::Mod;

use super::connection::{self, Connection, lost};
use super::names::{USER_DN, distinguished, find_by_filter, is_distinguished};
use super::{active_directory, policy};
use crate::deadline::{Progress, bounded, bounded_by};
use crate::failure;
use crate::options::{maker, option, password};
use crate::template::{LIMIT, Rehearsal, TemplateTarget, operations};

/// Templates of the executor LDAP, for OpenLDAP and Active Directory.
pub(crate) struct LdapTemplate;

impl Target for LdapTemplate {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| connection::identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded_by(change.account.timeout.unwrap_or(LIMIT), move |progress| async move {
            // A change that could not be verified is not made.
            login_name(&change.account)?;
            if run(change, Some(&progress)).await? { Ok(()) } else { Err(nothing_changed()) }
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        bounded(account, move |_| async move {
            let name = login_name(account)?;
            let secret = password(secret)?;
            let mut connection = connection::connect(account).await?;
            bind(&mut connection, &name, secret).await
        })
    }
}

impl TemplateTarget for LdapTemplate {
    fn rehearse<'a>(&'a self, change: &'a Change) -> Work<'a, Rehearsal> {
        bounded_by(change.account.timeout.unwrap_or(LIMIT), move |_| async move {
            login_name(&change.account)?;
            if !run(change, None).await? {
                return Err(nothing_changed());
            }
            Ok(Rehearsal { at: None, failure: None, transcript: String::new() })
        })
    }
}

fn nothing_changed() -> TargetError {
    failure::misconfigured("the template changes nothing")
}

/// Returns the name that the account logs in with.
fn login_name(account: &Account) -> Result<String, TargetError> {
    let name = &account.username;
    if option(account, USER_DN).is_some() || is_distinguished(name) {
        return distinguished(account, name);
    }
    active_directory::login_name(account, name)
}

async fn bind(connection: &mut Connection, name: &str, secret: &SecretText) -> Result<bool, TargetError> {
    if secret.is_empty() {
        return Err(failure::misconfigured("the password is empty"));
    }
    let ldap = connection.ldap().with_controls(policy::request());
    active_directory::bound(&ldap.simple_bind(name, secret.expose()).await.map_err(lost)?)
}

/// Carries out the operations; without progress, only up to the first change. Returns whether there was one.
async fn run(change: &Change, progress: Option<&Progress>) -> Result<bool, TargetError> {
    let Operations::Ldap(operations) = operations(change)? else {
        return Err(failure::misconfigured("the template has no operations of LDAP"));
    };
    let (_, secret) = maker(change)?;
    let secret = password(secret)?;
    let mut connection = connection::connect(&change.account).await?;
    let (mut entry, mut is_changed) = (None, false);
    for request in requests(operations) {
        let done = match request {
            Request::Bind { name, password } => {
                let accepted = bind(&mut connection, name.expose(), password.as_ref().unwrap_or(secret)).await;
                accepted.and_then(|accepted| if accepted { Ok(()) } else { Err(refused_bind()) })
            }
            Request::Find { base, filter } => {
                find_by_filter(&mut connection, base.expose(), filter.expose()).await.map(|found| entry = Some(found))
            }
            Request::Modify(changes) => {
                let entry = entry.as_deref().ok_or(failure::misconfigured("the template finds no entry to change"))?;
                let Some(progress) = progress else { return Ok(true) };
                progress.sent();
                modify(&mut connection, entry, changes).await.map(|()| is_changed = true)
            }
        };
        if is_changed && done.is_err() {
            return Err(failure::unknown("the template failed after the new password was sent"));
        }
        done?;
    }
    Ok(is_changed)
}

fn refused_bind() -> TargetError {
    failure::denied("the directory refused the login that runs the template")
}

async fn modify(connection: &mut Connection, entry: &str, changes: Vec<Mod<Vec<u8>>>) -> Result<(), TargetError> {
    let ldap = connection.ldap().with_controls(policy::request());
    active_directory::changed(&ldap.modify(entry, changes).await.map_err(lost)?)
}

/// What is sent at once.
enum Request {
    Bind { name: SecretText, password: Option<SecretText> },
    Find { base: SecretText, filter: SecretText },
    Modify(Vec<Mod<Vec<u8>>>),
}

/// Joins changes that follow each other, which the directory then makes together or not at all: Active Directory takes the old and the
/// new password of an account in one request only. Options of the connection are those of the target.
fn requests(operations: Vec<LdapOperation>) -> Vec<Request> {
    let mut requests = Vec::new();
    for operation in operations {
        match operation {
            LdapOperation::SetOption { .. } | LdapOperation::Connect => {}
            LdapOperation::Bind { dn, password } => requests.push(Request::Bind { name: dn, password }),
            LdapOperation::Find { base, filter } => requests.push(Request::Find { base, filter }),
            LdapOperation::Modify { change, attribute, value } => {
                let values: HashSet<Vec<u8>> = value.iter().map(|value| value.expose().to_vec()).collect();
                let attribute = attribute.into_bytes();
                let change = match change {
                    LdapChange::Add => Mod::Add(attribute, values),
                    LdapChange::Delete => Mod::Delete(attribute, values),
                    LdapChange::Replace => Mod::Replace(attribute, values),
                };
                match requests.last_mut() {
                    Some(Request::Modify(changes)) => changes.push(change),
                    _ => requests.push(Request::Modify(vec![change])),
                }
            }
        }
    }
    requests
}
