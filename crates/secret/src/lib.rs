//! Types that carry secrets. They print as `[secret]`, are wiped on drop, and have no `Serialize`, `Display`, `Deref`
//! or `PartialEq`: each use calls `expose()`.

use std::fmt;

use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text: a password, a token, a seed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretText(String);

impl SecretText {
    /// Takes ownership of the text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text. The callee must not print or store it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in constant time for texts of equal length.
    pub fn same_as(&self, other: &SecretText) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// Secret bytes: key material, an opened value.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes ownership of the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Converts to text, or `None` when the bytes are not UTF-8.
    pub fn into_text(mut self) -> Option<SecretText> {
        String::from_utf8(std::mem::take(&mut self.0)).ok().map(SecretText)
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?} {:?}", SecretText::new("hunter2".into()), SecretBytes::new(b"hunter2".to_vec()));
        assert_eq!(shown, "[secret] [secret]");
    }

    #[test]
    fn comparison_looks_at_every_byte() {
        let secret = SecretText::new("abc".into());
        assert!(secret.same_as(&SecretText::new("abc".into())));
        for other in ["abd", "ab", "abcd", ""] {
            assert!(!secret.same_as(&SecretText::new(other.into())), "{other}");
        }
    }
}
