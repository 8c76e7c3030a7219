//! The grammar of `QueryString` (contract, section 1.6):
//!
//! ```text
//! expression  = term { OR term }
//! term        = factor { AND factor }
//! factor      = comparison | ( expression )
//! comparison  = field operator value
//! value       = "text in quotes" | a word | NULL
//! ```
//!
//! Keywords and field names are case-insensitive. Within quotes, `\"` is a quote and `\\` a backslash; any other backslash
//! is literal, so `"CORP\jo"` needs no escape.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::http::input_error::InputError;
use crate::text::storable;
use crate::vault::pagination::{Condition, NumberTest, TextTest};

const PARAMETER: &str = "QueryString";
/// The longest query, in bytes.
const MAX_BYTES: usize = 4096;
/// The deepest nesting of parentheses.
const MAX_DEPTH: usize = 32;
/// The most comparisons: the database engines refuse expressions that are too deep.
const MAX_COMPARISONS: usize = 100;

/// A parsed query whose field names are not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    /// Both hold.
    And(Box<Expression>, Box<Expression>),
    /// One of them holds.
    Or(Box<Expression>, Box<Expression>),
    /// A comparison of a field with a value; `None` is `NULL`.
    Comparison(String, Operator, Option<String>),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals,
    Differs,
    Contains,
    ContainsNot,
    StartsWith,
    EndsWith,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

const OPERATORS: [(&str, Operator); 10] = [
    ("-eq", Operator::Equals),
    ("-ne", Operator::Differs),
    ("-contains", Operator::Contains),
    ("-notcontains", Operator::ContainsNot),
    ("-startswith", Operator::StartsWith),
    ("-endswith", Operator::EndsWith),
    ("-lt", Operator::Less),
    ("-le", Operator::LessOrEqual),
    ("-gt", Operator::Greater),
    ("-ge", Operator::GreaterOrEqual),
];

/// The type of a field, and the constructor of its test.
pub(super) enum Field<T> {
    /// A text column.
    Text(fn(TextTest) -> T),
    /// An integer column.
    Number(fn(NumberTest) -> T),
}

/// Parses a query. `field` resolves field names, in lower case.
///
/// # Errors
/// [`InputError::Parameter`], which names the problem and never repeats the input.
pub(super) fn parse<T>(query: &str, field: impl Fn(&str) -> Option<Field<T>>) -> Result<Condition<T>, InputError> {
    condition(&expression(query)?, &field)
}

fn invalid<T>(expected: &'static str) -> Result<T, InputError> {
    Err(InputError::parameter(PARAMETER, expected))
}

fn condition<T>(
    expression: &Expression,
    field: &impl Fn(&str) -> Option<Field<T>>,
) -> Result<Condition<T>, InputError> {
    Ok(match expression {
        Expression::And(one, other) => Condition::Both(condition(one, field)?.into(), condition(other, field)?.into()),
        Expression::Or(one, other) => Condition::Either(condition(one, field)?.into(), condition(other, field)?.into()),
        Expression::Comparison(name, operator, value) => match field(&name.to_ascii_lowercase()) {
            Some(Field::Text(test)) => Condition::Holds(test(text_test(*operator, value.as_deref())?)),
            Some(Field::Number(test)) => Condition::Holds(test(number_test(*operator, value.as_deref())?)),
            None => return invalid("it names a field that this list does not have"),
        },
    })
}

fn text_test(operator: Operator, value: Option<&str>) -> Result<TextTest, InputError> {
    Ok(match (operator, value) {
        (Operator::Equals, None) => TextTest::IsNull,
        (Operator::Differs, None) => TextTest::IsNotNull,
        (_, None) => return invalid("NULL can only be compared by -eq and -ne"),
        (Operator::Equals, Some(text)) => TextTest::Equals(text.into()),
        (Operator::Differs, Some(text)) => TextTest::Differs(text.into()),
        (Operator::Contains, Some(text)) => TextTest::Contains(text.into()),
        (Operator::ContainsNot, Some(text)) => TextTest::ContainsNot(text.into()),
        (Operator::StartsWith, Some(text)) => TextTest::StartsWith(text.into()),
        (Operator::EndsWith, Some(text)) => TextTest::EndsWith(text.into()),
        (Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual, Some(_)) => {
            return invalid("a text cannot be compared by -lt, -le, -gt or -ge");
        }
    })
}

