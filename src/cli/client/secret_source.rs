//! Where the client's own secret comes from. Never from an argument, which other users of the machine can see.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::error::ClientError;
use crate::crypto::SecretText;
use crate::text::{encoding, without_line_end};

/// The greatest length of a client secret or a token, in bytes.
const MAX_LENGTH: usize = 8192;

/// Where a client secret or a token is found. It is read when it is needed.
#[derive(Debug)]
pub(super) enum SecretSource {
    /// A variable of the environment, with its value.
    Variable(&'static str, SecretText),
    File(PathBuf),
    StandardInput,
    /// The output of a program: the setting that names it, and its arguments.
    Command(&'static str, Vec<String>),
}

impl SecretSource {
    /// The file of an option; `-` is standard input.
    pub(super) fn from_path(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::StandardInput } else { Self::File(path) }
    }

    /// Reads the secret: one line, without its line end.
    ///
    /// # Errors
    /// [`ClientError`], with the name of the source.
    pub(super) fn read(&self) -> Result<SecretText, ClientError> {
        match self {
            Self::Variable(name, value) => line(name, value.expose().as_bytes()),
            Self::File(path) => {
                let unreadable = |error: io::Error| ClientError::Unreadable(path.clone(), error.kind());
                let bytes = read_some(&mut File::open(path).map_err(unreadable)?).map_err(unreadable)?;
                line(&path.display().to_string(), &bytes)
            }
            Self::StandardInput => {
                let name = "standard input";
                let unreadable = |error: io::Error| ClientError::Unreadable(name.into(), error.kind());
                line(name, &read_some(&mut io::stdin().lock()).map_err(unreadable)?)
            }
            Self::Command(setting, arguments) => run(setting, arguments),
        }
    }
}

/// Reads up to one byte more than a secret may have, into a buffer that does not move.
fn read_some(input: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LENGTH + 2));
    input.take(MAX_LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn line(name: &str, bytes: &[u8]) -> Result<SecretText, ClientError> {
    let text = encoding::secret(bytes).map_err(|error| ClientError::Encoding(name.into(), error))?;
    let secret = without_line_end(text);
    if bytes.len() > MAX_LENGTH || secret.is_empty() || secret.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(ClientError::NoSecret(name.into(), MAX_LENGTH));
    }
    Ok(SecretText::new(secret.into()))
}

/// Runs a program of a keyring. It may ask the user on the terminal, so it has no time limit.
fn run(setting: &'static str, arguments: &[String]) -> Result<SecretText, ClientError> {
    let failed = |what: String| ClientError::Command(setting, what);
    let [program, arguments @ ..] = arguments else { return Err(failed("is empty".into())) };
    let child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| failed(format!("cannot be started: {}", error.kind())))?;
    let output = child.stdout.take().map(|mut output| read_some(&mut output)).transpose();
    let status = child.wait().map_err(|error| failed(format!("failed: {}", error.kind())))?;
    let output = output.map_err(|error| failed(format!("cannot be read: {}", error.kind())))?.unwrap_or_default();
    // A program whose output is not read to its end may fail for that alone.
    if !status.success() && output.len() <= MAX_LENGTH {
        return Err(failed(format!("failed: {status}")));
    }
    line(&format!("the output of {setting}"), &output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(script: &str) -> Result<String, String> {
        let arguments = ["/bin/sh", "-c", script].map(String::from).to_vec();
        let read = SecretSource::Command("client_secret_command", arguments).read();
        read.map(|secret| secret.expose().to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_gives_the_line_that_it_prints() {
        assert_eq!(output("echo chv_1").unwrap(), "chv_1");
        assert_eq!(output("printf chv_1").unwrap(), "chv_1");
        for (script, part) in [
            ("exit 3", "client_secret_command failed: exit status: 3"),
            ("echo hunter2; exit 1", "failed"),
            ("true", "the output of client_secret_command: expected one line"),
            ("echo hunter2; echo hunter2", "expected one line"),
            ("printf 'hunter2 \\0'", "NUL"),
            ("printf '\\377hunter2'", "UTF-8"),
            ("yes hunter2 | head -c 20000 | tr -d '\\n'", "at most 8192 bytes"),
        ] {
            let message = output(script).unwrap_err();
            assert!(message.contains(part) && !message.contains("hunter2"), "{message}");
        }
        let missing = SecretSource::Command("token_command", vec!["/nowhere/pass".into()]).read().unwrap_err();
        assert_eq!(missing.to_string(), "the command of token_command cannot be started: entity not found");
        assert!(SecretSource::Command("token_command", vec![]).read().is_err());
    }

    #[test]
    fn a_source_shows_no_secret() {
        let source = SecretSource::Variable("CHAVEIRO_TOKEN", SecretText::new("hunter2".into()));
        assert!(!format!("{source:?}").contains("hunter2"));
        assert!(
            !SecretSource::Variable("X", SecretText::new("hunter2 x".into()))
                .read()
                .unwrap_err()
                .to_string()
                .contains("hunter")
        );
    }
}
