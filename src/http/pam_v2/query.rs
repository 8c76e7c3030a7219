//! The query of a request: names with dots, to the letter, and each name known.

use super::error::ApiError;
use crate::http::urlencoded;
use crate::text;

/// The parameters of a query, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query. An empty name without a value is ignored.
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let decoded = urlencoded::pairs(query).map(|(name, value)| {
            let not_utf8 = |_| ApiError::invalid("query", "must be UTF-8");
            Ok((name.map_err(not_utf8)?, value.map_err(not_utf8)?))
        });
        Ok(Self(decoded.collect::<Result<_, ApiError>>()?))
    }

    /// Requires that each parameter is one of `known`.
    pub(super) fn require_known(&self, known: &[&[(&str, &str)]]) -> Result<(), ApiError> {
        let is_known = |name: &String| known.iter().any(|list| list.iter().any(|(other, _)| other == name));
        if self.0.iter().all(|(name, _)| is_known(name)) {
            return Ok(());
        }
        Err(ApiError::invalid("query", "has a parameter that this request does not take"))
    }

    /// Returns all values of a parameter, each a single line that is not empty.
    pub(super) fn all(&self, name: &'static str) -> Result<Vec<&str>, ApiError> {
        let values = self.0.iter().filter(|(other, _)| other == name);
        values
            .map(|(_, value)| match text::single_line(value) {
                Ok("") => Err(ApiError::invalid(name, "must not be empty")),
                Ok(line) => Ok(line),
                Err(error) => Err(ApiError::invalid(name, error.expected())),
            })
            .collect()
    }

    /// Returns the value of a parameter that may be sent once.
    pub(super) fn one(&self, name: &'static str) -> Result<Option<&str>, ApiError> {
        match self.all(name)?.as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(ApiError::invalid(name, "must be sent once")),
        }
    }

    /// Returns a boolean; 0 and 1 are none.
    pub(super) fn boolean(&self, name: &'static str) -> Result<Option<bool>, ApiError> {
        match self.one(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid(name, "expected true or false")),
        }
    }

    /// Returns a whole number in a range; `expected` describes it.
    pub(super) fn number(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<i32>,
        expected: &'static str,
    ) -> Result<Option<i32>, ApiError> {
        let parse = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && range.contains(number))
        };
        match self.one(name)? {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or_else(|| ApiError::invalid(name, expected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn a_boolean_is_a_word() {
        for (text, expected) in [("a=true", Some(true)), ("a=false", Some(false)), ("b=1", None)] {
            assert_eq!(query(text).boolean("a"), Ok(expected), "{text}");
        }
        for text in ["a=1", "a=0", "a=True", "a=yes", "a=", "a", "a=true&a=true", "a=true,false"] {
            assert!(query(text).boolean("a").is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_of_digits_and_in_its_range() {
        let number = |text: &str| query(text).number("a", 1..=i32::MAX, "expected");
        assert_eq!(number("a=1"), Ok(Some(1)));
        assert_eq!(number("a=2147483647"), Ok(Some(i32::MAX)));
        for text in ["a=0", "a=2147483648", "a=-1", "a=%2B1", "a=1.0", "a=x", "a=", "a=1&a=1"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_compared_to_the_letter() {
        let known: &[&[(&str, &str)]] = &[&[("a.b", "")], &[("c", "")]];
        assert_eq!(query("a.b=1&c=2&").require_known(known), Ok(()));
        for text in ["a_b=1", "A.b=1", "a.b[]=1", "=1", "a.b=1&d"] {
            assert!(query(text).require_known(known).is_err(), "{text}");
        }
        assert!(Query::parse("a=%E9").is_err());
    }
}
