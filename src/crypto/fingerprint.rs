//! Keyed fingerprints: whether two things are the same, for whoever may not know what they are.

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use super::DataKey;

/// What the key of fingerprints is derived for.
const PURPOSE: &[u8] = b"chaveiro/fingerprints/1";

/// Makes fingerprints: HMAC-SHA-256 (RFC 2104) over JSON. A plain hash would not do, because what is fingerprinted may
/// hold a password that is easily guessed.
#[derive(Clone)]
pub struct Fingerprints(Hmac<Sha256>);

impl Fingerprints {
    /// Fingerprints under a key of their own, derived from `key`. Every node that has `key` makes the same ones.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub fn under(key: &DataKey) -> Self {
        let key = key.derive(PURPOSE);
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes a key of any length"))
    }

    /// The fingerprint of `what`. Give a tuple that begins with a label of its own, so that no two uses meet.
    #[expect(clippy::expect_used, reason = "neither a MAC nor a value of ours fails to be written")]
    pub fn of(&self, what: &impl Serialize) -> [u8; 32] {
        let mut writer = Writer(self.0.clone());
        serde_json::to_writer(&mut writer, what).expect("the value has a form in JSON");
        writer.0.finalize().into_bytes().into()
    }
}

/// Lets JSON flow into the MAC, without a copy of it in memory.
struct Writer(Hmac<Sha256>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
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
        let fingerprints = Fingerprints::under(&key);
        assert_eq!(fingerprints.of(&("a", 1)), Fingerprints::under(&key).of(&("a", 1)));
        for other in [("a", "1"), ("a1", ""), ("", "a1")] {
            assert_ne!(fingerprints.of(&("a", 1)), fingerprints.of(&other));
        }
        assert_ne!(fingerprints.of(&("ab", "c")), fingerprints.of(&("a", "bc")));
        assert_ne!(fingerprints.of(&("a", 1)), Fingerprints::under(&DataKey::generate()).of(&("a", 1)));
    }
}
