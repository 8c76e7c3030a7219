//! Keyed digests: compare values that may contain a secret, without storing them.

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use super::DataKey;

/// The HKDF info of the key.
const PURPOSE: &[u8] = b"chaveiro/keyed_digest/1";

/// Computes HMAC-SHA-256 (RFC 2104) over the JSON form of a value. A plain hash would let a weak password in the value be
/// guessed.
#[derive(Clone)]
pub struct KeyedDigest(Hmac<Sha256>);

impl KeyedDigest {
    /// Derives the digest's key from `key`. Nodes that share `key` compute equal digests.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub fn new(key: &DataKey) -> Self {
        let key = key.derive(PURPOSE);
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes a key of any length"))
    }

    /// Computes the digest of a value. Pass a tuple that begins with a label of its own, so that no two uses collide.
    #[expect(clippy::expect_used, reason = "neither a MAC nor a value of ours fails to be written")]
    pub fn digest(&self, value: &impl Serialize) -> [u8; 32] {
        let mut writer = Writer(self.0.clone());
        serde_json::to_writer(&mut writer, value).expect("the value has a form in JSON");
        writer.0.finalize().into_bytes().into()
    }
}

/// Writes JSON into the MAC, without a copy in memory.
struct Writer(Hmac<Sha256>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    /// Without the loop that every piece of JSON would go through by default.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.update(bytes);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_the_same_under_one_key_and_nothing_else_is() {
        let key = DataKey::generate();
        let keyed_digest = KeyedDigest::new(&key);
        assert_eq!(keyed_digest.digest(&("a", 1)), KeyedDigest::new(&key).digest(&("a", 1)));
        for other in [("a", "1"), ("a1", ""), ("", "a1")] {
            assert_ne!(keyed_digest.digest(&("a", 1)), keyed_digest.digest(&other));
        }
        assert_ne!(keyed_digest.digest(&("ab", "c")), keyed_digest.digest(&("a", "bc")));
        assert_ne!(keyed_digest.digest(&("a", 1)), KeyedDigest::new(&DataKey::generate()).digest(&("a", 1)));
    }
}
