//! The types that carry a secret through the program. They print as `[secret]`, are wiped when dropped, and have
//! no `Serialize`, `Display`, `Deref` or `PartialEq`: each real use says `expose()`.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret that is text: a password, a token, a seed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text over; the caller's copy is gone.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Whatever it is given to must not print or keep it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in a time that depends on the lengths alone.
    pub fn same_as(&self, other: &SecretText) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A secret that is bytes: key material, an opened value.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, or `None` when it is not UTF-8.
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
