//! Signatures over rows that nobody but the vault may change: a row that was changed behind its back shows.

use subtle::ConstantTimeEq;

use super::chain::mac;
use crate::crypto::DataKey;

/// Signs rows for one purpose, under a key of its own that is derived from the audit key.
pub struct Signer(DataKey);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer([secret])")
    }
}

impl Signer {
    /// The signer of this purpose. A purpose once used keeps its name.
    #[expect(clippy::expect_used, reason = "HMAC-SHA-256 gives as many bytes as a key has")]
    pub fn new(audit_key: &DataKey, purpose: &str) -> Self {
        let derived = mac(audit_key, b"chaveiro/audit/derive/1", &[purpose.as_bytes()]);
        Self(DataKey::from_bytes(&derived).expect("a MAC is as long as a key"))
    }

    /// The signature over these fields.
    pub fn sign(&self, fields: &[&[u8]]) -> Vec<u8> {
        mac(&self.0, b"chaveiro/signature/1", fields)
    }

    /// Whether the signature is over these fields.
    pub fn verifies(&self, fields: &[&[u8]], signature: &[u8]) -> bool {
        self.sign(fields).ct_eq(signature).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_key_one_purpose_and_these_fields() {
        let key = DataKey::generate();
        let signer = Signer::new(&key, "a");
        let signature = signer.sign(&[b"x", b"y"]);
        assert!(Signer::new(&key, "a").verifies(&[b"x", b"y"], &signature));
        assert!(!signer.verifies(&[b"xy", b""], &signature) && !signer.verifies(&[b"x"], &signature));
        assert!(!signer.verifies(&[b"x", b"y"], &signature[1..]) && !signer.verifies(&[b"x", b"y"], b""));
        assert!(!Signer::new(&key, "b").verifies(&[b"x", b"y"], &signature));
        assert!(!Signer::new(&DataKey::generate(), "a").verifies(&[b"x", b"y"], &signature));
    }
}
