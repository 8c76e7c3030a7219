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
//! Words of the grammar and names of fields may be in any case. In quotes, `\"` is a quote and `\\` a backslash; any
//! other backslash is itself, so that `"CORP\jo"` is what it looks like.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::store::keyfactor::condition::{Condition, NumberTest, TextTest};
use crate::vault::{InvalidInput, VaultError};

const PARAMETER: &str = "QueryString";
/// The longest query, in bytes.
const LONGEST: usize = 4096;
/// How deep parentheses may lie within each other.
const DEEPEST: usize = 32;
/// How many comparisons a query may have: the engines refuse expressions that are too deep.
const MOST_COMPARISONS: usize = 100;

/// What a query says, before it is known what the fields are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Both hold.
    And(Box<Expression>, Box<Expression>),
    /// One of them holds.
    Or(Box<Expression>, Box<Expression>),
    /// A field compares so with a value; nothing stands for `NULL`.
    Comparison(String, Operator, Option<String>),
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
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

/// What kind of field it is, and the test that it is asked by.
pub enum Field<T> {
    /// A text.
    Text(fn(TextTest) -> T),
    /// A whole number.
    Number(fn(NumberTest) -> T),
}

/// Reads a query whose fields are those that `field` knows, by their names in lower case.
///
/// # Errors
/// [`InvalidInput::Parameter`], which says what is wrong and repeats nothing.
pub fn parse<T>(query: &str, field: impl Fn(&str) -> Option<Field<T>>) -> Result<Condition<T>, VaultError> {
    condition(&expression(query)?, &field)
}

fn wrong<T>(expected: &'static str) -> Result<T, VaultError> {
    Err(InvalidInput::parameter(PARAMETER, expected))
}

fn condition<T>(
    expression: &Expression,
    field: &impl Fn(&str) -> Option<Field<T>>,
) -> Result<Condition<T>, VaultError> {
    Ok(match expression {
        Expression::And(one, other) => Condition::Both(condition(one, field)?.into(), condition(other, field)?.into()),
        Expression::Or(one, other) => Condition::Either(condition(one, field)?.into(), condition(other, field)?.into()),
        Expression::Comparison(name, operator, value) => match field(&name.to_ascii_lowercase()) {
            Some(Field::Text(test)) => Condition::Holds(test(text_test(*operator, value.as_deref())?)),
            Some(Field::Number(test)) => Condition::Holds(test(number_test(*operator, value.as_deref())?)),
            None => return wrong("it names a field that this list does not have"),
        },
    })
}

fn text_test(operator: Operator, value: Option<&str>) -> Result<TextTest, VaultError> {
    Ok(match (operator, value) {
        (Operator::Equals, None) => TextTest::IsNull,
        (Operator::Differs, None) => TextTest::IsNotNull,
        (_, None) => return wrong("NULL can only be compared by -eq and -ne"),
        (Operator::Equals, Some(text)) => TextTest::Equals(text.into()),
        (Operator::Differs, Some(text)) => TextTest::Differs(text.into()),
        (Operator::Contains, Some(text)) => TextTest::Contains(text.into()),
        (Operator::ContainsNot, Some(text)) => TextTest::ContainsNot(text.into()),
        (Operator::StartsWith, Some(text)) => TextTest::StartsWith(text.into()),
        (Operator::EndsWith, Some(text)) => TextTest::EndsWith(text.into()),
        (Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual, Some(_)) => {
            return wrong("a text cannot be compared by -lt, -le, -gt or -ge");
        }
    })
}

fn number_test(operator: Operator, value: Option<&str>) -> Result<NumberTest, VaultError> {
    let Some(text) = value else {
        return match operator {
            Operator::Equals => Ok(NumberTest::IsNull),
            Operator::Differs => Ok(NumberTest::IsNotNull),
            _ => wrong("NULL can only be compared by -eq and -ne"),
        };
    };
    let Ok(number) = text.parse() else { return wrong("expected a whole number for this field") };
    Ok(match operator {
        Operator::Equals => NumberTest::Equals(number),
        Operator::Differs => NumberTest::Differs(number),
        Operator::Less => NumberTest::Less(number),
        Operator::LessOrEqual => NumberTest::LessOrEqual(number),
        Operator::Greater => NumberTest::Greater(number),
        Operator::GreaterOrEqual => NumberTest::GreaterOrEqual(number),
        Operator::Contains | Operator::ContainsNot | Operator::StartsWith | Operator::EndsWith => {
            return wrong("a number can only be compared by -eq, -ne, -lt, -le, -gt and -ge");
        }
    })
}

