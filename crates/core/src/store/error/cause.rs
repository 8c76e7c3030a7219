//! The cause of a database error, safe to log: no DETAIL, no HINT, no value.

use std::fmt::{Display, Formatter};
use std::sync::Arc;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

/// Prefixes of messages that contain names of the schema and of the server's files, never a value. The statements are
/// fixed and take their values as parameters, so a name in a message is a name of the schema.
const NAMES_ONLY: [&str; 14] = [
    "cannot execute ",
    "column ",
    "could not extend file ",
    "could not fsync file ",
    "could not open file ",
    "could not read block ",
    "could not write ",
    "index row ",
    "invalid page in block ",
    "no such column: ",
    "no such table: ",
    "permission denied for ",
    "relation ",
    "table ",
];

/// The class of an error and its primary message, without values.
///
/// All causes are equal, so that errors compare by their kind and not by the database's wording.
#[derive(Clone, Default)]
pub struct Cause(Option<Arc<str>>);

impl Cause {
    /// Creates a cause from the database's error information. `class` is our name for the error, the nearest thing to
    /// a SQLSTATE.
    pub(super) fn new(class: &str, kind: &DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> Self {
        let mut text = format!("[{class}] {}", without_values(kind, information.message()));
        for (what, name) in [("table", information.table_name()), ("constraint", information.constraint_name())] {
            if let Some(name) = name {
                text.push_str(&format!(" ({what} {name})"));
            }
        }
        Self(Some(text.into()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or_default())
    }
}

impl std::fmt::Debug for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cause({self})")
    }
}

impl PartialEq for Cause {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Cause {}

/// Truncates a message before it could quote a value: at the first quotation mark, colon or hexadecimal number.
/// Messages of violated constraints contain names only (their values are in DETAIL).
fn without_values<'a>(kind: &DatabaseErrorKind, message: &'a str) -> &'a str {
    let line = message.lines().next().unwrap_or_default();
    let of_constraint = matches!(
        kind,
        DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
    );
    if of_constraint || NAMES_ONLY.iter().any(|beginning| line.starts_with(beginning)) {
        return line;
    }
    let quotes = line.find(['"', '\'', ':', '`', '(', '\u{ab}', '\u{201c}', '\u{201e}']);
    let cut = quotes.into_iter().chain(line.find("0x")).min();
    line[..cut.unwrap_or(line.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str) -> &str {
        without_values(&DatabaseErrorKind::Unknown, message)
    }

    #[test]
    fn a_message_is_cut_before_it_quotes_a_value() {
        for message in [
            "invalid input syntax for type integer: \"hunter2\"",
            "value \"hunter2\" is out of range for type integer",
            "invalid byte sequence for encoding \"UTF8\": 0x68",
            "character with byte sequence 0x68 0x75 in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"",
            "unrecognized token: \"hunter2\"",
            "near \"hunter2\": syntax error",
        ] {
            let shown = shown(message);
            assert!(!shown.contains("hunter2") && !shown.contains("0x"), "{shown}");
        }
        assert_eq!(shown("value \"x\" is out of range"), "value");
    }

    #[test]
    fn names_of_the_schema_and_of_constraints_are_kept() {
        for message in [
            "relation \"device\" does not exist",
            "index row size 2800 exceeds btree version 4 maximum 2704 for index \"lookup_kind_name_key_key\"",
            "database or disk is full",
        ] {
            assert_eq!(shown(message), message);
        }
        let message = "UNIQUE constraint failed: domain.name_key";
        assert_eq!(without_values(&DatabaseErrorKind::UniqueViolation, message), message);
    }

    #[test]
    fn detail_and_hint_are_left_out_and_names_are_not() {
        struct Information;
        impl DatabaseErrorInformation for Information {
            fn message(&self) -> &str {
                "duplicate key value violates unique constraint \"domain_name_key_key\""
            }
            fn details(&self) -> Option<&str> {
                Some("Key (name_key)=(hunter2) already exists.")
            }
            fn hint(&self) -> Option<&str> {
                Some("hunter2")
            }
            fn table_name(&self) -> Option<&str> {
                Some("domain")
            }
            fn column_name(&self) -> Option<&str> {
                None
            }
            fn constraint_name(&self) -> Option<&str> {
                Some("domain_name_key_key")
            }
            fn statement_position(&self) -> Option<i32> {
                None
            }
        }
        let cause = Cause::new("unique violation", &DatabaseErrorKind::UniqueViolation, &Information).to_string();
        assert!(!cause.contains("hunter2"), "{cause}");
        assert!(cause.starts_with("[unique violation] duplicate key") && cause.contains("table domain"), "{cause}");
    }
}
