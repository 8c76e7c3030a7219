//! The contexts of a line of a POSIX shell.

use crate::text::Text;

use super::{Context, Contexts, Token, Unsafe, tokens};

/// Programs whose arguments are programs of another language: a value in a quoted argument would be code.
const INTERPRETERS: [&str; 20] = [
    "sed", "awk", "gawk", "mawk", "perl", "python", "python2", "python3", "ruby", "eval", "sh", "bash", "ksh", "zsh",
    "csh", "su", "ssh", "expect", "php", "node",
];

/// Where the scanner is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Bare,
    Single,
    Double,
    Backquote,
}

/// Returns the context of each tag.
pub(super) fn contexts(text: &Text) -> Contexts {
    let nested = runs_interpreter(text);
    let mut scanner = Scanner {
        quote: Quote::Bare,
        word_start: true,
        comment: false,
        here_document: false,
        depth: 0,
        previous: ' ',
        ansi: false,
        quoted: String::new(),
        web: runs(text, &["curl", "wget"]),
    };
    let tokens = tokens(text);
    let mut contexts = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        index += 1;
        match token {
            Token::Tag => {
                contexts.push(scanner.context(nested));
                scanner.word_start = false;
                scanner.previous = 'x';
                scanner.quoted.push('x');
            }
            Token::Character(character) => {
                let next = match tokens.get(index) {
                    Some(Token::Character(next)) => Some(*next),
                    _ => None,
                };
                index += scanner.step(*character, next);
            }
        }
    }
    // An open quote at the line's end: what the shell makes of the next line is not known.
    if scanner.quote != Quote::Bare {
        contexts.fill(Context::Unsafe(Unsafe::HereDocument));
    }
    contexts
}

/// Whether a word of the line is an interpreter of programs.
fn runs_interpreter(text: &Text) -> bool {
    runs(text, &INTERPRETERS)
}

/// Whether a word of the line is one of the programs.
fn runs(text: &Text, programs: &[&str]) -> bool {
    let shown = text.skeleton("x");
    let separators = |c: char| c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | '`');
    let mut words = shown.split(separators).filter(|word| !word.is_empty());
    words.any(|word| programs.contains(&word.rsplit('/').next().unwrap_or(word)))
}

struct Scanner {
    quote: Quote,
    word_start: bool,
    comment: bool,
    here_document: bool,
    depth: usize,
    /// The character before, as far as it is not escaped.
    previous: char,
    /// Whether the quotes are `$'…'`, which has escapes of its own.
    ansi: bool,
    /// The characters since the opening quote.
    quoted: String,
    /// Whether the line runs `curl` or `wget`.
    web: bool,
}

impl Scanner {
    fn context(&self, nested: bool) -> Context {
        if self.comment {
            return Context::Unsafe(Unsafe::Comment);
        }
        if self.here_document {
            return Context::Unsafe(Unsafe::HereDocument);
        }
        if self.depth > 0 || self.quote == Quote::Backquote {
            return Context::Unsafe(Unsafe::CommandSubstitution);
        }
        // `\` would escape the quote before the value, and `$` change its meaning.
        let prefixed = self.quote != Quote::Single && matches!(self.previous, '\\' | '$');
        if prefixed || (self.ansi && self.quote == Quote::Single) {
            return Context::Unsafe(Unsafe::Expansion);
        }
        match self.quote {
            Quote::Single | Quote::Double if nested => Context::Unsafe(Unsafe::NestedProgram),
            Quote::Single if self.in_json_string() => Context::ShellJson,
            Quote::Single | Quote::Double if self.in_form() => Context::Form,
            Quote::Single => Context::ShellSingle,
            Quote::Double => Context::ShellDouble,
            _ => Context::ShellBare { leading: self.word_start },
        }
    }

    /// Whether the quoted text is JSON, and the place is in a string of it.
    fn in_json_string(&self) -> bool {
        let mut string = false;
        let mut escaped = false;
        for character in self.quoted.chars() {
            match character {
                _ if std::mem::take(&mut escaped) => {}
                '\\' => escaped = string,
                '"' => string = !string,
                _ => {}
            }
        }
        string && self.quoted.trim_start().starts_with(['{', '['])
    }

