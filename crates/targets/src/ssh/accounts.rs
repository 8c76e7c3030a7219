//! Linux accounts that exist, or can log in, for a time: `useradd` and `userdel`, or `usermod`, by root or through `sudo`. The mark of a
//! created account is its comment in `/etc/passwd`, which it cannot change itself.

use std::time::Duration;

use chaveiro_rotation::{Failure, TargetError, Work};
use chaveiro_secret::SecretText;
use zeroize::Zeroizing;

use super::elevation::{Elevated, refusal};
use super::exec::Command;
use super::linux::{Linux, candidate_text};
use super::login::{Session, log_in};
use crate::accounts::{AccountOrder, Accounts, Created, Deleted};
use crate::deadline::bounded;
use crate::failure;

/// Where homes are made.
const HOMES: &str = "/home";
/// How often a session that is being ended is looked for, and the pause in between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_NAME: usize = 32;

impl Accounts for Linux {
    fn create<'a>(&'a self, order: &'a AccountOrder, password: &'a SecretText) -> Work<'a, Created> {
        bounded(&order.account, move |progress| async move {
            let (name, password) = (name_of(order)?, candidate_text(password)?);
            let groups = groups_of(order)?;
            let session = open(order).await?;
            let root = Elevated::new(&session, &order.operator);
            if entry(&session, name).await?.is_some() || home_exists(&root, name).await? {
                return Ok(Created::Before);
            }
            progress.sent();
            let useradd = format!("useradd -m -d {HOMES}/{name} -c {}{groups} {name}", order.mark);
            let added = root.run_as_root("useradd --help", &useradd, b"").await?;
            match added.status {
                Some(0) => {}
                Some(9) => return Ok(Created::Before),
                // It has failed halfway, with a home that could not be made or without a password.
                Some(_) if matches!(entry(&session, name).await, Ok(None)) => return Err(complaint(&added)),
                _ => return Err(failure::unknown("useradd failed, and may have made the account")),
            }
            // It exists from here on, so no failure leaves things as they were.
            let set = set_password(&root, name, password).await;
            set.map_err(|error| failure::unknown(error.cause))?;
            session.close().await;
            Ok(Created::Now)
        })
    }

    fn delete<'a>(&'a self, order: &'a AccountOrder) -> Work<'a, Deleted> {
        bounded(&order.account, move |progress| async move {
            let name = name_of(order)?;
            let session = open(order).await?;
            match entry(&session, name).await? {
                None => return Ok(Deleted::Now),
                Some(entry) if entry.comment != order.mark || entry.is_root() => return Ok(Deleted::NotOurs),
                Some(_) => {}
            }
            let root = Elevated::new(&session, &order.operator);
            progress.sent();
            lock(&root, name).await?;
            // A table that stays would run for the next account of the name. Most accounts have none.
            attempt(&root, "crontab -V", &format!("crontab -r -u {name}")).await?;
            for _ in 0..TRIES {
                end_sessions(&root, name).await?;
                let deleted = root.run_as_root("userdel --help", &format!("userdel -r {name}"), b"").await?;
                match deleted.status {
                    Some(0 | 6) => return Ok(Deleted::Now),
                    // What runs in its name has not ended yet.
                    Some(8) => tokio::time::sleep(PAUSE).await,
                    // The home was not removed.
                    Some(12) if entry(&session, name).await?.is_none() => return Ok(Deleted::Now),
                    _ => return Err(complaint(&deleted)),
                }
            }
            Ok(Deleted::InUse)
        })
    }

    fn enable<'a>(&'a self, order: &'a AccountOrder, password: &'a SecretText) -> Work<'a, ()> {
        bounded(&order.account, move |progress| async move {
            let (name, password) = (name_of(order)?, candidate_text(password)?);
            let session = open(order).await?;
            let entry = entry(&session, name).await?;
            let entry = entry.ok_or(failure::misconfigured("the host has no account of this name"))?;
            entry.require_other_than_root()?;
            let root = Elevated::new(&session, &order.operator);
            progress.sent();
            set_password(&root, name, password).await?;
            let enabled = root.run_as_root("usermod --help", &format!("usermod -e '' {name}"), b"").await;
            let is_done = enabled.as_ref().is_ok_and(|command| command.status == Some(0));
            session.close().await;
            if is_done { Ok(()) } else { Err(failure::unknown("usermod did not lift the expiry of the account")) }
        })
    }

    fn disable<'a>(&'a self, order: &'a AccountOrder) -> Work<'a, ()> {
        bounded(&order.account, move |progress| async move {
            let name = name_of(order)?;
            let session = open(order).await?;
            let Some(entry) = entry(&session, name).await? else { return Ok(()) };
            entry.require_other_than_root()?;
            let root = Elevated::new(&session, &order.operator);
            progress.sent();
            lock(&root, name).await?;
            end_sessions(&root, name).await?;
            session.close().await;
            Ok(())
        })
    }
}

/// A line of `/etc/passwd`.
struct Entry {
    id: String,
    comment: String,
}

impl Entry {
    fn is_root(&self) -> bool {
        self.id == "0"
    }

