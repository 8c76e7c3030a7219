//! Authenticated heads: lines outside the database that record the last record of a chain at a time.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::chain::mac;
use crate::crypto::DataKey;
use crate::store::audit::ChainHead;

/// A line of JSON in the file of heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatedHead {
    /// The time, in microseconds since 1970.
    pub at: i64,
    /// The name of the chain.
    pub chain: String,
    /// The number of the last record.
    pub seq: i64,
    /// The MAC of that record, hexadecimal.
    pub record_mac: String,
    /// HMAC-SHA-256 under the audit key over the other fields, hexadecimal.
    pub mac: String,
}

impl AuthenticatedHead {
    /// Authenticates `head` at the time `at`.
    pub fn new(key: &DataKey, head: &ChainHead, at: i64) -> Self {
        let mut authenticated = Self {
            at,
            chain: head.chain.clone(),
            seq: head.seq,
            record_mac: hex::encode(&head.mac),
            mac: String::new(),
        };
        authenticated.mac = hex::encode(authenticated.mac_under(key));
        authenticated
    }

    /// Returns the head if its MAC verifies.
    pub fn verified(&self, key: &DataKey) -> Option<ChainHead> {
        let head_mac = hex::decode(&self.mac).ok()?;
        let genuine: bool = self.mac_under(key).ct_eq(&head_mac).into();
        let mac = hex::decode(&self.record_mac).ok()?;
        genuine.then(|| ChainHead { chain: self.chain.clone(), seq: self.seq, mac })
    }

    fn mac_under(&self, key: &DataKey) -> Vec<u8> {
        let fields = [
            &self.at.to_be_bytes()[..],
            self.chain.as_bytes(),
            &self.seq.to_be_bytes()[..],
            self.record_mac.as_bytes(),
        ];
        mac(key, b"chaveiro/audit/head/1", &fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authenticated_head_verifies_until_it_is_changed() {
        let key = DataKey::generate();
        let head = ChainHead { chain: "node/0".into(), seq: 7, mac: vec![9; 32] };
        let line = AuthenticatedHead::new(&key, &head, 5);
        assert_eq!(line.verified(&key), Some(head));
        assert_eq!(AuthenticatedHead { seq: 6, ..line.clone() }.verified(&key), None);
        assert_eq!(AuthenticatedHead { at: 6, ..line.clone() }.verified(&key), None);
        assert_eq!(AuthenticatedHead { mac: "00".into(), ..line.clone() }.verified(&key), None);
        assert_eq!(line.verified(&DataKey::generate()), None);
    }
}
