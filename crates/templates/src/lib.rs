//! Change templates: parser, linter, renderer and interpreter of the language that `docs/templates.md` describes.
//!
//! A template is parsed into typed steps ([`Template::parse`]), checked when it is saved ([`lint()`]), and run by one of
//! two ways: a dialogue over a [`Terminal`], or typed operations (LDAP, SQL, Windows, browser, 3270) that another crate executes.
//! Each tag is quoted by the place that it stands in ([`Context`]); a value that a place cannot carry is an error before
//! anything is sent.

mod builtin;
mod context;
mod error;
mod executor;
mod interpret;
mod lint;
mod operations;
mod parse;
mod pattern;
mod position;
mod quote;
mod render;
mod tag;
mod template;
mod text;
mod values;

pub use builtin::Builtin;
pub use context::{Context, Dialect, Unsafe};
pub use error::{Limit, ParseError, ParseErrorKind};
pub use executor::{Executor, Language, UnknownExecutor};
pub use interpret::{
    Action, Dialogue, Effect, End, Event, FailureReason, Interpreter, Outcome, Received, Terminal, Transcript, run,
};
pub use lint::{Finding, Purpose, Rule, Severity, lint};
pub use operations::{BrowserOperation, LdapOperation, Operations, ScreenOperation, SqlStatement, WindowsOperation};
pub use pattern::{Pattern, PatternError, PatternKind};
pub use position::Position;
pub use quote::{Unquotable, quote};
pub use render::{RenderError, RenderErrorKind};
pub use tag::{Tag, TagKind};
pub use template::{
    Body, Branch, BranchOn, BrowserStep, DialogueCommand, DialogueStep, LdapChange, LdapStep, LdapStepKind,
    NewLineMode, ScreenKey, ScreenStep, SqlStep, Template, WindowsStep, WindowsStepKind,
};
pub use text::{Piece, PieceKind, Text};
pub use values::Values;
