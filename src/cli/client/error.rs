//! Errors of the client commands, with their exit codes.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::config::SettingsError;
use crate::text::encoding::EncodingError;

/// The exit code of a vault that cannot be reached, or cannot answer for the moment.
const UNAVAILABLE: u8 = 7;
/// The exit code of `exec` if the program was not started, as of `env` and `docker run`.
const NOT_STARTED: u8 = 125;
/// The exit code of `exec` for a program that cannot be started.
const NOT_EXECUTABLE: u8 = 126;
/// The exit code of `exec` for a program that is not found.
const NOT_FOUND: u8 = 127;

/// Why a client command failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ClientError {
    #[error("{0}: {1}")]
    Option(&'static str, &'static str),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, ErrorKind),
    #[error("cannot write {}: {}", .0.display(), .1)]
    Unwritable(PathBuf, ErrorKind),
    #[error("{0} {1}")]
    Encoding(String, EncodingError),
    #[error("{0}: expected one line with a secret of at most {1} bytes")]
    NoSecret(String, usize),
    #[error("{} can be changed by other users, and may name commands; run chown and chmod go-w", .0.display())]
    Untrusted(PathBuf),
    #[error("the command of {0} {1}")]
    Command(&'static str, String),
    #[error("{} is not in PEM: {}", .0.display(), .1)]
    Pem(PathBuf, &'static str),
    #[error("{}, line {}: {}", .0.display(), .1, .2)]
    Line(PathBuf, usize, String),
    #[error("the vault cannot be reached: {0}")]
    Unreachable(String),
    #[error("the vault cannot answer: {0}")]
    Unavailable(String),
    #[error("the vault refuses the login: {0}")]
    LoginRefused(String),
    #[error("the vault refuses the request: {0}")]
    Refused(String),
    #[error("the vault answers with a redirection, which is not followed; correct the URL")]
    Redirected,
    #[error("the answer is not one of a Chaveiro vault; check the URL")]
    UnknownAnswer,
    #[error("no value for {}", .0.join(", "))]
    Missing(Vec<String>),
    #[error("the variable {0} cannot hold its value, which contains a NUL character")]
    Nul(String),
    #[error("cannot write the output: {0}")]
    Output(ErrorKind),
    #[error("cannot start {}: {}", .0.display(), .1)]
    Program(OsString, ErrorKind),
    #[error("nothing was started: {0}")]
    NotStarted(Box<ClientError>),
}

impl ClientError {
    /// The exit code.
    pub(in crate::cli) fn code(&self) -> u8 {
        match self {
            ClientError::Unreachable(_) | ClientError::Unavailable(_) => UNAVAILABLE,
            ClientError::NotStarted(_) => NOT_STARTED,
            ClientError::Program(_, ErrorKind::NotFound) => NOT_FOUND,
            ClientError::Program(..) => NOT_EXECUTABLE,
            ClientError::Option(..)
            | ClientError::Settings(_)
            | ClientError::Unreadable(..)
            | ClientError::Unwritable(..)
            | ClientError::Encoding(..)
            | ClientError::NoSecret(..)
            | ClientError::Untrusted(_)
            | ClientError::Command(..)
            | ClientError::Pem(..)
            | ClientError::Line(..)
            | ClientError::LoginRefused(_)
            | ClientError::Refused(_)
            | ClientError::Redirected
            | ClientError::UnknownAnswer
            | ClientError::Missing(_)
            | ClientError::Nul(_)
            | ClientError::Output(_) => 1,
        }
    }

    /// Whether the reader of the output has gone.
    pub(in crate::cli) fn is_closed_pipe(&self) -> bool {
        matches!(self, ClientError::Output(ErrorKind::BrokenPipe))
    }
}
