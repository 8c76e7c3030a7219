//! MACs over rows that only the vault may change. A row that was modified outside the vault fails verification.

use subtle::ConstantTimeEq;

use super::chain::mac;
use crate::crypto::DataKey;

/// Computes MACs over rows for one purpose, under a key derived from the audit key for that purpose.
pub struct RowMac(DataKey);

impl std::fmt::Debug for RowMac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowMac([secret])")
    }
}

impl RowMac {
    /// Creates the MAC of a purpose. A purpose in use never changes its name.
    pub fn new(audit_key: &DataKey, purpose: &str) -> Self {
        Self(audit_key.derive(format!("chaveiro/row-mac/1/{purpose}").as_bytes()))
    }

    /// Computes the MAC over these fields.
    pub fn mac(&self, fields: &[&[u8]]) -> Vec<u8> {
        mac(&self.0, b"chaveiro/row-mac/1", fields)
    }

    /// Verifies a MAC over these fields in constant time.
    pub fn verify(&self, fields: &[&[u8]], row_mac: &[u8]) -> bool {
        self.mac(fields).ct_eq(row_mac).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_depends_on_key_purpose_and_fields() {
        let key = DataKey::generate();
        let row_mac = RowMac::new(&key, "a");
        let mac = row_mac.mac(&[b"x", b"y"]);
        assert!(RowMac::new(&key, "a").verify(&[b"x", b"y"], &mac));
        assert!(!row_mac.verify(&[b"xy", b""], &mac) && !row_mac.verify(&[b"x"], &mac));
        assert!(!row_mac.verify(&[b"x", b"y"], &mac[1..]) && !row_mac.verify(&[b"x", b"y"], b""));
        assert!(!RowMac::new(&key, "b").verify(&[b"x", b"y"], &mac));
        assert!(!RowMac::new(&DataKey::generate(), "a").verify(&[b"x", b"y"], &mac));
    }
}
