//! The typed steps of a template.

mod dialogue;
mod operations;

use crate::error::ParseError;
use crate::executor::Executor;
use crate::parse;
use crate::position::Position;
use crate::text::Text;

pub use dialogue::{Branch, BranchOn, DialogueCommand, DialogueStep, NewLineMode};
pub use operations::{
    BrowserStep, LdapChange, LdapStep, LdapStepKind, ScreenKey, ScreenStep, SqlStep, WindowsStep, WindowsStepKind,
};

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// What carries it out.
    pub executor: Executor,
    /// The steps, in order.
    pub body: Body,
    /// Oddities that the parser accepted, because the original does: each becomes a finding of the linter.
    pub(crate) oddities: Vec<(Position, Oddity)>,
    /// The language of the command lines, when a comment `# shell: NAME` declares it.
    pub(crate) declared_shell: Option<crate::context::Dialect>,
}

/// Something that is accepted and probably not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// A string without its closing quote.
    UnclosedString,
    /// Characters after a string that are no comment.
    TextAfterString,
    /// An unescaped quote inside of a string.
    QuoteInString,
    /// `[#` that starts no tag.
    BrokenTag,
    /// Lines after `end`.
    AfterEnd,
}

/// The steps of a template, by language.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A dialogue with a terminal.
    Dialogue(Vec<DialogueStep>),
    /// LDAP operations.
    Ldap(Vec<LdapStep>),
    /// SQL statements.
    Sql(Vec<SqlStep>),
    /// Command lines of Windows.
    Windows(Vec<WindowsStep>),
    /// Command lines of `esxcli`.
    Esxi(Vec<Text>),
    /// Keys of a 3270 screen.
    Screen(Vec<ScreenStep>),
    /// Steps in a browser.
    Browser(Vec<BrowserStep>),
}

impl Template {
    /// Parses a template for an executor.
    ///
    /// # Errors
    /// The position of the first line that is not of the executor's language, and what is expected there.
    pub fn parse(executor: Executor, source: &str) -> Result<Self, ParseError> {
        parse::template(executor, source)
    }

    /// Returns the texts that hold tags, in the order of the template.
    pub fn texts(&self) -> Vec<&Text> {
        match &self.body {
            Body::Dialogue(steps) => steps.iter().flat_map(|step| step.command.texts()).collect(),
            Body::Ldap(steps) => steps.iter().flat_map(|step| step.kind.texts()).collect(),
            Body::Sql(steps) => steps.iter().map(|step| &step.statement).collect(),
            Body::Windows(steps) => steps.iter().filter_map(|step| step.kind.text()).collect(),
            Body::Esxi(lines) => lines.iter().collect(),
            Body::Screen(steps) => steps.iter().filter_map(|step| step.key.text()).collect(),
            Body::Browser(steps) => steps.iter().flat_map(|step| &step.arguments).collect(),
        }
    }

    /// Whether a tag is anywhere in the template.
    pub fn has_tag(&self, name: &str) -> bool {
        self.texts().into_iter().flat_map(Text::tags).any(|(tag, _)| tag.name() == name)
    }
}
