//! HKDF with SHA-256 (RFC 5869), for keys of one block.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Derives a pseudorandom key from a secret (section 2.2).
pub(super) fn extract(salt: &[u8], secret: &[u8]) -> Zeroizing<[u8; 32]> {
    hmac(salt, &[secret])
}

/// Returns the first block of the output for `info` (section 2.3). It does not reveal the key.
pub(super) fn expand(key: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; 32]> {
    hmac(key, &[info, &[1]])
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn hmac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| hmac.update(part));
    Zeroizing::new(hmac.finalize().into_bytes().into())
}
