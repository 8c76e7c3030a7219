//! Passwords of OpenLDAP and other servers with the password-modify operation (RFC 3062). The server hashes them.

use chaveiro_rotation::{Account, Change, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};
use ldap3::exop::PasswordModify;

use super::connection::{self, Connection, lost};
use super::names::distinguished;
use super::{answer, policy};
use crate::deadline::{Progress, bounded};
use crate::failure;
use crate::options::{maker, password};

/// Passwords of an LDAP directory.
pub(crate) struct OpenLdap;

impl Target for OpenLdap {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| connection::identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded(&change.account, move |progress| make(change, progress))
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        bounded(account, move |_| async move {
            let name = distinguished(account, &account.username)?;
            password(secret)?;
            let mut connection = connection::connect(account).await?;
            bind(&mut connection, &name, secret).await
        })
    }
}

pub(super) async fn bind(connection: &mut Connection, name: &str, secret: &LoginSecret) -> Result<bool, TargetError> {
    let secret = password(secret)?;
    let ldap = connection.ldap().with_controls(policy::request());
    answer::bound(&ldap.simple_bind(name, secret.expose()).await.map_err(lost)?)
}

async fn make(change: &Change, progress: Progress) -> Result<(), TargetError> {
    let account = &change.account;
    let candidate = password(&change.candidate)?;
    let name = distinguished(account, &account.username)?;
    let (operator, secret) = maker(change)?;
    let operator = distinguished(account, operator)?;
    // An account that changes its own password proves it once more: some servers ask for that.
    let old = match change.operator {
        Operator::Itself => Some(password(secret)?.expose()),
        Operator::Other(_) => None,
    };
    password(secret)?;
    let mut connection = connection::connect(account).await?;
    if !bind(&mut connection, &operator, secret).await? {
        return Err(failure::denied("the directory refused the login that makes the change"));
    }
    let request = PasswordModify { user_id: Some(&name), old_pass: old, new_pass: Some(candidate.expose()) };
    progress.sent();
    let result = connection.ldap().with_controls(policy::request()).extended(request).await.map_err(lost)?;
    answer::changed(&result.1)
}