fn number_test(operator: Operator, value: Option<&str>) -> Result<NumberTest, InputError> {
    let Some(text) = value else {
        return match operator {
            Operator::Equals => Ok(NumberTest::IsNull),
            Operator::Differs => Ok(NumberTest::IsNotNull),
            _ => invalid("NULL can only be compared by -eq and -ne"),
        };
    };
    let Ok(number) = text.parse() else { return invalid("expected a whole number for this field") };
    Ok(match operator {
        Operator::Equals => NumberTest::Equals(number),
        Operator::Differs => NumberTest::Differs(number),
        Operator::Less => NumberTest::Less(number),
        Operator::LessOrEqual => NumberTest::LessOrEqual(number),
        Operator::Greater => NumberTest::Greater(number),
        Operator::GreaterOrEqual => NumberTest::GreaterOrEqual(number),
        Operator::Contains | Operator::ContainsNot | Operator::StartsWith | Operator::EndsWith => {
            return invalid("a number can only be compared by -eq, -ne, -lt, -le, -gt and -ge");
        }
    })
}

fn expression(query: &str) -> Result<Expression, InputError> {
    if query.len() > MAX_BYTES {
        return invalid("must not be longer than 4096 bytes");
    }
    if let Err(error) = storable(query) {
        return invalid(error.expected());
    }
    let tokens = tokens(query)?;
    if tokens.iter().filter(|token| matches!(token, Token::Operator(_))).count() > MAX_COMPARISONS {
        return invalid("must not have more than 100 comparisons");
    }
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0 };
    let expression = parser.alternatives()?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(_) => invalid("expected AND, OR or the end after a comparison"),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Operator(Operator),
    /// Without quotes; may be a keyword.
    Word(String),
    Quoted(String),
}

impl Token {
    fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(text) if text.eq_ignore_ascii_case(word))
    }
}

fn tokens(query: &str) -> Result<Vec<Token>, InputError> {
    let mut tokens = Vec::new();
    let mut characters = query.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        let token = match character {
            blank if blank.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '"' => Token::Quoted(quoted(&mut characters)?),
            _ => word(&query[start..], start, &mut characters, &tokens)?,
        };
        tokens.push(token);
    }
    Ok(tokens)
}

/// Reads the text up to the closing quote.
fn quoted(characters: &mut Peekable<CharIndices<'_>>) -> Result<String, InputError> {
    let mut text = String::new();
    while let Some((_, character)) = characters.next() {
        let escaped = characters.next_if(|(_, next)| character == '\\' && matches!(next, '"' | '\\'));
        match (character, escaped) {
            (_, Some((_, escaped))) => text.push(escaped),
            ('"', None) => return Ok(text),
            (character, None) => text.push(character),
        }
    }
    invalid("a closing quote is missing")
}

/// Reads a word. After an operator, a word that begins with a dash is a value and not another operator: `Area -eq -1`.
fn word(
    rest: &str,
    start: usize,
    characters: &mut Peekable<CharIndices<'_>>,
    before: &[Token],
) -> Result<Token, InputError> {
    let ends = |character: char| character.is_whitespace() || matches!(character, '(' | ')' | '"');
    let text = &rest[..rest.find(ends).unwrap_or(rest.len())];
    while characters.next_if(|(position, _)| *position < start + text.len()).is_some() {}
    if !text.starts_with('-') || matches!(before.last(), Some(Token::Operator(_))) {
        return Ok(Token::Word(text.into()));
    }
    match OPERATORS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        Some((_, operator)) => Ok(Token::Operator(*operator)),
        None => invalid("unknown operator"),
    }
}

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn alternatives(&mut self) -> Result<Expression, InputError> {
        let mut found = self.conjunction()?;
        while self.tokens.next_if(|token| token.is_word("or")).is_some() {
            found = Expression::Or(found.into(), self.conjunction()?.into());
        }
        Ok(found)
    }

    fn conjunction(&mut self) -> Result<Expression, InputError> {
        let mut found = self.factor()?;
        while self.tokens.next_if(|token| token.is_word("and")).is_some() {
            found = Expression::And(found.into(), self.factor()?.into());
        }
        Ok(found)
    }

    fn factor(&mut self) -> Result<Expression, InputError> {
        match self.tokens.next() {
            Some(Token::Open) => self.nested(),
            Some(Token::Word(field)) => self.comparison(field),
            _ => invalid("expected a comparison, as in Name -eq \"value\""),
        }
    }

    fn nested(&mut self) -> Result<Expression, InputError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return invalid("its parentheses lie too deep within each other");
        }
        let inner = self.alternatives()?;
        self.depth -= 1;
        match self.tokens.next() {
            Some(Token::Close) => Ok(inner),
            _ => invalid("a closing parenthesis is missing"),
        }
    }

    fn comparison(&mut self, field: String) -> Result<Expression, InputError> {
        let Some(Token::Operator(operator)) = self.tokens.next() else {
            return invalid("expected an operator after the field, as in Name -eq \"value\"");
        };
        let value = match self.tokens.next() {
            Some(Token::Quoted(text)) => Some(text),
            Some(null) if null.is_word("null") => None,
            Some(Token::Word(text)) => Some(text),
            _ => return invalid("expected a value after the operator"),
        };
        Ok(Expression::Comparison(field, operator, value))
    }
}

#[cfg(test)]
mod tests;
