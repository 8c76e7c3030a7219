//! What the plugins of MySQL and MariaDB for passwords answer to the server's random bytes.

use chaveiro_rotation::TargetError;
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::failure;

/// The random bytes that the older plugins use.
const NONCE: usize = 20;

/// Returns the answer of a plugin. With `is_secret_safe` the connection has TLS, and may carry the password itself.
pub(super) fn answer(
    plugin: &[u8],
    password: &str,
    nonce: &[u8],
    is_secret_safe: bool,
) -> Result<Zeroizing<Vec<u8>>, TargetError> {
    let short = nonce.get(..NONCE).unwrap_or(nonce);
    let password = password.as_bytes();
    match plugin {
        b"mysql_native_password" => Ok(native(password, short)),
        b"caching_sha2_password" => Ok(caching_sha2(password, short)),
        b"client_ed25519" => Ok(ed25519(password, nonce)),
        b"sha256_password" | b"mysql_clear_password" if is_secret_safe => Ok(clear(password)),
        b"sha256_password" | b"mysql_clear_password" => {
            Err(failure::misconfigured("the server asks for a password that only TLS may carry"))
        }
        _ => Err(failure::misconfigured("the server asks for a login that is not by password")),
    }
}

/// Returns the password as it goes through TLS.
pub(super) fn clear(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(password.len() + 1));
    bytes.extend_from_slice(password);
    bytes.push(0);
    bytes
}

/// `SHA1(password) XOR SHA1(nonce + SHA1(SHA1(password)))`.
fn native(password: &[u8], nonce: &[u8]) -> Zeroizing<Vec<u8>> {
    let once = Sha1::digest(password);
    let mask = Sha1::new().chain_update(nonce).chain_update(Sha1::digest(once)).finalize();
    xor(&once, &mask)
}

/// `SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce)`.
fn caching_sha2(password: &[u8], nonce: &[u8]) -> Zeroizing<Vec<u8>> {
    let once = Sha256::digest(password);
    let mask = Sha256::new().chain_update(Sha256::digest(once)).chain_update(nonce).finalize();
    xor(&once, &mask)
}

fn xor(left: &[u8], right: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(left.iter().zip(right).map(|(left, right)| left ^ right).collect())
}

/// The signature of Ed25519 (RFC 8032, section 5.1.6), whose seed is the password, of whatever length.
fn ed25519(password: &[u8], nonce: &[u8]) -> Zeroizing<Vec<u8>> {
    let seed = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(password)));
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(&seed[..32]);
    key[0] &= 248;
    key[31] = key[31] & 127 | 64;
    let key = Zeroizing::new(Scalar::from_bytes_mod_order(*key));
    let public = EdwardsPoint::mul_base(&key).compress();
    let secret = Zeroizing::new(wide(Sha512::new().chain_update(&seed[32..]).chain_update(nonce)));
    let point = EdwardsPoint::mul_base(&secret).compress();
    let challenge =
        wide(Sha512::new().chain_update(point.as_bytes()).chain_update(public.as_bytes()).chain_update(nonce));
    let proof = challenge * *key + *secret;
    Zeroizing::new([point.to_bytes(), proof.to_bytes()].concat())
}

fn wide(hash: Sha512) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}
