//! Static tokens: bearer tokens without a login, for clients that can only be given a token. Shown once, stored as a hash.

use super::SecretHash;
use super::secret::random_text;
use crate::crypto::SecretText;

/// The prefix of static tokens, by which they are told from signed tokens and secret scanners find a leaked one.
const PREFIX: &str = "cht_";
/// The length of a token: the prefix, and 256 bits in hexadecimal digits.
const LENGTH: usize = PREFIX.len() + 64;

/// A newly generated static token.
#[derive(Debug)]
pub struct StaticToken(SecretText);

impl StaticToken {
    /// Generates a token of 256 random bits.
    pub fn generate() -> Self {
        Self(random_text(PREFIX))
    }

    /// Returns the text, to show once.
    pub fn text(&self) -> &SecretText {
        &self.0
    }

    /// Returns the hash to store.
    pub fn hash(&self) -> SecretHash {
        SecretHash::new(self.0.expose())
    }

    /// Returns the hash of a text in the form of a static token; `None` for any other text.
    pub fn hash_of(text: &str) -> Option<SecretHash> {
        (text.len() == LENGTH && text.starts_with(PREFIX)).then(|| SecretHash::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash_alone() {
        let (token, other) = (StaticToken::generate(), StaticToken::generate());
        assert!(StaticToken::hash_of(token.text().expose()) == Some(token.hash()));
        assert!(token.hash() != other.hash());
        for text in ["", "cht_", "chv_", "eyJhbGciOiJFZERTQSJ9.e30.c2ln", &token.text().expose()[1..]] {
            assert!(StaticToken::hash_of(text).is_none(), "{text}");
        }
        assert_eq!(format!("{token:?}"), "StaticToken([secret])");
    }
}
