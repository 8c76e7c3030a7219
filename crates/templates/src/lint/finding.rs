//! Findings of the linter.

use std::fmt;

use crate::context::Unsafe;
use crate::position::Position;

/// What a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Changes a password: `[#NEW_PASSWORD#]` must be in it.
    ChangePassword,
    /// Anything else.
    Other,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The template runs, and may do something that is not meant.
    Warning,
    /// The template must not be saved.
    Refused,
}

/// A finding, with its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it is.
    pub at: Position,
    /// What it is.
    pub rule: Rule,
}

/// What the linter looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The template does nothing.
    Empty,
    /// A template of [`Purpose::ChangePassword`] without `[#NEW_PASSWORD#]`.
    NoNewPassword,
    /// A tag that no run has a value for.
    UnknownTag,
    /// `[#` and a name that are no tag.
    BrokenTag,
    /// A tag where code stands.
    UnsafePlace,
    /// A tag in a program inside of a word.
    NestedProgram,
    /// A secret in a text that is logged.
    SecretInLog,
    /// A secret alone at a prompt that takes commands: the shell would keep it in its history.
    SecretAsCommand,
    /// A version of SSH other than 2.
    SshVersion,
    /// A secret in an argument, which other users of the host can see.
    SecretInArguments,
    /// A place that carries only some characters.
    RestrictedValue,
    /// A secret that the other side is expected to print.
    SecretInOutput,
    /// A secret is sent without a prompt before it.
    AnswerWithoutPrompt,
    /// A pattern that matches any output.
    MatchesAnything,
    /// A pattern that the echo of the line before it matches.
    MatchesEcho,
    /// Nothing checks the output after the new password.
    ResultNotChecked,
    /// The connection is not encrypted.
    Unencrypted,
    /// A string without its closing quote.
    UnclosedString,
    /// Characters after a string.
    TextAfterString,
    /// A quote inside of a string.
    QuoteInString,
    /// Lines after `end`.
    AfterEnd,
}

impl Finding {
    /// A finding that concerns the whole template.
    pub(super) fn of_template(rule: Rule) -> Self {
        Self { at: Position::new(1, 1), rule }
    }

    /// Returns the severity of the rule.
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity() {
            Severity::Refused => "refused",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}: {} [{}]", self.at, self.rule.message(), self.rule.as_str())
    }
}

impl From<Unsafe> for Rule {
    fn from(reason: Unsafe) -> Self {
        match reason {
            Unsafe::NestedProgram => Self::NestedProgram,
            Unsafe::Log => Self::SecretInLog,
            _ => Self::UnsafePlace,
        }
    }
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 21] = [
        Self::Empty,
        Self::NoNewPassword,
        Self::UnknownTag,
        Self::BrokenTag,
        Self::UnsafePlace,
        Self::NestedProgram,
        Self::SecretInLog,
        Self::SecretAsCommand,
        Self::SshVersion,
        Self::SecretInArguments,
        Self::RestrictedValue,
        Self::SecretInOutput,
        Self::AnswerWithoutPrompt,
        Self::MatchesAnything,
        Self::MatchesEcho,
        Self::ResultNotChecked,
        Self::Unencrypted,
        Self::UnclosedString,
        Self::TextAfterString,
        Self::QuoteInString,
        Self::AfterEnd,
    ];

    /// Returns the severity.
    pub fn severity(self) -> Severity {
        match self {
            Self::Empty
            | Self::NoNewPassword
            | Self::UnknownTag
            | Self::BrokenTag
            | Self::UnsafePlace
            | Self::NestedProgram
            | Self::SecretInLog
            | Self::SecretAsCommand
            | Self::SshVersion => Severity::Refused,
            _ => Severity::Warning,
        }
    }

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NoNewPassword => "no-new-password",
            Self::UnknownTag => "unknown-tag",
            Self::BrokenTag => "broken-tag",
            Self::UnsafePlace => "unsafe-place",
            Self::NestedProgram => "nested-program",
            Self::SecretInLog => "secret-in-log",
            Self::SecretAsCommand => "secret-as-command",
            Self::SshVersion => "ssh-version",
            Self::SecretInArguments => "secret-in-arguments",
            Self::RestrictedValue => "restricted-value",
            Self::SecretInOutput => "secret-in-output",
            Self::AnswerWithoutPrompt => "answer-without-prompt",
            Self::MatchesAnything => "matches-anything",
            Self::MatchesEcho => "matches-echo",
            Self::ResultNotChecked => "result-not-checked",
            Self::Unencrypted => "unencrypted",
            Self::UnclosedString => "unclosed-string",
            Self::TextAfterString => "text-after-string",
            Self::QuoteInString => "quote-in-string",
            Self::AfterEnd => "after-end",
        }
    }

    /// Returns what is wrong, and what to do.
    pub fn message(self) -> &'static str {
        match self {
            Self::Empty => "the template does nothing; add at least one command",
            Self::NoNewPassword => "a template that changes a password must use [#NEW_PASSWORD#]",
            Self::UnknownTag => "unknown tag; see the table of tags",
            Self::BrokenTag => "a tag is written [#NAME#], with letters, digits and _",
            Self::UnsafePlace => "a value here would be read as code; put the tag into an argument or an answer",
            Self::NestedProgram => {
                "a value here is part of a program inside of an argument (sed, sh -c); pass it as an argument of its own"
            }
            Self::SecretInLog => "a tag must not stand in a message that is logged",
            Self::SecretAsCommand => {
                "a secret must not be sent to a prompt that takes commands; expect the prompt that asks for it"
            }
            Self::SshVersion => "only version 2 of SSH is spoken; remove the line",
            Self::SecretInArguments => "other users of the host can see a secret in arguments; send it to a prompt",
            Self::RestrictedValue => {
                "the language of this line is not known, so only letters, digits and a few signs are sent; declare `# shell: posix` if it is one"
            }
            Self::SecretInOutput => "the other side is expected to print a secret; check the change in another way",
            Self::AnswerWithoutPrompt => "a secret is sent without waiting for its prompt; add an expect",
            Self::MatchesAnything => "the pattern matches any output; name a part of the prompt",
            Self::MatchesEcho => {
                "the echo of the line before matches the pattern; name something that only the answer has"
            }
            Self::ResultNotChecked => {
                "nothing checks the output after the new password; add an expect of the success message, or no-expect"
            }
            Self::Unencrypted => "the connection is not encrypted, so the network sees the secrets",
            Self::UnclosedString => "the closing quote is missing; the string ends with the line",
            Self::TextAfterString => "text after the string is ignored; only a comment may follow",
            Self::QuoteInString => "a quote inside of a string should be written \\\"",
            Self::AfterEnd => "lines after `end` are ignored",
        }
    }
}
