//! The root key from a program, such as the client of a key management service.

use std::io::{ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use super::RootKey;

/// How long the program may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that it may print, in bytes.
const MAX_OUTPUT: usize = 1024;
/// The variables that it does not get begin like this: they hold secrets of the vault.
const OWN_VARIABLES: &str = "CHAVEIRO";

/// Why the program gave no root key. Names nothing of what it printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It could not be run.
    #[error("cannot be started: {0}")]
    NotStarted(ErrorKind),
    /// It did not end in time.
    #[error("gave no key within {} seconds", TIMEOUT.as_secs())]
    TimedOut,
    /// It failed.
    #[error("failed: {0}; its messages are not logged, run it by hand to see them")]
    Failed(ExitStatus),
    /// Its output could not be read.
    #[error("gave no output that can be read: {0}")]
    Unreadable(ErrorKind),
    /// It printed something else.
    #[error("printed something else than a root key: 64 hexadecimal digits, or the Base64 of 32 bytes")]
    Malformed,
}

/// A program that prints the root key. It is run once in the life of the process: what it has given is kept, so that its outage
/// concerns no running node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKeyCommand {
    arguments: Arc<[String]>,
    key: Arc<OnceLock<RootKey>>,
}

impl RootKeyCommand {
    /// Creates the command of a program with its arguments; runs nothing.
    pub fn new(arguments: &[String]) -> Self {
        Self { arguments: arguments.into(), key: Arc::default() }
    }

    /// Returns the key. Runs the program unless it has given the key already.
    ///
    /// # Errors
    /// [`CommandError`]
    pub(super) fn load(&self) -> Result<RootKey, CommandError> {
        if let Some(key) = self.key.get() {
            return Ok(key.clone());
        }
        let output = run(&self.arguments, TIMEOUT)?;
        let key = parse(&output).ok_or(CommandError::Malformed)?;
        Ok(self.key.get_or_init(|| key).clone())
    }
}

/// Parses what the program printed, without white space around it.
fn parse(output: &[u8]) -> Option<RootKey> {
    let text = std::str::from_utf8(output).ok()?.trim();
    RootKey::from_hex(text).or_else(|| {
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        Some(RootKey::from_bytes(bytes.as_slice().try_into().ok()?))
    })
}

/// Runs a program and returns its output, if it ends well and in time. Otherwise it is killed, with all that it has started.
fn run(arguments: &[String], timeout: Duration) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let [program, arguments @ ..] = arguments else { return Err(CommandError::NotStarted(ErrorKind::InvalidInput)) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    for (name, _) in std::env::vars_os() {
        let is_own = name.to_str().is_some_and(|name| name.to_ascii_uppercase().starts_with(OWN_VARIABLES));
        if is_own {
            command.env_remove(name);
        }
    }
    let child = command.spawn().map_err(|error| CommandError::NotStarted(error.kind()))?;
    let mut group = Group(child);
    let output = group.0.stdout.take().ok_or(CommandError::Unreadable(ErrorKind::BrokenPipe))?;
    let (sender, receiver) = mpsc::channel();
    // A thread of its own: a pipe that somebody keeps open cannot be waited for within a limit.
    let reader = thread::Builder::new().name("root-key-command".into());
    let spawned = reader.spawn(move || sender.send(read(output)));
    spawned.map_err(|error| CommandError::NotStarted(error.kind()))?;
    let output = match receiver.recv_timeout(timeout) {
        Ok(read) => read.map_err(CommandError::Unreadable)?,
        Err(RecvTimeoutError::Timeout) => return Err(CommandError::TimedOut),
        Err(RecvTimeoutError::Disconnected) => return Err(CommandError::Unreadable(ErrorKind::Other)),
    };
    let status = group.end(timeout)?;
    if !status.success() {
        return Err(CommandError::Failed(status));
    }
    if output.len() > MAX_OUTPUT { Err(CommandError::Malformed) } else { Ok(output) }
}

/// Reads up to one byte more than is allowed, into a buffer that does not move.
fn read(output: impl Read) -> Result<Zeroizing<Vec<u8>>, ErrorKind> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT + 1));
    let limit = u64::try_from(MAX_OUTPUT + 1).unwrap_or(u64::MAX);
    output.take(limit).read_to_end(&mut bytes).map_err(|error| error.kind())?;
    Ok(bytes)
}

