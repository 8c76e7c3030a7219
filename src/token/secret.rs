//! Client secrets: shown once, kept only as what they are compared with.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::crypto::{SecretText, random_bytes};

/// Marks a client secret of this product, so that scanners of repositories and logs can find a leaked one.
const PREFIX: &str = "chv_";

/// A client secret at the moment of its creation.
#[derive(Debug)]
pub struct ClientSecret(SecretText);

impl ClientSecret {
    /// A new secret of 256 random bits.
    pub fn generate() -> Self {
        Self(SecretText::new(format!("{PREFIX}{}", hex::encode(random_bytes::<32>()))))
    }

    /// The text to show, once.
    pub fn text(&self) -> &SecretText {
        &self.0
    }

    /// What to keep of it.
    pub fn verifier(&self) -> Verifier {
        Verifier::of(&self.0)
    }
}

/// What a secret of 256 random bits is compared with: its SHA-256. Nothing slower is needed.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier([u8; 32]);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier([secret])")
    }
}

impl Verifier {
    /// The verifier of this secret.
    pub fn of(secret: &SecretText) -> Self {
        Self(Sha256::digest(secret.expose().as_bytes()).into())
    }

    /// A verifier from the table of client secrets; `None` when the bytes are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `secret` is the one, in a time that tells nothing.
    pub fn accepts(&self, secret: &SecretText) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_accepted_by_its_own_verifier_alone() {
        let (secret, other) = (ClientSecret::generate(), ClientSecret::generate());
        assert!(secret.verifier().accepts(secret.text()));
        assert!(!secret.verifier().accepts(other.text()));
        assert!(secret.text().expose().starts_with(PREFIX));
        assert_eq!(secret.text().expose().len(), PREFIX.len() + 64);
    }

    #[test]
    fn nothing_prints_it() {
        let secret = ClientSecret::generate();
        assert_eq!(format!("{secret:?} {:?}", secret.verifier()), "ClientSecret([secret]) Verifier([secret])");
    }
}
