//! The contexts of a command line of Windows.

use crate::text::Text;

use super::{Context, Contexts, Token, tokens};

/// Returns the context of each tag.
pub(super) fn contexts(text: &Text) -> Contexts {
    let mut quoted = false;
    let mut single = false;
    let mut leading = true;
    let mut contexts = Vec::new();
    for token in tokens(text) {
        match token {
            Token::Tag => {
                contexts.push(match (quoted, single) {
                    // Quotes inside of quotes belong to the program: characters without a meaning alone.
                    (true, true) => Context::Plain,
                    (true, false) => Context::WindowsQuoted,
                    (false, _) => Context::WindowsBare { leading },
                });
                leading = false;
            }
            Token::Character('"') => {
                quoted = !quoted;
                leading = false;
            }
            Token::Character('\'') => single = quoted && !single,
            Token::Character(character) => leading = !quoted && matches!(character, ' ' | '\t' | '&' | '|'),
        }
    }
    contexts
}
