//! Contexts: what language a tag stands in, which decides how its value is quoted.

mod dialogue;
mod operations;
mod posix;
mod powershell;
mod sql;
mod windows;

use std::str::FromStr;

use crate::position::Position;
use crate::tag::Tag;
use crate::template::{Body, Template};
use crate::text::{PieceKind, Text};

pub(crate) use dialogue::{Awaited, Situation, situations};

/// The language of a place, and the place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// The whole answer to a prompt: sent as it is, without control characters.
    Answer,
    /// A word of a POSIX shell, outside of quotes. `leading` when the word starts with it.
    ShellBare {
        /// Whether the word starts here, so that `-` would make it an option.
        leading: bool,
    },
    /// Inside of `'…'` of a POSIX shell.
    ShellSingle,
    /// Inside of `"…"` of a POSIX shell.
    ShellDouble,
    /// A word of Windows' command line, outside of quotes.
    WindowsBare {
        /// Whether the word starts here, so that `/` or `-` would make it an option.
        leading: bool,
    },
    /// Inside of `"…"` of Windows' command line.
    WindowsQuoted,
    /// Outside of strings in PowerShell.
    PowerShellBare,
    /// Inside of `'…'` in PowerShell.
    PowerShellSingle,
    /// Inside of `"…"` in PowerShell.
    PowerShellDouble,
    /// A word of a device's command line: printable characters without a meaning to any such line.
    Device,
    /// A line whose language is not known: letters, digits and a few signs alone.
    Plain,
    /// Inside of a JSON string inside of `'…'` of a POSIX shell.
    ShellJson,
    /// A value of a form (`name=value`) that `curl` sends, in any quotes.
    Form,
    /// A pattern of `expect`: matched literally.
    Pattern,
    /// Inside of a string in SQL.
    SqlString {
        /// The quote around it.
        quote: char,
    },
    /// A name in SQL, outside of quotes.
    SqlIdentifier,
    /// Inside of the quotes of a name in SQL.
    SqlQuotedIdentifier {
        /// The quote that closes it.
        close: char,
    },
    /// A password of Oracle's `IDENTIFIED BY`, outside of quotes: a quoted identifier too.
    SqlBarePassword,
    /// Inside of an LDAP filter (RFC 4515).
    LdapFilter,
    /// An attribute value of a DN (RFC 4514).
    LdapDn,
    /// A value that a protocol carries in its own field, without a syntax.
    Field,
    /// A part of a URL.
    Url,
    /// The host of a URL.
    UrlHost,
    /// Text on a 3270 screen.
    Screen,
    /// A place that no value may stand in.
    Unsafe(Unsafe),
}

/// Why no value may stand in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsafe {
    /// Inside of `$(…)` or backquotes.
    CommandSubstitution,
    /// Inside of `$((…))`, `${…}` or another expansion.
    Expansion,
    /// In a comment, where a line end would leave it.
    Comment,
    /// In a program inside of a word: `sed`, `awk`, `sh -c`.
    NestedProgram,
    /// In the text of a here-document.
    HereDocument,
    /// In JavaScript.
    Script,
    /// In a selector of a web page.
    Selector,
    /// In a message for a log.
    Log,
    /// In SQL's string with a dialect's escapes (`E'…'`, `$$…$$`).
    SqlSyntax,
    /// In a regular expression or name that takes no value.
    Name,
}

/// The language of a dialogue's command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `sh`, `bash`, `ksh`, `zsh`.
    Posix,
    /// `csh`, `tcsh`, where `!` is expanded even in quotes.
    Csh,
    /// Windows' `cmd`.
    Windows,
    /// The command line of a network device.
    Device,
    /// Not known.
    Unknown,
}

impl FromStr for Dialect {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "posix" | "sh" | "bash" | "ksh" | "zsh" | "dash" => Self::Posix,
            "csh" | "tcsh" => Self::Csh,
            "windows" | "cmd" => Self::Windows,
            "device" | "cli" => Self::Device,
            _ => return Err(()),
        })
    }
}

/// A tag with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// The tag.
    pub(crate) tag: Tag,
    /// Where it stands.
    pub(crate) at: Position,
    /// The context.
    pub(crate) context: Context,
}

/// Returns the context of each tag of a text, in order.
pub(crate) type Contexts = Vec<Context>;

/// Returns every tag of a template with its context.
pub(crate) fn places(template: &Template) -> Vec<Place> {
    match &template.body {
        Body::Dialogue(steps) => dialogue::places(template, steps),
        _ => operations::texts(template).into_iter().flat_map(|(text, contexts)| pair(text, contexts)).collect(),
    }
}

/// Pairs the tags of a text with their contexts.
fn pair(text: &Text, contexts: Contexts) -> Vec<Place> {
    text.tags().zip(contexts).map(|((tag, at), context)| Place { tag: tag.clone(), at, context }).collect()
}

/// Returns the contexts of the tags of a text that is one step of any language.
pub(crate) fn of_operation(template: &Template, text: &Text) -> Contexts {
    let found = operations::texts(template).into_iter().find(|(other, _)| std::ptr::eq(*other, text));
    found.map_or_else(Vec::new, |(_, contexts)| contexts)
}

/// The same context for each tag.
pub(crate) fn every(text: &Text, context: Context) -> Contexts {
    text.tags().map(|_| context).collect()
}

/// A character or a tag, with a look at what follows: what the scanners of the languages read.
pub(crate) enum Token {
    /// A character.
    Character(char),
    /// A tag.
    Tag,
}

/// Returns the characters and tags of a text.
pub(crate) fn tokens(text: &Text) -> Vec<Token> {
    let mut tokens = Vec::new();
    for piece in text.pieces() {
        match &piece.kind {
            PieceKind::Literal(literal) => tokens.extend(literal.chars().map(Token::Character)),
            PieceKind::Tag(_) => tokens.push(Token::Tag),
        }
    }
    tokens
}
