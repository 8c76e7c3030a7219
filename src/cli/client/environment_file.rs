//! Files of variables, `NAME=VALUE` a line, as `docker run --env-file` reads them. A value that begins with `chaveiro://` is a
//! reference; every other value is literal.

use std::path::Path;

use super::error::ClientError;
use super::reference::{Reference, SCHEME};

/// A variable of the program, and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Assignment {
    pub(super) name: String,
    pub(super) value: Value,
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Literal(String),
    Reference(Reference),
}

/// Parses an option `NAME=REFERENCE`.
pub(super) fn assignment(text: &str) -> Result<Assignment, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=REFERENCE")?;
    let reference: Reference = value.parse().map_err(|error| format!("{error}"))?;
    Ok(Assignment { name: variable(name)?, value: Value::Reference(reference) })
}

/// Reads a file of variables.
///
/// # Errors
/// [`ClientError::Line`] with the number of the line; it repeats no value.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Assignment>, ClientError> {
    let is_assignment = |(_, line): &(usize, &str)| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let lines = text.lines().enumerate().filter(is_assignment);
    let parsed = lines
        .map(|(index, line)| parse_line(line).map_err(|expected| ClientError::Line(path.into(), index + 1, expected)));
    parsed.collect()
}

fn parse_line(line: &str) -> Result<Assignment, String> {
    let (name, value) = line.split_once('=').ok_or("expected NAME=VALUE")?;
    let name = variable(name)?;
    if ['"', '\''].iter().any(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote)) {
        return Err("the value must not be in quotes".into());
    }
    if !value.starts_with(SCHEME) && value.trim_start().to_ascii_lowercase().starts_with(SCHEME) {
        return Err("a reference begins with chaveiro:// in lower case, right after the =".into());
    }
    let value = if value.starts_with(SCHEME) {
        Value::Reference(value.parse().map_err(|error| format!("{error}"))?)
    } else {
        Value::Literal(value.into())
    };
    Ok(Assignment { name, value })
}

/// Checks the name of a variable.
fn variable(name: &str) -> Result<String, String> {
    let is_valid = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_valid || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("expected the name of a variable: letters, digits and _".into());
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Assignment>, String> {
        parse(Path::new("job.env"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_with_the_scheme_is_a_reference_and_others_are_literal() {
        let text =
            "# the job\n\nDB_HOST=db.example\nDB_PASSWORD=chaveiro://erp-batch#password\r\n  # x\nEMPTY=\nA=b=c #d\n";
        let literal = |name: &str, value: &str| Assignment { name: name.into(), value: Value::Literal(value.into()) };
        let password = assignment("DB_PASSWORD=erp-batch#password").unwrap();
        let expected = [literal("DB_HOST", "db.example"), password, literal("EMPTY", ""), literal("A", "b=c #d")];
        assert_eq!(parsed(text).unwrap(), expected);
    }

    #[test]
    fn a_line_that_is_refused_is_named_without_its_value() {
        for (line, part) in [
            ("hunter2", "expected NAME=VALUE"),
            ("export A=hunter2", "name of a variable"),
            ("1A=hunter2", "name of a variable"),
            ("=hunter2", "name of a variable"),
            ("A =hunter2", "name of a variable"),
            ("A=\"hunter2\"", "quotes"),
            ("A='chaveiro://hunter2'", "quotes"),
            ("A=chaveiro://hunter2#pin", "unknown field"),
            ("A=chaveiro://#text", "name of an item"),
            ("A= chaveiro://hunter2", "right after the ="),
            ("A=CHAVEIRO://hunter2", "lower case"),
        ] {
            let message = parsed(&format!("\n{line}")).unwrap_err();
            assert!(message.starts_with("job.env, line 2: ") && message.contains(part), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        for option in ["A", "=a", "A=", "A=#text", "A B=c", "A=a#b"] {
            assert!(assignment(option).is_err(), "{option}");
        }
    }
}
