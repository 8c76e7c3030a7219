//! Patterns of `expect` (a glob, anywhere in the output) and `expect-regex` (a regular expression, in linear time).

use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

use crate::text::{PieceKind, Text};

/// A pattern, with the tags that it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// How it is written.
    pub kind: PatternKind,
    /// Its text, without the delimiters.
    pub text: Text,
}

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternKind {
    /// `*` stands for any characters, `?` for one.
    Glob,
    /// A regular expression.
    Regex {
        /// Whether the case is ignored (`/…/i`).
        ignore_case: bool,
    },
}

/// A pattern that does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the pattern is not a valid regular expression, or it is too large")]
pub struct PatternError;

/// The bytes that a compiled pattern may take.
const COMPILED_BYTES: usize = 1 << 20;

/// What ends a prompt, when nothing but blanks may follow.
const PROMPT_ENDS: [char; 6] = ['#', '$', '>', '%', ']', ':'];

impl Pattern {
    /// Compiles the pattern; `value` returns the text of a tag, which is matched literally.
    ///
    /// # Errors
    /// When the regular expression is invalid or too large.
    pub fn compile(&self, mut value: impl FnMut(&crate::tag::Tag) -> String) -> Result<Regex, PatternError> {
        let mut source = String::new();
        let last = self.text.pieces().len().saturating_sub(1);
        for (index, piece) in self.text.pieces().iter().enumerate() {
            match (&piece.kind, self.kind) {
                (PieceKind::Tag(tag), _) => source.push_str(&regex::escape(&value(tag))),
                (PieceKind::Literal(literal), PatternKind::Glob) => {
                    // The search needs no `*` at the end, where it would swallow the prompt that follows.
                    source.push_str(&glob(if index == last { literal.trim_end_matches('*') } else { literal }));
                }
                (PieceKind::Literal(literal), PatternKind::Regex { .. }) => {
                    source.push_str(&with_literal_dollars(literal))
                }
            }
        }
        if self.is_prompt() {
            // A prompt is the end of the output: a banner with the same character is none.
            source.push_str(r"(?:\x1b\[[0-9;?]*[A-Za-z]|[\s\x00-\x1f])*\z");
        }
        let ignore_case = matches!(self.kind, PatternKind::Regex { ignore_case: true });
        let mut builder = RegexBuilder::new(&source);
        builder.case_insensitive(ignore_case).dot_matches_new_line(true).size_limit(COMPILED_BYTES);
        builder.build().map_err(|_| PatternError)
    }

    /// Whether it is a glob that ends in a character of prompts.
    pub fn is_prompt(&self) -> bool {
        self.kind == PatternKind::Glob && self.text.skeleton("x").trim_end().ends_with(PROMPT_ENDS)
    }

    /// Whether the prompt asks for something that is answered, rather than for a command.
    pub fn asks(&self) -> bool {
        let shown = self.text.skeleton("").to_lowercase();
        let words = [
            "passw",
            "passphrase",
            "senha",
            "contrase",
            "user",
            "usu",
            "login",
            "name",
            "secret",
            "verification",
            "again",
            "retype",
        ];
        shown.trim_end_matches([' ', '*']).ends_with([':', '?']) || words.iter().any(|word| shown.contains(word))
    }

    /// Whether the prompt is that of a shell or a device, which takes commands.
    pub fn takes_commands(&self) -> bool {
        let shown = self.text.skeleton("");
        let end = shown.trim_end_matches([' ', '*', '\\']);
        match self.kind {
            PatternKind::Glob => end.ends_with(['#', '$', '>', '%', ']']),
            PatternKind::Regex { .. } => end.trim_end_matches([']', ')']).ends_with(['#', '$', '>', '%']),
        }
    }
}

/// Translates a glob into a regular expression.
fn glob(literal: &str) -> String {
    let mut out = String::new();
    let mut buffer = [0; 4];
    for character in literal.chars() {
        match character {
            '*' => out.push_str("(?s-u:.)*"),
            '?' => out.push_str("(?s:.)"),
            other => out.push_str(&regex::escape(other.encode_utf8(&mut buffer))),
        }
    }
    out
}

/// Escapes each `$` that is neither in a class nor at the end of the expression or of a branch: there it would never match, and
/// the template means the prompt.
fn with_literal_dollars(literal: &str) -> String {
    let mut out = String::new();
    let mut class = false;
    let mut characters = literal.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                out.push('\\');
                out.extend(characters.next());
                continue;
            }
            '[' => class = true,
            ']' => class = false,
            '$' if !class && !matches!(characters.peek(), None | Some(')' | '|')) => out.push('\\'),
            _ => {}
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;
    use crate::text::Escapes;

    fn pattern(kind: PatternKind, text: &str) -> Pattern {
        Pattern { kind, text: Text::parse(text, Position::new(1, 1), Escapes::None) }
    }

    fn matches(kind: PatternKind, text: &str, output: &str) -> bool {
        pattern(kind, text).compile(|_| "a.b*".into()).unwrap().is_match(output.as_bytes())
    }

    #[test]
    fn globs_match_anywhere_and_prompts_at_the_end() {
        let cases = [
            ("*successfully", "passwd: updated successfully\r\n$ ", true),
            ("*#", "### Welcome ###\r\nlogin", false),
            ("*#", "### Welcome ###\r\nroot@host:~# ", true),
            ("*#", "root@host:~# \x1b[6n\x1b[0m", true),
            ("New*password:", "New UNIX password: ", true),
            ("*continue?*", "continue? [y/n]", true),
            ("*[$]", "x[$] ", true),
            ("*uid*[#UID#]", "uid=1 a.b*", true),
            ("*uid*[#UID#]", "uid=1 axb", false),
        ];
        for (glob, output, expected) in cases {
            assert_eq!(matches(PatternKind::Glob, glob, output), expected, "{glob}");
        }
    }

    #[test]
    fn a_dollar_in_the_middle_is_a_character() {
        let regex = PatternKind::Regex { ignore_case: false };
        for (expression, output) in
            [("$ ", "user@host:~$ "), ("[#$>]", "host# "), ("done$", "all done"), ("a$|b", "za")]
        {
            assert!(matches(regex, expression, output), "{expression}");
        }
        assert!(matches(PatternKind::Regex { ignore_case: true }, "PASSWORD", "password"));
    }

    #[test]
    fn prompts_are_told_apart() {
        for asking in ["*password:", "Retype new password: ", "*:", "*Senha de autenticacao:*", "*old Password*"] {
            assert!(pattern(PatternKind::Glob, asking).asks(), "{asking}");
        }
        for command in ["*#", "*]$", "*$ ", "*>", "*(config)#"] {
            let pattern = pattern(PatternKind::Glob, command);
            assert!(pattern.takes_commands() && !pattern.asks(), "{command}");
        }
        assert!(pattern(PatternKind::Regex { ignore_case: false }, "[#$>]").takes_commands());
    }
}
