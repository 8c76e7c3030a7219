//! Rendering: a text with its contexts and values becomes what is sent.

use chaveiro_secret::SecretText;
use thiserror::Error;

use crate::context::Context;
use crate::executor::Executor;
use crate::position::Position;
use crate::quote::{Unquotable, quote};
use crate::tag::Tag;
use crate::text::{PieceKind, Text};
use crate::values::Values;

/// The bytes of a line: a terminal in canonical mode takes no more.
pub(crate) const LONGEST_LINE: usize = 4_000;

/// Why a template cannot be run with the values. Nothing has been sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{at}: {kind}")]
pub struct RenderError {
    /// The tag's or line's position.
    pub at: Position,
    /// What is wrong.
    pub kind: RenderErrorKind,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderErrorKind {
    /// The run has no value for the tag.
    #[error("no value for {0}")]
    NoValue(Tag),
    /// The place cannot carry the value.
    #[error("{tag}: {reason}")]
    Unquotable {
        /// The tag.
        tag: Tag,
        /// Why.
        reason: Unquotable,
    },
    /// The line is too long with its values.
    #[error("the line must have at most {LONGEST_LINE} bytes with its values")]
    LineTooLong,
    /// The pattern is too large with its values.
    #[error("the pattern is too large with its values")]
    Pattern,
}

impl RenderError {
    pub(crate) fn new(at: Position, kind: RenderErrorKind) -> Self {
        Self { at, kind }
    }
}

/// Fills the tags of a text.
pub(crate) fn render(
    text: &Text,
    contexts: &[Context],
    executor: Executor,
    values: &Values,
) -> Result<SecretText, RenderError> {
    let mut out = String::with_capacity(256);
    let mut contexts = contexts.iter();
    for piece in text.pieces() {
        match &piece.kind {
            PieceKind::Literal(literal) => out.push_str(literal),
            PieceKind::Tag(tag) => {
                // Each tag has a context; a missing one would be a place that nobody looked at.
                let context = contexts.next().copied().unwrap_or(Context::Plain);
                out.push_str(&value(tag, piece.at, context, executor, values)?);
            }
        }
    }
    Ok(SecretText::new(out))
}

fn value(
    tag: &Tag,
    at: Position,
    context: Context,
    executor: Executor,
    values: &Values,
) -> Result<String, RenderError> {
    let value = values.get(tag).ok_or_else(|| RenderError::new(at, RenderErrorKind::NoValue(tag.clone())))?;
    quote(context, executor, value.expose())
        .map_err(|reason| RenderError::new(at, RenderErrorKind::Unquotable { tag: tag.clone(), reason }))
}
