//! The tokens in the URLs of proxy sessions. Each is made from the session's public id under a key of the vault, so
//! that it is kept nowhere, and can still be told a second time to whoever it was given to.

use crate::crypto::{DataKey, SecretText};

/// Changing this ends every URL that is out.
const PURPOSE: &[u8] = b"chaveiro/session-url/1";

/// What makes the tokens.
pub struct SessionTokens(DataKey);

impl SessionTokens {
    /// Tokens under a key that is derived from `key` for nothing else.
    pub fn under(key: &DataKey) -> Self {
        Self(key.derive(PURPOSE))
    }

    /// The token of the session: 256 bits, as 64 hexadecimal digits. Who knows the id and not the key knows nothing
    /// of it.
    pub fn token(&self, session_id: &str) -> SecretText {
        SecretText::new(hex::encode(self.0.derive(session_id.as_bytes()).expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_that_of_its_session_and_its_key() {
        let key = DataKey::generate();
        let (tokens, again) = (SessionTokens::under(&key), SessionTokens::under(&key));
        assert_eq!(tokens.token("a").expose().len(), 64);
        assert!(tokens.token("a").same_as(&again.token("a")));
        assert!(!tokens.token("a").same_as(&tokens.token("b")));
        let other = SessionTokens::under(&DataKey::generate());
        assert!(!tokens.token("a").same_as(&other.token("a")));
    }
}
