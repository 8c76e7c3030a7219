//! Passwords of Linux accounts: `passwd` by the account itself, `chpasswd` by root or through `sudo`.

use chaveiro_rotation::{Account, Change, Login, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};
use chaveiro_secret::SecretText;
use zeroize::Zeroizing;

use super::elevation::{Elevated, refusal};
use super::exec::Command;
use super::host_key;
use super::login::{Session, log_in};
use super::passwd::{self, Passwords};
use crate::deadline::{Progress, bounded};
use crate::failure;
use crate::options::{current, password, printable, username};

/// What PAM takes (`PAM_MAX_RESP_SIZE`), with the byte at the end.
const LONGEST_PASSWORD: usize = 511;

/// Passwords of Linux accounts, over SSH.
pub(crate) struct Linux;

impl Target for Linux {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| host_key::identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded(&change.account, move |progress| async move {
            let candidate = candidate(&change.candidate)?;
            match &change.operator {
                Operator::Itself => by_itself(change, candidate, &progress).await,
                Operator::Other(operator) => by_operator(&change.account, operator, candidate, &progress).await,
            }
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        bounded(account, move |_| async move {
            password(secret)?;
            let session = log_in(account, &account.username, secret).await?;
            let is_accepted = session.is_some();
            if let Some(session) = session {
                session.close().await;
            }
            Ok(is_accepted)
        })
    }
}

/// Returns the new password, if a terminal and PAM can carry it.
fn candidate(secret: &LoginSecret) -> Result<&SecretText, TargetError> {
    candidate_text(password(secret)?)
}

/// As [`candidate`], of a text.
pub(super) fn candidate_text(password: &SecretText) -> Result<&SecretText, TargetError> {
    printable(password.expose(), "a password of Linux must not contain control characters")?;
    if password.expose().len() > LONGEST_PASSWORD {
        return Err(failure::misconfigured("a password of Linux must have at most 511 bytes"));
    }
    Ok(password)
}

async fn by_itself(change: &Change, candidate: &SecretText, progress: &Progress) -> Result<(), TargetError> {
    let name = &change.account.username;
    let secret = current(change.current.as_ref())?;
    let current = password(secret)?;
    let session = log_in(&change.account, name, secret).await?;
    let session = session.ok_or(failure::denied("the host refused the current password"))?;
    let changed = passwd::change(&session, name, Passwords { current, candidate }, progress).await;
    session.close().await;
    changed
}

async fn by_operator(
    account: &Account,
    operator: &Login,
    candidate: &SecretText,
    progress: &Progress,
) -> Result<(), TargetError> {
    let name = username(&account.username)?;
    if name.contains(':') {
        return Err(failure::misconfigured("a username of Linux must not contain a colon"));
    }
    let session = log_in(account, &operator.username, &operator.secret).await?;
    let session = session.ok_or(failure::denied("the host refused the login of the operator"))?;
    let mut command = Elevated::new(&session, operator).start_as_root("chpasswd").await?;
    progress.sent();
    command.send(Zeroizing::new(format!("{name}:{}\n", candidate.expose())).as_bytes()).await?;
    command.finish().await?;
    let answer = match command.status {
        Some(0) => Ok(()),
        None => Err(failure::unreachable(failure::LOST)),
        Some(status) => Err(complaint(&session, name, status, &command).await?),
    };
    session.close().await;
    answer
}

/// Returns what a failure of `chpasswd` means.
async fn complaint(session: &Session, name: &str, status: u32, command: &Command) -> Result<TargetError, TargetError> {
    if let Some(refusal) = refusal(command) {
        return Ok(refusal);
    }
    if status == 127 {
        return Ok(failure::misconfigured("the host has no chpasswd"));
    }
    if command.complains(&["Permission denied", "cannot lock", "cannot open"]) {
        return Ok(failure::denied("chpasswd has not the rights to change the password"));
    }
    if !command.complains(&["password not changed", "changes ignored", "does not exist"]) {
        return Ok(failure::unknown("chpasswd failed and did not say whether it changed anything"));
    }
    // PAM says the same of an account that does not exist. The name comes on the input: it needs no quotes.
    let asked = session.run("sh -c 'IFS= read -r name; id -u -- \"$name\"'", format!("{name}\n").as_bytes()).await?;
    Ok(match asked.status {
        Some(0) => failure::rejected("chpasswd refused the new password"),
        _ => failure::misconfigured("the host has no account of this name"),
    })
}
