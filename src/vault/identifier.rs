//! The rule for identifiers, the unique names that users choose.

use super::{Dialect, InvalidInput, VaultError};

/// Letters, digits, `.`, `_` and `-` under the modern dialect (1053). The legacy one had no rule; there an identifier
/// still has to fit into a path.
pub(super) fn check(identifier: &str, dialect: Dialect) -> Result<(), VaultError> {
    match dialect {
        Dialect::Modern => {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if identifier.chars().all(allowed) { Ok(()) } else { Err(VaultError::IdentifierCharacters) }
        }
        Dialect::Legacy if identifier.contains('/') => {
            Err(InvalidInput::parameter("identifier", "must not hold a slash"))
        }
        Dialect::Legacy => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_keep_to_their_dialect() {
        for good in ["erp-batch", "a.b_c-D9"] {
            assert_eq!(check(good, Dialect::Modern), Ok(()));
            assert_eq!(check(good, Dialect::Legacy), Ok(()));
        }
        for legacy_only in ["with space", "é", "a@b", "a+b"] {
            assert_eq!(check(legacy_only, Dialect::Modern), Err(VaultError::IdentifierCharacters));
            assert_eq!(check(legacy_only, Dialect::Legacy), Ok(()));
        }
        assert!(check("a/b", Dialect::Legacy).is_err());
    }
}
