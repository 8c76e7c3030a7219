//! Signed heads: lines outside the database that say how far a chain had come.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::chain::mac;
use crate::crypto::DataKey;
use crate::store::audit::ChainHead;

/// A head as a line of JSON in the file of heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// When it was written, in microseconds since 1970.
    pub at: i64,
    /// The chain's name.
    pub chain: String,
    /// The number of its last record then.
    pub seq: i64,
    /// The MAC of that record, hexadecimal.
    pub mac: String,
    /// HMAC-SHA-256 under the audit key over the other fields, hexadecimal.
    pub signature: String,
}

impl SignedHead {
    /// Signs `head` as it stood at `at`.
    pub fn sign(key: &DataKey, head: &ChainHead, at: i64) -> Self {
        let mut signed = Self {
            at,
            chain: head.chain.clone(),
            seq: head.seq,
            mac: hex::encode(&head.mac),
            signature: String::new(),
        };
        signed.signature = hex::encode(signed.signature_under(key));
        signed
    }

    /// The head, if the signature is the vault's.
    pub fn verified(&self, key: &DataKey) -> Option<ChainHead> {
        let signature = hex::decode(&self.signature).ok()?;
        let genuine: bool = self.signature_under(key).ct_eq(&signature).into();
        let mac = hex::decode(&self.mac).ok()?;
        genuine.then(|| ChainHead { chain: self.chain.clone(), seq: self.seq, mac })
    }

    fn signature_under(&self, key: &DataKey) -> Vec<u8> {
        let fields =
            [&self.at.to_be_bytes()[..], self.chain.as_bytes(), &self.seq.to_be_bytes()[..], self.mac.as_bytes()];
        mac(key, b"chaveiro/audit/head/1", &fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_head_verifies_until_it_is_changed() {
        let key = DataKey::generate();
        let head = ChainHead { chain: "node/0".into(), seq: 7, mac: vec![9; 32] };
        let signed = SignedHead::sign(&key, &head, 5);
        assert_eq!(signed.verified(&key), Some(head));
        assert_eq!(SignedHead { seq: 6, ..signed.clone() }.verified(&key), None);
        assert_eq!(SignedHead { at: 6, ..signed.clone() }.verified(&key), None);
        assert_eq!(SignedHead { signature: "00".into(), ..signed.clone() }.verified(&key), None);
        assert_eq!(signed.verified(&DataKey::generate()), None);
    }
}
