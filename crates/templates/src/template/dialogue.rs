//! The steps of a dialogue.

use std::time::Duration;

use crate::executor::Executor;
use crate::pattern::Pattern;
use crate::position::Position;
use crate::text::Text;

/// A step of a dialogue.
#[derive(Clone, Debug, PartialEq)]
pub struct DialogueStep {
    /// Where it starts.
    pub at: Position,
    /// What it does.
    pub command: DialogueCommand,
}

/// The commands of a dialogue.
#[derive(Clone, Debug, PartialEq)]
pub enum DialogueCommand {
    /// Sends a line, with the line end of the mode.
    Exec(Text),
    /// Sends characters as they are.
    Send(Text),
    /// Waits for output; fails at the read timeout.
    Expect(Pattern),
    /// Fails when the output holds the pattern.
    NoExpect(Pattern),
    /// Waits for the first of several patterns.
    Branches(Vec<Branch>),
    /// Time that output may take.
    SetReadTimeout(Duration),
    /// Time that a connection may take.
    SetConnectTimeout(Duration),
    /// The line end of `exec`.
    SetNewLineMode(NewLineMode),
    /// The prompt that `exec` waits for when no `expect` stands before it.
    SetPrompt(Pattern),
    /// The version of SSH; only 2 is spoken.
    SetSshVersion(u64),
    /// The transport, of a Tk Expect dialogue.
    Use(Executor),
    /// Pauses.
    Sleep(Duration),
    /// Ends the dialogue; success when the code is 0.
    Exit(u8),
}

/// A branch of `expect { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Where it starts.
    pub at: Position,
    /// What leads into it.
    pub on: BranchOn,
    /// What is sent, in order.
    pub sends: Vec<Text>,
    /// Whether the block waits again afterwards.
    pub continues: bool,
    /// How the dialogue ends there, if it does.
    pub exit: Option<u8>,
}

/// What leads into a branch.
#[derive(Clone, Debug, PartialEq)]
pub enum BranchOn {
    /// Output.
    Pattern(Pattern),
    /// The read timeout.
    Timeout,
    /// The end of the connection.
    Eof,
}

/// The line end of `exec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewLineMode {
    /// A line feed.
    #[default]
    Unix,
    /// A carriage return.
    Mac,
    /// Both.
    Windows,
}

impl NewLineMode {
    /// Returns the characters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unix => "\n",
            Self::Mac => "\r",
            Self::Windows => "\r\n",
        }
    }
}

impl DialogueCommand {
    pub(super) fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Exec(text) | Self::Send(text) => vec![text],
            Self::Expect(pattern) | Self::NoExpect(pattern) | Self::SetPrompt(pattern) => vec![&pattern.text],
            Self::Branches(branches) => branches.iter().flat_map(Branch::texts).collect(),
            _ => Vec::new(),
        }
    }
}

impl Branch {
    fn texts(&self) -> Vec<&Text> {
        let pattern = match &self.on {
            BranchOn::Pattern(pattern) => Some(&pattern.text),
            BranchOn::Timeout | BranchOn::Eof => None,
        };
        pattern.into_iter().chain(&self.sends).collect()
    }
}
