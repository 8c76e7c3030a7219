//! Tokens in the URLs of proxy sessions, derived from the public id of the session under a key of the vault. They are
//! not stored, and can be derived again for the response of a repeated request.

use crate::crypto::{DataKey, SecretText};

/// The HKDF info of the key. Changing it invalidates all URLs.
const PURPOSE: &[u8] = b"chaveiro/session-url/1";

/// Derives the tokens of proxy sessions.
pub struct SessionTokens(DataKey);

impl SessionTokens {
    /// Derives the key of the tokens from `key`.
    pub fn new(key: &DataKey) -> Self {
        Self(key.derive(PURPOSE))
    }

    /// Returns the token of a session: 256 bits, as 64 hexadecimal digits. The id without the key reveals nothing of
    /// it.
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
        let (tokens, again) = (SessionTokens::new(&key), SessionTokens::new(&key));
        assert_eq!(tokens.token("a").expose().len(), 64);
        assert!(tokens.token("a").same_as(&again.token("a")));
        assert!(!tokens.token("a").same_as(&tokens.token("b")));
        let other = SessionTokens::new(&DataKey::generate());
        assert!(!tokens.token("a").same_as(&other.token("a")));
    }
}
