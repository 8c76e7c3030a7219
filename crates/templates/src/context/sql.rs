//! The contexts of an SQL statement.

use crate::executor::Executor;
use crate::text::Text;

use super::{Context, Contexts, Token, Unsafe, tokens};

/// Returns the context of each tag.
pub(super) fn contexts(executor: Executor, text: &Text) -> Contexts {
    let mut contexts = Vec::new();
    let mut before = String::new();
    let mut quote: Option<char> = None;
    let mut comment = false;
    let mut block = false;
    let mut escapes = false;
    for token in tokens(text) {
        let character = match token {
            Token::Character(character) => character,
            Token::Tag => {
                contexts.push(match quote {
                    _ if comment || block => Context::Unsafe(Unsafe::Comment),
                    Some('$') => Context::Unsafe(Unsafe::SqlSyntax),
                    Some('\'') if escapes => Context::Unsafe(Unsafe::SqlSyntax),
                    Some('\'') => Context::SqlString { quote: '\'' },
                    // MySQL takes "…" for a string, unless ANSI_QUOTES is set.
                    Some('"') if executor == Executor::MySql => Context::SqlString { quote: '"' },
                    Some(close) => Context::SqlQuotedIdentifier { close },
                    None => bare(executor, &before),
                });
                before.push('x');
                continue;
            }
        };
        match (quote, character) {
            (None, '\n') => comment = false,
            (None, '-') if before.ends_with('-') => comment = true,
            (None, '#') if executor == Executor::MySql => comment = true,
            (None, '*') if before.ends_with('/') => block = true,
            (None, '/') if block && before.ends_with('*') => block = false,
            (None, '$') if executor == Executor::PostgreSql && before.ends_with('$') => quote = Some('$'),
            (None, '\'' | '"' | '`') if !comment && !block => {
                quote = Some(character);
                escapes = executor == Executor::PostgreSql && character == '\'' && ends_in_word(&before, "E");
            }
            (None, '[') if executor == Executor::SqlServer => quote = Some(']'),
            (Some('$'), '$') if before.ends_with('$') => quote = None,
            (Some(open), _) if open == character && open != '$' => quote = None,
            _ => {}
        }
        before.push(character);
    }
    contexts
}

/// A value outside of quotes is a name, or Oracle's password.
fn bare(executor: Executor, before: &str) -> Context {
    let ends_identified_by = ends_in_word(before.trim_end(), "BY") || ends_in_word(before.trim_end(), "REPLACE");
    let joined = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$'));
    if joined {
        return Context::Unsafe(Unsafe::Name);
    }
    if executor == Executor::Oracle && ends_identified_by { Context::SqlBarePassword } else { Context::SqlIdentifier }
}

fn ends_in_word(before: &str, word: &str) -> bool {
    let last = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("");
    last.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Position;
    use crate::text::Escapes;

    #[test]
    fn each_dialect_has_its_quotes() {
        use Executor::{MySql, Oracle, PostgreSql, SqlServer};
        let cases = [
            (PostgreSql, "ALTER USER [#USERNAME#]", Context::SqlIdentifier),
            (PostgreSql, "X '[#IP#]'", Context::SqlString { quote: '\'' }),
            (PostgreSql, "X 'a''[#IP#]'", Context::SqlString { quote: '\'' }),
            (PostgreSql, "X \"[#IP#]\"", Context::SqlQuotedIdentifier { close: '"' }),
            (PostgreSql, "X E'[#IP#]'", Context::Unsafe(Unsafe::SqlSyntax)),
            (PostgreSql, "X $$[#IP#]$$", Context::Unsafe(Unsafe::SqlSyntax)),
            (PostgreSql, "X -- [#IP#]", Context::Unsafe(Unsafe::Comment)),
            (PostgreSql, "X /* [#IP#] */", Context::Unsafe(Unsafe::Comment)),
            (PostgreSql, "X /* a */ [#IP#]", Context::SqlIdentifier),
            (PostgreSql, "X app_[#IP#]", Context::Unsafe(Unsafe::Name)),
            (MySql, "X \"[#IP#]\"", Context::SqlString { quote: '"' }),
            (MySql, "X `[#IP#]`", Context::SqlQuotedIdentifier { close: '`' }),
            (SqlServer, "X [[#IP#]]", Context::SqlQuotedIdentifier { close: ']' }),
            (Oracle, "ALTER USER x IDENTIFIED BY [#NEW_PASSWORD#]", Context::SqlBarePassword),
        ];
        for (executor, statement, expected) in cases {
            let text = Text::parse(statement, Position::new(1, 1), Escapes::None);
            assert_eq!(contexts(executor, &text), [expected], "{statement}");
        }
    }
}