    fn require_other_than_root(&self) -> Result<(), TargetError> {
        if self.is_root() { Err(failure::misconfigured("root is not disabled")) } else { Ok(()) }
    }
}

/// Returns the name of the account, which needs no quotes in a shell and is no option.
fn name_of(order: &AccountOrder) -> Result<&str, TargetError> {
    order.require_other()?;
    plain(&order.account.username).ok_or(failure::misconfigured(
        "the username must have at most 32 letters, digits, dots, hyphens and underscores, and begin with a letter or an underscore",
    ))
}

/// Returns the option of `useradd` for further groups.
fn groups_of(order: &AccountOrder) -> Result<String, TargetError> {
    let mut names = Vec::new();
    for name in order.groups() {
        names.push(plain(name).ok_or(failure::misconfigured("option groups must name groups of Linux, with commas"))?);
    }
    Ok(if names.is_empty() { String::new() } else { format!(" -G {}", names.join(",")) })
}

fn plain(name: &str) -> Option<&str> {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_other = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (name.starts_with(is_first) && name.chars().all(is_other) && name.len() <= LONGEST_NAME).then_some(name)
}

/// Logs the operator in.
async fn open(order: &AccountOrder) -> Result<Session, TargetError> {
    let session = log_in(&order.account, &order.operator.username, &order.operator.secret).await?;
    session.ok_or(failure::denied("the host refused the login of the operator"))
}

/// Returns the account of a name; `None` if there is none.
async fn entry(session: &Session, name: &str) -> Result<Option<Entry>, TargetError> {
    let asked = session.run(&format!("getent passwd {name}"), b"").await?;
    match asked.status {
        Some(2) => return Ok(None),
        Some(0) => {}
        _ => return Err(failure::misconfigured("the host has no getent, which looks accounts up")),
    }
    let line = String::from_utf8_lossy(&asked.output).into_owned();
    let mut fields = line.trim_end().split(':').skip(2);
    let (id, comment) = (fields.next(), fields.nth(1));
    match (id, comment) {
        // The other fields of the comment are those that an account may change itself.
        (Some(id), Some(comment)) => {
            let comment = comment.split(',').next().unwrap_or_default();
            Ok(Some(Entry { id: id.into(), comment: comment.into() }))
        }
        _ => Err(failure::misconfigured("the answer of getent cannot be read")),
    }
}

/// Whether there is a home of the name, which would become that of the account and be deleted with it.
async fn home_exists(root: &Elevated<'_>, name: &str) -> Result<bool, TargetError> {
    let looked = root.run_as_root("ls --version", &format!("ls -d {HOMES}/{name}"), b"").await?;
    Ok(looked.status == Some(0))
}

async fn set_password(root: &Elevated<'_>, name: &str, password: &SecretText) -> Result<(), TargetError> {
    let line = Zeroizing::new(format!("{name}:{}\n", password.expose()));
    let set = root.run_as_root("chpasswd --help", "chpasswd", line.as_bytes()).await?;
    match set.status {
        Some(0) => Ok(()),
        None => Err(failure::unreachable(failure::LOST)),
        Some(_) => Err(refusal(&set).unwrap_or(failure::rejected("chpasswd refused the new password"))),
    }
}

/// Locks the password, and lets the account expire: a key does not log in either.
async fn lock(root: &Elevated<'_>, name: &str) -> Result<(), TargetError> {
    let locked = root.run_as_root("usermod --help", &format!("usermod -L -e 1 {name}"), b"").await?;
    if locked.status == Some(0) { Ok(()) } else { Err(complaint(&locked)) }
}

/// Ends what runs in the name of the account. An operator who may not leaves it to end by itself.
async fn end_sessions(root: &Elevated<'_>, name: &str) -> Result<(), TargetError> {
    attempt(root, "pkill --version", &format!("pkill -KILL -u {name}")).await
}

/// Runs a command that may find nothing to do, or not be allowed.
async fn attempt(root: &Elevated<'_>, probe: &str, command: &str) -> Result<(), TargetError> {
    match root.run_as_root(probe, command, b"").await {
        Err(error) if error.failure == Failure::Denied => Ok(()),
        ended => ended.map(drop),
    }
}

/// Returns what a failure of a program means that has changed nothing.
fn complaint(command: &Command) -> TargetError {
    match command.status {
        None => failure::unreachable(failure::LOST),
        Some(6) => failure::misconfigured("the host has no group of a name in option groups"),
        Some(127) => failure::misconfigured("the host has no useradd, usermod or userdel"),
        Some(_) => refusal(command)
            .unwrap_or(failure::denied("the program that administers accounts refused, or has not the rights")),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_name_that_a_shell_or_a_program_would_read_otherwise_is_refused() {
        for name in ["jo", "_svc", "svc-erp.2", "A", &"x".repeat(32)] {
            assert_eq!(plain(name), Some(name));
        }
        for name in ["", "-r", "1jo", "a b", "a;b", "$(id)", "a'b", "ünï", "a:b", "a/b", "a\nb", &"x".repeat(33)] {
            assert_eq!(plain(name), None, "{name:?}");
        }
    }
}
