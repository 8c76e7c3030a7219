//! References to values: `NAME` or `NAME#FIELD`. The one syntax of options, files of variables and templates.

use std::fmt;
use std::str::FromStr;

/// Before a reference in a file of variables, where other values are literal. Optional elsewhere.
pub(super) const SCHEME: &str = "chaveiro://";

const FIELDS: [&str; 11] = [
    "password",
    "username",
    "hostname",
    "address",
    "port",
    "private_key",
    "public_key",
    "passphrase",
    "name",
    "text",
    "totp",
];
/// The fields that are the secret of an item; an item has one of them.
const SECRETS: [&str; 3] = ["password", "private_key", "text"];

/// A value of the vault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct Reference {
    pub(super) name: String,
    pub(super) field: Field,
}

/// What of an item is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Field {
    /// Its secret: the password, the private key or the text.
    Secret,
    /// A field by name.
    Named(&'static str),
    /// The current one-time code.
    Totp,
}

/// A text that is no reference.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ReferenceError {
    #[error("expected the name of an item, as in erp-batch or erp-batch#username")]
    Name,
    #[error("unknown field; expected one of: {}", FIELDS.join(" "))]
    Field,
}

impl Field {
    /// The names of fields that are looked for in an item, in this order.
    pub(super) fn names(&self) -> &[&'static str] {
        match self {
            Field::Secret => &SECRETS,
            Field::Named(name) => std::slice::from_ref(name),
            Field::Totp => &[],
        }
    }
}

impl FromStr for Field {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let name = FIELDS.into_iter().find(|name| *name == text).ok_or(ReferenceError::Field)?;
        Ok(if name == "totp" { Field::Totp } else { Field::Named(name) })
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Parses a reference. The last `#` separates the field, so that a name with a `#` needs one.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let text = text.strip_prefix(SCHEME).unwrap_or(text);
        let (name, field) = match text.rsplit_once('#') {
            Some((name, field)) => (name, field.parse()?),
            None => (text, Field::Secret),
        };
        if name.is_empty() || name.trim() != name || name.chars().any(char::is_control) {
            return Err(ReferenceError::Name);
        }
        Ok(Self { name: name.into(), field })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Field::Secret => f.write_str(&self.name),
            Field::Named(field) => write!(f, "{}#{field}", self.name),
            Field::Totp => write!(f, "{}#totp", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_name_and_perhaps_a_field() {
        for (text, name, field) in [
            ("erp-batch", "erp-batch", Field::Secret),
            ("chaveiro://erp-batch", "erp-batch", Field::Secret),
            ("erp-batch#username", "erp-batch", Field::Named("username")),
            ("chaveiro://erp-01/root#password", "erp-01/root", Field::Named("password")),
            ("a#b#totp", "a#b", Field::Totp),
            ("svc@erp-01", "svc@erp-01", Field::Secret),
            ("a.b c", "a.b c", Field::Secret),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!((reference.name.as_str(), reference.field), (name, field), "{text}");
            assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in ["", "#password", "a#", "a#Password", "a#secret", " a", "a\n", "chaveiro://", "a #password"] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }
}
