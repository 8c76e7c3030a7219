//! Compact JWEs (RFC 7516) of one secret each: content under A256GCM, the content key by RSA-OAEP-256 or ECDH-ES (RFC
//! 7518).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::public_key::{CurveKey, RsaKey};
use super::{SealError, SecretText};
use crate::crypto::random_bytes;

const CONTENT: &str = "A256GCM";
const CONTENT_KEY_LENGTH: usize = 32;

/// Encrypts a secret under a new content key, which is encrypted under the RSA key.
pub(super) fn encrypt_with_rsa(key: &RsaKey, secret: &SecretText) -> Result<String, SealError> {
    let content_key = Zeroizing::new(random_bytes::<CONTENT_KEY_LENGTH>());
    let header = format!(r#"{{"alg":"RSA-OAEP-256","enc":"{CONTENT}","kid":"{}"}}"#, key.thumbprint());
    let wrapped = key.wrap(content_key.as_slice())?;
    compact(&header, &wrapped, content_key.as_slice(), random_bytes(), secret)
}

/// Encrypts a secret under a content key that both sides derive from an ephemeral key pair (direct key agreement).
pub(super) fn encrypt_with_curve(key: &CurveKey, secret: &SecretText) -> Result<String, SealError> {
    let derive = |shared: &[u8]| derived_key(shared, CONTENT, [b"", b""], CONTENT_KEY_LENGTH);
    let (ephemeral, content_key) = key.agree(derive)?;
    let header = format!(r#"{{"alg":"ECDH-ES","enc":"{CONTENT}","kid":"{}","epk":{ephemeral}}}"#, key.thumbprint());
    compact(&header, b"", &content_key, random_bytes(), secret)
}

/// Builds the five parts of a JWE. A content key is used once, so a fixed `iv` would be safe; it is random all the
/// same.
pub(super) fn compact(
    header: &str,
    wrapped: &[u8],
    content_key: &[u8],
    iv: [u8; NONCE_LEN],
    secret: &SecretText,
) -> Result<String, SealError> {
    let key = UnboundKey::new(&AES_256_GCM, content_key).map_err(|_| SealError)?;
    let header = URL_SAFE_NO_PAD.encode(header);
    let (nonce, associated) = (Nonce::assume_unique_for_key(iv), Aad::from(header.as_bytes()));
    // Encrypted in place; wiped also on failure.
    let mut text = Zeroizing::new(secret.expose().as_bytes().to_vec());
    let tag = LessSafeKey::new(key).seal_in_place_separate_tag(nonce, associated, &mut text).map_err(|_| SealError)?;
    let [wrapped, iv, text, tag] = [wrapped, &iv, &text, tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
    Ok([header, wrapped, iv, text, tag].join("."))
}

/// Derives a key of up to 32 bytes by the Concat KDF (RFC 7518, section 4.6.2) in a single round.
pub(super) fn derived_key(shared: &[u8], algorithm: &str, parties: [&[u8]; 2], length: usize) -> Zeroizing<Vec<u8>> {
    let mut hash = Sha256::new_with_prefix(1u32.to_be_bytes());
    hash.update(shared);
    for field in [algorithm.as_bytes(), parties[0], parties[1]] {
        hash.update(length_of(field));
        hash.update(field);
    }
    hash.update((8 * length as u32).to_be_bytes());
    let mut key = Zeroizing::new(hash.finalize().to_vec());
    key.truncate(length);
    key
}

/// Returns the length of a field in 32 bits; fields here have a few bytes.
fn length_of(field: &[u8]) -> [u8; 4] {
    (field.len() as u32).to_be_bytes()
}
