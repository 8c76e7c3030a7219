//! Entries of an LDAP directory that exist, or can log in, for a time. The mark of a created entry is its description. A disabled
//! entry has no password, which works in every directory.

use std::collections::HashSet;

use chaveiro_rotation::{LoginSecret, TargetError, Work};
use chaveiro_secret::SecretText;
use ldap3::exop::PasswordModify;
use ldap3::{Mod, Scope, SearchEntry};

use super::connection::{self, Connection, lost};
use super::names::{USER_DN, distinguished, first_part};
use super::openldap::{OpenLdap, bind};
use super::{answer, policy};
use crate::accounts::{AccountOrder, Accounts, Created, Deleted};
use crate::deadline::bounded;
use crate::failure;
use crate::options::password;

const NO_SUCH_ATTRIBUTE: u32 = 16;
const NO_SUCH_OBJECT: u32 = 32;
const CLASS_VIOLATION: u32 = 65;
const NOT_ON_NON_LEAF: u32 = 66;
const ENTRY_EXISTS: u32 = 68;

impl Accounts for OpenLdap {
    fn location_options(&self) -> &'static [&'static str] {
        &[USER_DN]
    }

    fn create<'a>(&'a self, order: &'a AccountOrder, password: &'a SecretText) -> Work<'a, Created> {
        bounded(&order.account, move |progress| async move {
            let (mut connection, name) = open(order).await?;
            let (kind, value) = first_part(&name)?;
            let mut attributes = vec![("objectClass", HashSet::from(["inetOrgPerson"]))];
            attributes.push(("description", HashSet::from([order.mark.as_str()])));
            // What the class asks for, and the name itself.
            for attribute in ["cn", "sn"].into_iter().chain([kind]) {
                if !attributes.iter().any(|(known, _)| known.eq_ignore_ascii_case(attribute)) {
                    attributes.push((attribute, HashSet::from([value.as_str()])));
                }
            }
            progress.sent();
            let added = connection.ldap().add(&name, attributes).await.map_err(lost)?;
            match added.rc {
                answer::SUCCESS => {}
                ENTRY_EXISTS => return Ok(Created::Before),
                code => return Err(answer::refused(code)),
            }
            // It exists from here on, so no failure leaves things as they were.
            set_password(&mut connection, &name, password).await.map_err(|error| failure::unknown(error.cause))?;
            Ok(Created::Now)
        })
    }

    fn delete<'a>(&'a self, order: &'a AccountOrder) -> Work<'a, Deleted> {
        bounded(&order.account, move |progress| async move {
            let (mut connection, name) = open(order).await?;
            match find(&mut connection, &name).await? {
                None => return Ok(Deleted::Now),
                Some(marks) if !marks.contains(&order.mark) => return Ok(Deleted::NotOurs),
                Some(_) => {}
            }
            progress.sent();
            match connection.ldap().delete(&name).await.map_err(lost)?.rc {
                answer::SUCCESS | NO_SUCH_OBJECT => Ok(Deleted::Now),
                NOT_ON_NON_LEAF => {
                    remove_password(&mut connection, &name).await?;
                    Ok(Deleted::InUse)
                }
                code => Err(answer::refused(code)),
            }
        })
    }

    fn enable<'a>(&'a self, order: &'a AccountOrder, password: &'a SecretText) -> Work<'a, ()> {
        bounded(&order.account, move |progress| async move {
            let (mut connection, name) = open(order).await?;
            progress.sent();
            set_password(&mut connection, &name, password).await
        })
    }

    fn disable<'a>(&'a self, order: &'a AccountOrder) -> Work<'a, ()> {
        bounded(&order.account, move |progress| async move {
            let (mut connection, name) = open(order).await?;
            if find(&mut connection, &name).await?.is_none() {
                return Ok(());
            }
            progress.sent();
            remove_password(&mut connection, &name).await
        })
    }
}

/// Logs the operator in. Returns the name of the entry, too.
async fn open(order: &AccountOrder) -> Result<(Connection, String), TargetError> {
    let name = distinguished(&order.account, &order.account.username)?;
    let operator = distinguished(&order.account, &order.operator.username)?;
    if name.eq_ignore_ascii_case(&operator) {
        return Err(failure::misconfigured("an account cannot be created or disabled by itself"));
    }
    let secret: &LoginSecret = &order.operator.secret;
    password(secret)?;
    let mut connection = connection::connect(&order.account).await?;
    if !bind(&mut connection, &operator, secret).await? {
        return Err(failure::denied("the directory refused the login of the operator"));
    }
    Ok((connection, name))
}

/// Returns the descriptions of an entry; `None` for one that does not exist.
async fn find(connection: &mut Connection, name: &str) -> Result<Option<Vec<String>>, TargetError> {
    let found = connection.ldap().search(name, Scope::Base, "(objectClass=*)", ["description"]).await.map_err(lost)?;
    match found.1.rc {
        answer::SUCCESS => {
            let entry = found.0.into_iter().find(|entry| !entry.is_ref()).map(SearchEntry::construct);
            let mut entry = entry.ok_or(failure::denied("the directory does not show the entry to the operator"))?;
            Ok(Some(entry.attrs.remove("description").unwrap_or_default()))
        }
        NO_SUCH_OBJECT => Ok(None),
        code => Err(answer::refused(code)),
    }
}

async fn set_password(connection: &mut Connection, name: &str, password: &SecretText) -> Result<(), TargetError> {
    let request = PasswordModify { user_id: Some(name), old_pass: None, new_pass: Some(password.expose()) };
    let result = connection.ldap().with_controls(policy::request()).extended(request).await.map_err(lost)?;
    answer::changed(&result.1)
}

/// Removes the password, if the entry has one.
async fn remove_password(connection: &mut Connection, name: &str) -> Result<(), TargetError> {
    let all = Mod::Delete("userPassword", HashSet::new());
    match connection.ldap().modify(name, vec![all]).await.map_err(lost)?.rc {
        answer::SUCCESS | NO_SUCH_ATTRIBUTE => Ok(()),
        CLASS_VIOLATION => {
            Err(failure::misconfigured("the class of the entry asks for a password, so it is not disabled"))
        }
        code => Err(answer::refused(code)),
    }
}
