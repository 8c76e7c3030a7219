//! Client secrets: shown once, stored as a hash.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::crypto::{SecretText, random_bytes};

/// The prefix of client secrets, by which secret scanners find a leaked one.
const PREFIX: &str = "chv_";

/// A newly generated client secret.
#[derive(Debug)]
pub struct ClientSecret(SecretText);

impl ClientSecret {
    /// Generates a secret of 256 random bits.
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
}

/// Returns 256 random bits in hexadecimal digits, after a prefix by which secret scanners find a leaked secret.
pub(super) fn random_text(prefix: &str) -> SecretText {
    SecretText::new(format!("{prefix}{}", hex::encode(random_bytes::<32>())))
}

/// The SHA-256 hash of a client secret or a static token. 256 random bits need no slow hash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash([secret])")
    }
}

impl SecretHash {
    /// Hashes a secret.
    pub fn new(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Reads a stored hash. `None` unless it has 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `secret` has this hash. Compares in constant time.
    pub fn verify(&self, secret: &SecretText) -> bool {
        self.0.ct_eq(&Self::new(secret.expose()).0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_accepted_by_its_own_hash_alone() {
        let (secret, other) = (ClientSecret::generate(), ClientSecret::generate());
        assert!(secret.hash().verify(secret.text()));
        assert!(!secret.hash().verify(other.text()));
        assert!(secret.text().expose().starts_with(PREFIX));
        assert_eq!(secret.text().expose().len(), PREFIX.len() + 64);
    }

    #[test]
    fn nothing_prints_it() {
        let secret = ClientSecret::generate();
        assert_eq!(format!("{secret:?} {:?}", secret.hash()), "ClientSecret([secret]) SecretHash([secret])");
    }
}
