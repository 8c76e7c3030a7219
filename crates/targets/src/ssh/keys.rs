//! SSH keys: the new key is added to `authorized_keys`, and after it was verified the old one is removed.

use chaveiro_rotation::{Account, Change, LoginSecret, Operator, Target, TargetError, TargetIdentity, Work};

use super::authorized_keys::{self, Key};
use super::elevation::{Elevated, refusal};
use super::exec::Command;
use super::host_key;
use super::login::{Session, log_in, private_key};
use crate::deadline::{Progress, bounded};
use crate::failure;
use crate::options::current;

/// Writes the file with its checksum, which is taken again before it is replaced.
const READ: &str =
    "f=$HOME/.ssh/authorized_keys; if [ -e \"$f\" ]; then cksum <\"$f\" && cat \"$f\"; else echo none; fi";

/// SSH keys of accounts.
pub(crate) struct SshKeys;

impl Target for SshKeys {
    fn identify<'a>(&'a self, account: &'a Account) -> Work<'a, Option<TargetIdentity>> {
        bounded(account, move |_| host_key::identify(account))
    }

    fn change<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded(&change.account, move |progress| async move {
            let new = public_key(&change.candidate)?;
            let old = change.current.as_ref().map(public_key).transpose()?;
            let secret = match change.operator {
                Operator::Itself => Some(current(change.current.as_ref())?),
                Operator::Other(_) => None,
            };
            edit(change, secret, &progress, |file| authorized_keys::add(file, &new, old.as_ref())).await
        })
    }

    fn verify<'a>(&'a self, account: &'a Account, secret: &'a LoginSecret) -> Work<'a, bool> {
        bounded(account, move |_| lets_in(account, secret))
    }

    fn retire<'a>(&'a self, change: &'a Change) -> Work<'a, ()> {
        bounded(&change.account, move |progress| async move {
            let Some(current) = &change.current else { return Ok(()) };
            let (old, new) = (public_key(current)?, public_key(&change.candidate)?);
            if old.is_same(&new) {
                return Err(failure::misconfigured("the old key and the new key are the same"));
            }
            edit(change, Some(&change.candidate), &progress, |file| authorized_keys::remove(file, &old)).await?;
            if lets_in(&change.account, current).await? {
                return Err(failure::unknown("the host lets the old key in by another file"));
            }
            Ok(())
        })
    }
}

fn public_key(secret: &LoginSecret) -> Result<Key, TargetError> {
    let line = private_key(secret)?.public_key().to_openssh();
    let key = line.ok().as_deref().and_then(Key::from_openssh);
    key.ok_or(failure::misconfigured("the public key of the private key cannot be written"))
}

async fn lets_in(account: &Account, secret: &LoginSecret) -> Result<bool, TargetError> {
    private_key(secret)?;
    let session = log_in(account, &account.username, secret).await?;
    let is_accepted = session.is_some();
    if let Some(session) = session {
        session.close().await;
    }
    Ok(is_accepted)
}

/// Edits the file of the account, in a session of the account with this secret or of the operator.
async fn edit(
    change: &Change,
    secret: Option<&LoginSecret>,
    progress: &Progress,
    edited: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), TargetError> {
    let account = &change.account;
    let (name, secret) = match (&change.operator, secret) {
        (Operator::Other(operator), _) => (&operator.username, &operator.secret),
        (Operator::Itself, Some(secret)) => (&account.username, secret),
        (Operator::Itself, None) => return Err(failure::misconfigured("the secret of the account is not known")),
    };
    let session = log_in(account, name, secret).await?.ok_or(failure::denied("the host refused the login"))?;
    let done = File { session: &session, change }.edit(progress, edited).await;
    session.close().await;
    done
}

/// The file of an account, which a session can reach.
struct File<'a> {
    session: &'a Session,
    change: &'a Change,
}

impl File<'_> {
    async fn edit(&self, progress: &Progress, edited: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<(), TargetError> {
        let read = self.run(READ, b"").await?;
        if read.status != Some(0) {
            return Err(refusal(&read).unwrap_or(failure::denied("authorized_keys cannot be read")));
        }
        let (checksum, file) = split_line(&read.output);
        let Some(edited) = edited(file) else { return Ok(()) };
        let script = write_script(checksum, edited.len())?;
        progress.sent();
        let written = self.run(&script, &edited).await?;
        match written.status {
            Some(0) => Ok(()),
            Some(75) => Err(failure::too_early("authorized_keys was changed by somebody else at this moment")),
            Some(_) => Err(refusal(&written).unwrap_or(failure::denied("authorized_keys cannot be written"))),
            None => Err(failure::unreachable(failure::LOST)),
        }
    }

    async fn run(&self, script: &str, input: &[u8]) -> Result<Command, TargetError> {
        match &self.change.operator {
            Operator::Itself => self.session.run(&format!("env LC_ALL=C sh -c '{script}'"), input).await,
            Operator::Other(operator) => {
                let name = plain_name(&self.change.account.username)?;
                Elevated::new(self.session, operator).run_as(name, script, input).await
            }
        }
    }
}

/// Returns the script that replaces the file by its input: written beside it, with its mode and owner, then renamed. It ends
/// with 75 and changes nothing if the checksum is another one by now, or if the input is shorter than `size`: that of a
/// connection that was lost ends early, and would lock everybody out.
fn write_script(checksum: &[u8], size: usize) -> Result<String, TargetError> {
    let checksum = std::str::from_utf8(checksum).unwrap_or_default();
    let is_sound = checksum == "none" || checksum.chars().all(|c| c.is_ascii_digit() || c == ' ');
    if !is_sound || checksum.is_empty() {
        return Err(failure::misconfigured("the host writes something else than a command asks for"));
    }
    Ok(format!(
        "set -eu; umask 077; f=$HOME/.ssh/authorized_keys; mkdir -p \"$HOME/.ssh\"; \
         if [ -L \"$f\" ]; then f=$(readlink -f \"$f\"); fi; t=$(mktemp \"$f.XXXXXX\"); trap \"rm -f \\\"$t\\\"\" EXIT; \
         s=none; if [ -e \"$f\" ]; then cp -p \"$f\" \"$t\"; s=$(cksum <\"$f\"); fi; cat >\"$t\"; sync \"$t\" || :; \
         [ $(wc -c <\"$t\") -eq {size} ] || exit 75; [ \"$s\" = \"{checksum}\" ] || exit 75; mv -f \"$t\" \"$f\""
    ))
}

/// Returns a name that needs no quotes in a shell.
fn plain_name(name: &str) -> Result<&str, TargetError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_plain) {
        return Err(failure::misconfigured(
            "an operator can change the keys only of names of letters, digits and ._-@+",
        ));
    }
    Ok(name)
}

fn split_line(output: &[u8]) -> (&[u8], &[u8]) {
    let end = output.iter().position(|byte| *byte == b'\n').unwrap_or(output.len());
    (&output[..end], output.get(end + 1..).unwrap_or_default())
}
