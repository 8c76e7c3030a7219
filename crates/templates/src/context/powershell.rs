//! The contexts of a PowerShell script.

use crate::text::Text;

use super::{Context, Contexts, Token, Unsafe, tokens};

/// Returns the context of each tag.
pub(super) fn contexts(text: &Text) -> Contexts {
    let mut scanner = Scanner::default();
    let mut contexts = Vec::new();
    for token in tokens(text) {
        match token {
            Token::Tag => {
                contexts.push(scanner.context());
                scanner.previous = 'x';
                scanner.escaped = false;
            }
            Token::Character(character) => scanner.step(plain_quote(character)),
        }
    }
    contexts
}

/// Returns the quote that PowerShell takes a typographic one for.
fn plain_quote(character: char) -> char {
    match character {
        '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201e}' => '"',
        other => other,
    }
}

#[derive(Default)]
struct Scanner {
    quote: Option<char>,
    comment: bool,
    /// Whether a block comment or here-string has begun, whose end is not looked for.
    block: bool,
    escaped: bool,
    /// Open parentheses of `$(…)` inside of a string.
    depth: usize,
    previous: char,
}

impl Scanner {
    fn context(&self) -> Context {
        if self.comment || self.block {
            return Context::Unsafe(Unsafe::Comment);
        }
        if self.escaped {
            return Context::Unsafe(Unsafe::Expansion);
        }
        match self.quote {
            _ if self.depth > 0 => Context::Unsafe(Unsafe::CommandSubstitution),
            Some('\'') => Context::PowerShellSingle,
            Some(_) if self.previous == '$' => Context::Unsafe(Unsafe::Expansion),
            Some(_) => Context::PowerShellDouble,
            None => Context::PowerShellBare,
        }
    }

    fn step(&mut self, character: char) {
        let previous = std::mem::replace(&mut self.previous, character);
        if std::mem::take(&mut self.escaped) {
            return;
        }
        match (self.quote, character) {
            (_, '\n') => self.comment = false,
            (None, '#') => {
                self.comment = true;
                self.block |= previous == '<';
            }
            (None | Some('"'), '`') => self.escaped = true,
            (Some('"'), '(') if previous == '$' || self.depth > 0 => self.depth += 1,
            (Some('"'), ')') => self.depth = self.depth.saturating_sub(1),
            (None, '\'' | '"') if !self.comment => {
                self.block |= previous == '@';
                self.quote = Some(character);
            }
            (Some(open), _) if open == character && self.depth == 0 => self.quote = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;
    use crate::text::Escapes;

    #[test]
    fn strings_are_told_from_code() {
        let cases = [
            ("$x = '[#IP#]'", Context::PowerShellSingle),
            ("$x = \"[#IP#]\"", Context::PowerShellDouble),
            ("$x = [#IP#]", Context::PowerShellBare),
            ("\"a`\"[#IP#]\"", Context::PowerShellDouble),
            ("\"`[#IP#]\"", Context::Unsafe(Unsafe::Expansion)),
            ("\"$(f [#IP#])\"", Context::Unsafe(Unsafe::CommandSubstitution)),
            ("# [#IP#]", Context::Unsafe(Unsafe::Comment)),
            ("<# a #> [#IP#]", Context::Unsafe(Unsafe::Comment)),
            ("@\"[#IP#]\"@", Context::Unsafe(Unsafe::Comment)),
        ];
        for (line, expected) in cases {
            assert_eq!(contexts(&Text::parse(line, Position::new(1, 1), Escapes::None)), [expected], "{line}");
        }
    }
}
