//! Rules for identifiers, the unique names that users choose.

use super::{Field, VaultError};

/// Rules of a protocol for identifiers: allowed characters, and whether a missing identifier is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierPolicy {
    /// Anything that fits into a path segment. An object without an identifier has none.
    Free,
    /// Letters, digits, `.`, `_` and `-`. An object without an identifier gets a generated one.
    Restricted,
}

impl IdentifierPolicy {
    /// Checks an identifier.
    ///
    /// # Errors
    /// [`VaultError::Invalid`].
    pub(super) fn check(self, identifier: &str) -> Result<(), VaultError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match self {
            IdentifierPolicy::Restricted if !identifier.chars().all(allowed) => {
                Err(VaultError::charset(Field::Identifier, "expected letters, digits, \".\", \"_\" and \"-\""))
            }
            IdentifierPolicy::Free if identifier.contains('/') => {
                Err(VaultError::invalid(Field::Identifier, "must not contain a slash"))
            }
            IdentifierPolicy::Restricted | IdentifierPolicy::Free => Ok(()),
        }
    }

    /// Generates the identifier of a new object that was sent without one, if the policy does so.
    pub(super) fn generated(self) -> Option<String> {
        match self {
            IdentifierPolicy::Free => None,
            IdentifierPolicy::Restricted => Some(uuid::Uuid::now_v7().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restricted_identifier_fits_both_policies_and_a_free_one_need_not() {
        use IdentifierPolicy::{Free, Restricted};
        for both in ["erp-batch", "a.b_c-D9"] {
            assert_eq!((Restricted.check(both), Free.check(both)), (Ok(()), Ok(())));
        }
        for free_only in ["with space", "é", "a@b", "a+b"] {
            assert!(matches!(Restricted.check(free_only), Err(VaultError::Invalid(error)) if error.is_charset));
            assert_eq!(Free.check(free_only), Ok(()));
        }
        assert!(Free.check("a/b").is_err());
    }
}
