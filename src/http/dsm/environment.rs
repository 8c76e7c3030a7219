//! The environment of a process, as text: one `NAME=value` a line. A value of several lines cannot be told from several variables.

use std::collections::HashMap;

use crate::http::input_error::InputError;

/// The parameter of the environment.
pub(super) const ENV: &str = "env";

/// The variables that were asked for. No other one is kept.
pub(super) struct Environment<'a>(HashMap<&'a str, Option<Value<'a>>>);

#[derive(Clone, Copy)]
enum Value<'a> {
    Line(&'a str),
    /// Several lines follow the name, or it comes more than once.
    Unclear,
}

impl<'a> Environment<'a> {
    /// Parses the variables of these names.
    pub(super) fn parse(text: &'a str, names: impl Iterator<Item = &'a str>) -> Self {
        let mut values: HashMap<&str, Option<Value<'_>>> = names.map(|name| (name, None)).collect();
        let mut last = None;
        for line in text.split('\n') {
            let (name, value) = match assignment(line) {
                Some((name, value)) => {
                    last = Some(name);
                    (name, Value::Line(value))
                }
                None => (last.unwrap_or_default(), Value::Unclear),
            };
            if let Some(known) = values.get_mut(name) {
                *known = Some(if known.is_none() { value } else { Value::Unclear });
            }
        }
        Self(values)
    }

    /// Returns the value of a variable; `None` for one that is not set, or empty.
    pub(super) fn get(&self, name: &str) -> Result<Option<&'a str>, InputError> {
        match self.0.get(name).copied().flatten() {
            None => Ok(None),
            Some(Value::Line(value)) => Ok(Some(value).filter(|value| !value.is_empty())),
            Some(Value::Unclear) => {
                let expected = "a variable that map names has several lines or comes twice; its value cannot be told";
                Err(InputError::parameter(ENV, expected))
            }
        }
    }
}

/// Splits a line that begins a variable.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '+'));
    is_name.then(|| (name, value.strip_suffix('\r').unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_one_line_or_unclear() {
        let text =
            "A=1\nB=x=y\nKEY=-----BEGIN X-----\nab+/==\n-----END X-----\nEMPTY=\nC=2\nTWICE=1\nTWICE=1\nF()=x\nD=3\r";
        let names = ["A", "B", "C", "D", "EMPTY", "X", "KEY", "TWICE"];
        let values = Environment::parse(text, names.into_iter());
        for (name, expected) in
            [("A", Some("1")), ("B", Some("x=y")), ("C", Some("2")), ("D", Some("3")), ("EMPTY", None), ("X", None)]
        {
            assert_eq!(values.get(name), Ok(expected), "{name}");
        }
        for name in ["KEY", "TWICE"] {
            assert!(values.get(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_was_not_asked_for_is_not_kept() {
        let text = "no variable\nA=1\nOTHER=first line\nsecond line\nOTHER=again\nB=2";
        let values = Environment::parse(text, ["A", "B"].into_iter());
        assert_eq!((values.get("A"), values.get("B")), (Ok(Some("1")), Ok(Some("2"))));
        assert_eq!((values.0.len(), values.get("OTHER")), (2, Ok(None)));
    }
}