/// A program that leads a process group of its own; the group is killed when dropped.
struct Group(Child);

impl Group {
    /// Waits for the end of the program, which has closed its output, or has printed too much.
    fn end(&mut self, timeout: Duration) -> Result<ExitStatus, CommandError> {
        let until = crate::clock::instant() + timeout;
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if crate::clock::instant() < until => thread::sleep(Duration::from_millis(5)),
                Ok(None) => return Err(CommandError::TimedOut),
                Err(error) => return Err(CommandError::Unreadable(error.kind())),
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Fails when nothing of the group is left.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(String::from).to_vec()
    }

    fn load(script: &str) -> Result<RootKey, CommandError> {
        RootKeyCommand::new(&shell(script)).load()
    }

    #[test]
    fn a_key_is_hexadecimal_or_base64() {
        let expected = RootKey::from_bytes(&[0xab; 32]);
        let hexadecimal = "ab".repeat(32);
        let base64 = STANDARD.encode([0xab; 32]);
        for text in [
            &hexadecimal,
            &hexadecimal.to_uppercase(),
            &base64,
            &format!("  {hexadecimal}\\r\\n"),
            &format!("{base64}\\n"),
        ] {
            assert_eq!(load(&format!("printf '{text}'")), Ok(expected.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for script in [
            "true",
            "echo hunter2",
            "printf '\\377'",
            "printf 'ab%.0s' $(seq 31)",
            "yes hunter2 | head -c 5000",
            "head -c 100000000 /dev/zero",
        ] {
            let error = load(script).unwrap_err();
            assert!(matches!(error, CommandError::Malformed | CommandError::Failed(_)), "{script}: {error}");
            assert!(!error.to_string().contains("hunter2"));
        }
        let failed = load("echo hunter2; echo hunter2 >&2; exit 3").unwrap_err();
        assert!(failed.to_string().starts_with("failed: exit status: 3"), "{failed}");
        assert!(!failed.to_string().contains("hunter2"));
        let missing = RootKeyCommand::new(&["/nowhere/kms".into()]).load().unwrap_err();
        assert_eq!(missing, CommandError::NotStarted(ErrorKind::NotFound));
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_all_that_it_has_started() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let script = format!("sleep 600 & echo $! >{}; wait", pid.display());
        // On a slow machine it is killed before it has started anything.
        let started = [300, 3_000, 30_000].into_iter().find_map(|millis| {
            assert_eq!(run(&shell(&script), Duration::from_millis(millis)).unwrap_err(), CommandError::TimedOut);
            std::fs::read_to_string(&pid).ok()?.trim().parse::<i32>().ok()
        });
        let started = started.unwrap();
        let ended = || {
            let stat = std::fs::read_to_string(format!("/proc/{started}/stat"));
            stat.map_or(true, |stat| stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
        };
        while !ended() {
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_program_does_not_get_the_variables_of_the_vault() {
        // Of the test's own process, which has some of cargo's.
        let output = run(&shell("env"), TIMEOUT);
        let shown = output.map(|output| String::from_utf8_lossy(&output).into_owned()).unwrap_or_default();
        assert!(!shown.contains("\nCHAVEIRO"), "{shown}");
    }

    #[test]
    fn the_program_is_run_once_when_it_has_given_the_key_and_again_when_it_has_not() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("runs");
        let key = "cd".repeat(32);
        let script = format!("echo run >>{0}; test $(wc -l <{0}) -gt 1 && printf {key}", log.display());
        let command = RootKeyCommand::new(&shell(&script));
        assert!(matches!(command.load(), Err(CommandError::Failed(_))));
        let again = command.clone();
        assert_eq!(command.load().unwrap(), RootKey::from_bytes(&[0xcd; 32]));
        assert_eq!(again.load().unwrap(), RootKey::from_bytes(&[0xcd; 32]));
        assert_eq!(std::fs::read_to_string(log).unwrap(), "run\nrun\n");
    }
}
