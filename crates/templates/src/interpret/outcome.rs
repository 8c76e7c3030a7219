//! How a dialogue ended.

use thiserror::Error;

use crate::position::Position;

/// The result of a dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Whether a secret was sent, of whatever kind.
    pub secret_sent: bool,
    /// Whether the new password was sent.
    pub new_password_sent: bool,
    /// The output, with each secret masked.
    pub transcript: String,
}

/// How a dialogue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every step was carried out.
    Finished,
    /// The next step sends the new password, which a rehearsal does not.
    BeforeNewPassword {
        /// The step.
        at: Position,
    },
    /// A step failed.
    Failed {
        /// The step.
        at: Position,
        /// Why.
        reason: FailureReason,
    },
}

/// Why a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FailureReason {
    /// The expected output did not come.
    #[error("the expected output did not come in time")]
    TimedOut,
    /// The connection ended before the dialogue.
    #[error("the connection was closed before the dialogue ended")]
    Closed,
    /// The connection failed.
    #[error("the connection failed")]
    Connection,
    /// Output that `no-expect` forbids.
    #[error("the output has what no-expect forbids")]
    Forbidden,
    /// `exit` with a code.
    #[error("the template ended with exit code {0}")]
    Exit(u8),
    /// A block went round too often.
    #[error("the block of expect was repeated too often")]
    Repeated,
}

/// What the dialogue did to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The new password is in force, as far as the template checks it.
    Changed,
    /// The new password was never sent: the old one is in force.
    NotChanged,
    /// The new password was sent and the dialogue failed: both must be tried.
    Unknown,
}

impl Outcome {
    /// Returns what a change of a password did.
    pub fn effect(&self) -> Effect {
        match (self.end, self.new_password_sent) {
            (_, false) => Effect::NotChanged,
            (End::Finished, true) => Effect::Changed,
            (End::Failed { .. } | End::BeforeNewPassword { .. }, true) => Effect::Unknown,
        }
    }
}