    /// Whether the quoted text is a form that ends in `name=`.
    fn in_form(&self) -> bool {
        let field = self.quoted.rsplit('&').next().and_then(|field| field.strip_suffix('='));
        self.web
            && field.is_some_and(|name| {
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
            })
    }

    fn note_quoted(&mut self, character: char) {
        match self.quote {
            Quote::Single | Quote::Double => self.quoted.push(character),
            _ => self.quoted.clear(),
        }
    }

    /// Takes a character; returns how many characters after it are taken too.
    fn step(&mut self, character: char, next: Option<char>) -> usize {
        let started = self.word_start;
        self.word_start = false;
        let previous = std::mem::replace(&mut self.previous, character);
        self.note_quoted(character);
        match (self.quote, character) {
            (Quote::Single, '\'') | (Quote::Double, '"') | (Quote::Backquote, '`') => self.quote = Quote::Bare,
            (Quote::Single, _) => {}
            (_, '\\') => {
                // An escaped character has no meaning; a tag is none, and stays after a `\`.
                if next.is_some() {
                    self.previous = ' ';
                }
                return usize::from(next.is_some());
            }
            (Quote::Bare | Quote::Double, '$') if matches!(next, Some('(' | '{')) => {
                self.depth += 1;
                return 1;
            }
            (Quote::Bare | Quote::Double, ')' | '}') if self.depth > 0 => self.depth -= 1,
            (Quote::Bare | Quote::Double, '`') => self.quote = Quote::Backquote,
            (Quote::Bare, '\'') => {
                self.quote = Quote::Single;
                self.ansi = previous == '$';
            }
            (Quote::Bare, '"') => self.quote = Quote::Double,
            (Quote::Bare, '#') if started => self.comment = true,
            (Quote::Bare, '<') if next == Some('<') => self.here_document = true,
            (Quote::Bare, ' ' | '\t' | ';' | '|' | '&' | '<' | '>' | '(') => self.word_start = true,
            _ => {}
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;
    use crate::text::Escapes;

    fn context(line: &str) -> Context {
        contexts(&Text::parse(line, Position::new(1, 1), Escapes::None))[0]
    }

    #[test]
    fn quotes_are_followed() {
        let cases = [
            ("passwd [#USERNAME#]", Context::ShellBare { leading: true }),
            ("x --user=[#USERNAME#]", Context::ShellBare { leading: false }),
            ("echo '[#IP#]'", Context::ShellSingle),
            ("echo \"a [#IP#]\"", Context::ShellDouble),
            (r#"curl -d '{"a":"[#IP#]"}' x"#, Context::ShellJson),
            (r#"curl -d 'a=b&c=[#IP#]' x"#, Context::Form),
            (r#"curl -H "X-Key: [#IP#]" x"#, Context::ShellDouble),
            (r"echo \' [#IP#]", Context::ShellBare { leading: true }),
            (r#"echo "\"[#IP#]""#, Context::ShellDouble),
            ("a;[#IP#]", Context::ShellBare { leading: true }),
            ("echo a#[#IP#]", Context::ShellBare { leading: false }),
        ];
        for (line, expected) in cases {
            assert_eq!(context(line), expected, "{line}");
        }
    }

    #[test]
    fn code_takes_no_value() {
        let cases = [
            ("echo $(id [#IP#])", Unsafe::CommandSubstitution),
            ("echo \"$(id '[#IP#]')\"", Unsafe::CommandSubstitution),
            (r"echo \[#IP#]", Unsafe::Expansion),
            ("echo \"\\[#IP#]\"", Unsafe::Expansion),
            ("echo $[#IP#]", Unsafe::Expansion),
            ("echo $'[#IP#]'", Unsafe::Expansion),
            ("echo `id [#IP#]`", Unsafe::CommandSubstitution),
            ("ls # [#IP#]", Unsafe::Comment),
            ("cat <<EOF [#IP#]", Unsafe::HereDocument),
            ("sed -i 's/a/[#IP#]/' f", Unsafe::NestedProgram),
            ("/usr/bin/perl -e \"print [#IP#]\"", Unsafe::NestedProgram),
            ("echo '[#IP#]", Unsafe::HereDocument),
        ];
        for (line, expected) in cases {
            assert_eq!(context(line), Context::Unsafe(expected), "{line}");
        }
    }
}
