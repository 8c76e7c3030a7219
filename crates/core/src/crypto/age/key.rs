//! The keys of recipients: X25519, in age's spelling.

use std::str::FromStr;

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{AgeError, derived};
use crate::crypto::random_bytes;
use crate::text::bech32;

const RECIPIENT_PREFIX: &str = "age";
const IDENTITY_PREFIX: &str = "age-secret-key-";
const PURPOSE: &[u8] = b"age-encryption.org/v1/X25519";

/// A public key that files are encrypted to: `age1…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

/// Why a text is no recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a public key of age, as in age1…")]
pub struct RecipientError;

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        bech32::decode_key(RECIPIENT_PREFIX, text).map(Self).ok_or(RecipientError)
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&bech32::encode_key(RECIPIENT_PREFIX, &self.0))
    }
}

/// A private key that opens files: `AGE-SECRET-KEY-1…`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Identity([u8; 32]);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity([secret])")
    }
}

/// Why a text has no identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A line is neither a comment nor an identity.
    #[error("line {0} is no private key of age, expected AGE-SECRET-KEY-1…")]
    Malformed(usize),
    /// There is no line with an identity.
    #[error("there is no private key of age in it, expected AGE-SECRET-KEY-1…")]
    Empty,
}

impl Identity {
    /// Generates a key pair.
    pub fn generate() -> Self {
        Self(random_bytes())
    }

    /// Reads a file of identities: one a line, with empty lines and comments that begin with `#`.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn parse_file(text: &str) -> Result<Vec<Self>, IdentityError> {
        let mut identities = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = bech32::decode_key(IDENTITY_PREFIX, line).ok_or(IdentityError::Malformed(index + 1))?;
            identities.push(Self(key));
        }
        if identities.is_empty() { Err(IdentityError::Empty) } else { Ok(identities) }
    }

    /// Returns the text of the private key. The callee must not print or store it but in a file of its own.
    pub fn expose(&self) -> Zeroizing<String> {
        let lower = Zeroizing::new(bech32::encode_key(IDENTITY_PREFIX, &self.0));
        Zeroizing::new(lower.to_ascii_uppercase())
    }

    /// Returns the public key.
    ///
    /// # Errors
    /// [`AgeError::Recipient`], never for a key of 32 bytes.
    pub fn recipient(&self) -> Result<Recipient, AgeError> {
        Ok(Recipient(public_key(&self.private_key()?)?))
    }

    fn private_key(&self) -> Result<PrivateKey, AgeError> {
        PrivateKey::from_private_key(&X25519, &self.0).map_err(|_| AgeError::Recipient)
    }

    /// Derives the key that wraps a file key for this identity, from the share in a file.
    pub(super) fn wrapping_key(&self, share: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, AgeError> {
        let private = self.private_key()?;
        let own = public_key(&private)?;
        derive(&private, share, share, &own)
    }
}

impl Recipient {
    /// Returns a new share, and the key that wraps a file key for this recipient.
    pub(super) fn wrapping_key(&self) -> Result<([u8; 32], Zeroizing<[u8; 32]>), AgeError> {
        let private = Identity::generate().private_key()?;
        let share = public_key(&private)?;
        Ok((share, derive(&private, &self.0, &share, &self.0)?))
    }
}

fn public_key(private: &PrivateKey) -> Result<[u8; 32], AgeError> {
    let public = private.compute_public_key().map_err(|_| AgeError::Recipient)?;
    public.as_ref().try_into().map_err(|_| AgeError::Recipient)
}

/// Agrees on a secret with `other`. A point of low order, which makes it zero, is refused by the library.
fn derive(
    private: &PrivateKey,
    other: &[u8; 32],
    share: &[u8; 32],
    recipient: &[u8; 32],
) -> Result<Zeroizing<[u8; 32]>, AgeError> {
    let other = UnparsedPublicKey::new(&X25519, other.as_slice());
    let salt = [share.as_slice(), recipient].concat();
    agree(private, other, AgeError::Recipient, |shared| Ok(derived(shared, &salt, PURPOSE)))
}
