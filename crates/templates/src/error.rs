//! Errors of the parser. A message names the place and what is expected there; it never repeats the template's text,
//! which may hold a password that somebody wrote into it.

use thiserror::Error;

use crate::position::Position;

/// The bounds of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit;

impl Limit {
    /// Bytes of a template.
    pub const BYTES: usize = 256 * 1024;
    /// Lines of a template.
    pub const LINES: usize = 4_000;
    /// Characters of a line.
    pub const LINE_CHARACTERS: usize = 8_192;
    /// Branches of an `expect { … }` block.
    pub const BRANCHES: usize = 64;
    /// Seconds of a timeout or a pause.
    pub const SECONDS: u64 = 3_600;
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{at}: {kind}")]
pub struct ParseError {
    /// Where parsing stopped.
    pub at: Position,
    /// What is expected there.
    pub kind: ParseErrorKind,
}

/// What the parser expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseErrorKind {
    /// The template is longer than [`Limit::BYTES`].
    #[error("a template must have at most {} bytes", Limit::BYTES)]
    TooLong,
    /// The template has more than [`Limit::LINES`] lines.
    #[error("a template must have at most {} lines", Limit::LINES)]
    TooManyLines,
    /// A line has more than [`Limit::LINE_CHARACTERS`] characters.
    #[error("a line must have at most {} characters", Limit::LINE_CHARACTERS)]
    LineTooLong,
    /// A character that a terminal would act upon.
    #[error("a template must not contain control characters")]
    ControlCharacter,
    /// The line does not start with a command of the language.
    #[error("expected a command of the language {language}: {commands}")]
    Command {
        /// The language of the executor.
        language: &'static str,
        /// The commands that it has.
        commands: &'static str,
    },
    /// An argument is missing or of the wrong form.
    #[error("{command} expects {expected}")]
    Argument {
        /// The command.
        command: &'static str,
        /// The form of the argument.
        expected: &'static str,
    },
    /// A regular expression that does not compile.
    #[error("expected a regular expression (syntax of the Rust crate regex: no look-around, no back-references)")]
    Regex,
    /// An `expect { … }` block without its end.
    #[error("expected `}}` that closes the block")]
    UnclosedBlock,
    /// A block inside of a block.
    #[error("a block of `expect` must not contain another block")]
    NestedBlock,
    /// More branches than [`Limit::BRANCHES`].
    #[error("a block of `expect` must have at most {} branches", Limit::BRANCHES)]
    TooManyBranches,
}

impl ParseError {
    pub(crate) fn new(at: Position, kind: ParseErrorKind) -> Self {
        Self { at, kind }
    }
}
