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
    let mut blocks = 0_usize;
    let mut escapes = false;
    for token in tokens(text) {
        let character = match token {
            Token::Character(character) => character,
            Token::Tag => {
                contexts.push(match quote {
                    _ if comment || blocks > 0 => Context::Unsafe(Unsafe::Comment),
                    Some('$') => Context::Unsafe(Unsafe::SqlSyntax),
                    Some(_) if escapes => Context::Unsafe(Unsafe::SqlSyntax),
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
        let mut seen = character;
        match (quote, character) {
            (None, '\n') => comment = false,
            (None, '-') if before.ends_with('-') => comment = true,
            (None, '#') if executor == Executor::MySql => comment = true,
            // PostgreSQL and SQL Server nest these; where they are not nested, the count is at most too high, which refuses.
            (None, '*') if before.ends_with('/') => {
                blocks += 1;
                seen = ' ';
            }
            (None, '/') if blocks > 0 && before.ends_with('*') => {
                blocks -= 1;
                seen = ' ';
            }
            // A dollar-quoted string: its end is not looked for.
            (None, '$') if executor == Executor::PostgreSql => quote = Some('$'),
            (None, '\'' | '"' | '`') if !comment && blocks == 0 => {
                quote = Some(character);
                escapes = has_own_escapes(executor, &before);
            }
            (None, '[') if executor == Executor::SqlServer => quote = Some(']'),
            (Some(open), _) if open == character && open != '$' => quote = None,
            _ => {}
        }
        before.push(seen);
    }
    contexts
}

/// Whether the prefix of a string gives it other escapes: `E'…'` and `U&'…'` of PostgreSQL, `q'[…]'` of Oracle.
fn has_own_escapes(executor: Executor, before: &str) -> bool {
    match executor {
        Executor::PostgreSql => ends_in_word(before, "E") || before.ends_with('&'),
        Executor::Oracle => ends_in_word(before, "q") || ends_in_word(before, "nq"),
        _ => false,
    }
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
            (PostgreSql, "X U&'[#IP#]'", Context::Unsafe(Unsafe::SqlSyntax)),
            (PostgreSql, "X $a$ [#IP#] $a$", Context::Unsafe(Unsafe::SqlSyntax)),
            (PostgreSql, "X /* /* */ [#IP#] */", Context::Unsafe(Unsafe::Comment)),
            (PostgreSql, "X /*/ [#IP#] */", Context::Unsafe(Unsafe::Comment)),
            (Oracle, "X q'[[#IP#]]'", Context::Unsafe(Unsafe::SqlSyntax)),
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
