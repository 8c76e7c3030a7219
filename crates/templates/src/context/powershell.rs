//! The contexts of a PowerShell script.

use crate::text::Text;

use super::{Context, Contexts, Token, Unsafe, tokens};

/// Returns the context of each tag.
pub(super) fn contexts(text: &Text) -> Contexts {
    let mut quote = None;
    let mut comment = false;
    let mut escaped = false;
    let mut contexts = Vec::new();
    for token in tokens(text) {
        let character = match token {
            Token::Character(character) => character,
            Token::Tag => {
                contexts.push(match quote {
                    _ if comment => Context::Unsafe(Unsafe::Comment),
                    Some('\'') => Context::PowerShellSingle,
                    Some(_) => Context::PowerShellDouble,
                    None => Context::PowerShellBare,
                });
                escaped = false;
                continue;
            }
        };
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (quote, character) {
            (_, '\n') => comment = false,
            (None, '#') => comment = true,
            (None | Some('"'), '`') => escaped = true,
            (None, '\'' | '"') if !comment => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    contexts
}