fn expression(query: &str) -> Result<Expression, VaultError> {
    if query.len() > LONGEST {
        return wrong("must not be longer than 4096 bytes");
    }
    if query.contains('\0') {
        return wrong("must not hold a NUL character");
    }
    let tokens = tokens(query)?;
    if tokens.iter().filter(|token| matches!(token, Token::Operator(_))).count() > MOST_COMPARISONS {
        return wrong("must not have more than 100 comparisons");
    }
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0 };
    let expression = parser.alternatives()?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(_) => wrong("expected AND, OR or the end after a comparison"),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Operator(Operator),
    /// Without quotes; may be a word of the grammar.
    Word(String),
    Quoted(String),
}

impl Token {
    fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(text) if text.eq_ignore_ascii_case(word))
    }
}

fn tokens(query: &str) -> Result<Vec<Token>, VaultError> {
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

/// The text up to the closing quote.
fn quoted(characters: &mut Peekable<CharIndices<'_>>) -> Result<String, VaultError> {
    let mut text = String::new();
    while let Some((_, character)) = characters.next() {
        let escaped = characters.next_if(|(_, next)| character == '\\' && matches!(next, '"' | '\\'));
        match (character, escaped) {
            (_, Some((_, escaped))) => text.push(escaped),
            ('"', None) => return Ok(text),
            (character, None) => text.push(character),
        }
    }
    wrong("a closing quote is missing")
}

/// A word. Where a value is due, one that begins with a dash is a value and not an operator: `Area -eq -1`.
fn word(
    rest: &str,
    start: usize,
    characters: &mut Peekable<CharIndices<'_>>,
    before: &[Token],
) -> Result<Token, VaultError> {
    let ends = |character: char| character.is_whitespace() || matches!(character, '(' | ')' | '"');
    let text = &rest[..rest.find(ends).unwrap_or(rest.len())];
    while characters.next_if(|(position, _)| *position < start + text.len()).is_some() {}
    if !text.starts_with('-') || matches!(before.last(), Some(Token::Operator(_))) {
        return Ok(Token::Word(text.into()));
    }
    match OPERATORS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        Some((_, operator)) => Ok(Token::Operator(*operator)),
        None => wrong("it holds an operator that there is none of"),
    }
}

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn alternatives(&mut self) -> Result<Expression, VaultError> {
        let mut found = self.conjunction()?;
        while self.tokens.next_if(|token| token.is_word("or")).is_some() {
            found = Expression::Or(found.into(), self.conjunction()?.into());
        }
        Ok(found)
    }

    fn conjunction(&mut self) -> Result<Expression, VaultError> {
        let mut found = self.factor()?;
        while self.tokens.next_if(|token| token.is_word("and")).is_some() {
            found = Expression::And(found.into(), self.factor()?.into());
        }
        Ok(found)
    }

    fn factor(&mut self) -> Result<Expression, VaultError> {
        match self.tokens.next() {
            Some(Token::Open) => self.nested(),
            Some(Token::Word(field)) => self.comparison(field),
            _ => wrong("expected a comparison, as in Name -eq \"value\""),
        }
    }

    fn nested(&mut self) -> Result<Expression, VaultError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return wrong("its parentheses lie too deep within each other");
        }
        let inner = self.alternatives()?;
        self.depth -= 1;
        match self.tokens.next() {
            Some(Token::Close) => Ok(inner),
            _ => wrong("a closing parenthesis is missing"),
        }
    }

    fn comparison(&mut self, field: String) -> Result<Expression, VaultError> {
        let Some(Token::Operator(operator)) = self.tokens.next() else {
            return wrong("expected an operator after the field, as in Name -eq \"value\"");
        };
        let value = match self.tokens.next() {
            Some(Token::Quoted(text)) => Some(text),
            Some(null) if null.is_word("null") => None,
            Some(Token::Word(text)) => Some(text),
            _ => return wrong("expected a value after the operator"),
        };
        Ok(Expression::Comparison(field, operator, value))
    }
}

#[cfg(test)]
mod tests;
