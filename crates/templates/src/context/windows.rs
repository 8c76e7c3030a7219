//! The contexts of a command line of Windows.

use crate::text::Text;

use super::{Context, Contexts, Token, tokens};

/// Returns the context of each tag.
pub(super) fn contexts(text: &Text) -> Contexts {
    let mut quoted = false;
    let mut single = false;
    let mut leading = true;
    let mut previous = ' ';
    let mut contexts = Vec::new();
    for token in tokens(text) {
        match token {
            Token::Tag => {
                contexts.push(match (quoted, single) {
                    // Quotes inside of quotes belong to the program: characters without a meaning alone.
                    (true, true) => Context::Plain,
                    (true, false) => Context::WindowsQuoted,
                    // `^` and `\` would escape the quote before the value.
                    (false, _) if matches!(previous, '^' | '\\') => Context::Plain,
                    (false, _) => Context::WindowsBare { leading },
                });
                leading = false;
                previous = 'x';
            }
            Token::Character('"') => {
                quoted = !quoted;
                single = false;
                leading = false;
                previous = '"';
            }
            Token::Character('\'') => single = quoted && !single,
            Token::Character(character) => {
                leading = !quoted && matches!(character, ' ' | '\t' | '&' | '|');
                previous = character;
            }
        }
    }
    contexts
}
