//! Commands with the rights of root, or of another account: as root, or through `sudo`.

use chaveiro_rotation::{Login, LoginSecret, TargetError};
use zeroize::Zeroizing;

use super::exec::Command;
use super::login::Session;
use super::marker::marker;
use crate::failure;

/// Complaints of `sudo` that a permission is missing.
const NOT_ALLOWED: [&str; 6] = [
    "is not in the sudoers file",
    "is not allowed to",
    "may not run sudo",
    "sorry, you must have a tty",
    "a password is required",
    "sudo: command not found",
];

/// A session that starts commands with more rights.
pub(super) struct Elevated<'a> {
    session: &'a Session,
    operator: &'a Login,
}

impl<'a> Elevated<'a> {
    pub(super) fn new(session: &'a Session, operator: &'a Login) -> Self {
        Self { session, operator }
    }

    fn is_root(&self) -> bool {
        self.operator.username == "root"
    }

    /// Starts a command as root. Its input is read by nothing else: the password of `sudo` has been taken then.
    pub(super) async fn start_as_root(&self, command: &str) -> Result<Command, TargetError> {
        if self.is_root() {
            return self.session.start(&format!("env LC_ALL=C {command}")).await;
        }
        // Without input it changes nothing, so it tells whether it may be run.
        self.start_by_sudo(command, command).await
    }

    /// Runs a command as root to its end. `probe`, which changes nothing, tells whether `sudo` allows the program.
    pub(super) async fn run_as_root(&self, probe: &str, command: &str, input: &[u8]) -> Result<Command, TargetError> {
        let mut running = if self.is_root() {
            self.session.start(&format!("env LC_ALL=C {command}")).await?
        } else {
            self.start_by_sudo(probe, command).await?
        };
        running.send(input).await?;
        running.finish().await?;
        Ok(running)
    }

    /// Runs a command as another account, whose name needs no quotes in a shell.
    pub(super) async fn run_as(&self, name: &str, command: &str, input: &[u8]) -> Result<Command, TargetError> {
        let mut running = if self.is_root() {
            self.session.start(&format!("env LC_ALL=C su -s /bin/sh {name} -c {}", quoted(command))).await?
        } else {
            let shell = |script| format!("-H -u {name} sh -c {}", quoted(script));
            self.start_by_sudo(&shell(":"), &shell(command)).await?
        };
        running.send(input).await?;
        running.finish().await?;
        Ok(running)
    }

    /// Tries first, with a command that does nothing, whether `sudo` wants a password, so that nothing else is ever taken
    /// for one.
    async fn start_by_sudo(&self, probe: &str, command: &str) -> Result<Command, TargetError> {
        let tried = self.session.run(&format!("env LC_ALL=C sudo -k -n {probe}"), b"").await?;
        let without_password = format!("env LC_ALL=C sudo -n {command}");
        if tried.status == Some(0) {
            return self.session.start(&without_password).await;
        }
        let LoginSecret::Password(password) = &self.operator.secret else {
            return Err(failure::denied("sudo wants a password, and the operator has a key"));
        };
        let (prompt, ready) = (marker()?, marker()?);
        // One shell for both, whose id `sudo` remembers the password for: it must not be replaced by the last command.
        let line = format!("sudo -k; env LC_ALL=C sudo -S -p {prompt} -v && echo {ready} && {without_password}; exit");
        let mut running = self.session.start(&line).await?;
        let is_ready = |command: &Command| occurrences(&command.output, &ready) > 0;
        wait(&mut running, |command| is_ready(command) || occurrences(&command.errors, &prompt) > 0).await?;
        if !is_ready(&running) {
            running.send(Zeroizing::new(format!("{}\n", password.expose())).as_bytes()).await?;
            wait(&mut running, |command| is_ready(command) || occurrences(&command.errors, &prompt) > 1).await?;
        }
        if !is_ready(&running) {
            return Err(failure::denied("sudo refused the password of the operator"));
        }
        running.output.clear();
        running.errors.clear();
        Ok(running)
    }
}

/// Returns what the failure of an elevated command means if `sudo` or the host has refused it.
pub(super) fn refusal(command: &Command) -> Option<TargetError> {
    command.complains(&NOT_ALLOWED).then_some(failure::denied("sudo does not allow the operator the command"))
}

/// Reads until something has been written.
async fn wait(command: &mut Command, has_come: impl Fn(&Command) -> bool) -> Result<(), TargetError> {
    while !has_come(command) {
        if !command.read().await? {
            return Err(failure::denied("sudo does not allow the operator the command"));
        }
    }
    Ok(())
}

fn occurrences(output: &[u8], word: &str) -> usize {
    output.windows(word.len()).filter(|window| *window == word.as_bytes()).count()
}

/// Quotes a script for a shell. Scripts hold no single quotes.
fn quoted(script: &str) -> String {
    format!("'{script}'")
}
