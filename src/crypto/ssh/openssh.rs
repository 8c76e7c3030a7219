//! OpenSSH's own format of private keys (PROTOCOL.key in OpenSSH's sources). The public key is in the clear, also when
//! the private key is encrypted.
//!
//! Read here and not by `ssh_key::PrivateKey`, which (in 0.6) refuses ECDSA numbers that are shorter than the field
//! (RustCrypto/SSH#350) and the padding that PuTTY writes (RustCrypto/SSH#316).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair,
};
use ssh_key::{Algorithm, EcdsaCurve, PublicKey};

use super::KeyFlaw;
use super::public_key::from_bytes;
use super::wire::WireReader;

const MAGIC: &[u8] = b"openssh-key-v1\0";
/// The size of the blocks that an unencrypted private key is padded to.
const BLOCK: usize = 8;

/// Returns the public key in a private key, and checks that both are a pair where that is in the clear.
pub(super) fn public_key(container: &[u8]) -> Result<PublicKey, KeyFlaw> {
    let (mut reader, keys) = header(container).ok_or(KeyFlaw::Damaged)?;
    if keys > 1 {
        return Err(KeyFlaw::SeveralKeys);
    }
    let Container { public, private, encrypted } = content(&mut reader).ok_or(KeyFlaw::Damaged)?;
    let key = from_bytes(public)?;
    if encrypted {
        return Ok(key);
    }
    let comment = checked_comment(private, public, &key.algorithm()).ok_or(KeyFlaw::Damaged)?;
    Ok(PublicKey::new(key.key_data().clone(), String::from_utf8_lossy(comment)))
}

/// Reads up to the number of keys. The reader that is returned stands at the beginning of the ciphers.
fn header(container: &[u8]) -> Option<(WireReader<'_>, u32)> {
    let start = WireReader(container.strip_prefix(MAGIC)?);
    let mut reader = start;
    reader.strings(3)?;
    Some((start, reader.uint32()?))
}

struct Container<'a> {
    public: &'a [u8],
    private: &'a [u8],
    encrypted: bool,
}

fn content<'a>(reader: &mut WireReader<'a>) -> Option<Container<'a>> {
    let [cipher, kdf, _options] = reader.strings(3)?.try_into().ok()?;
    let (block, tag) = match std::str::from_utf8(cipher).ok()? {
        "none" | "3des-cbc" => (BLOCK, 0),
        "chacha20-poly1305@openssh.com" => (BLOCK, 16),
        "aes128-gcm@openssh.com" | "aes256-gcm@openssh.com" => (16, 16),
        "aes128-cbc" | "aes192-cbc" | "aes256-cbc" | "aes128-ctr" | "aes192-ctr" | "aes256-ctr" => (16, 0),
        _ => return None,
    };
    let encrypted = cipher != b"none";
    let one = reader.uint32()? == 1;
    let (public, private) = (reader.string()?, reader.string()?);
    reader.bytes(tag)?;
    let fits = kdf == if encrypted { &b"bcrypt"[..] } else { b"none" };
    let sound = one && fits && !private.is_empty() && private.len().is_multiple_of(block) && reader.is_at_end();
    sound.then_some(Container { public, private, encrypted })
}

/// Checks the private part against the public key, and returns the comment.
fn checked_comment<'a>(private: &'a [u8], public: &[u8], algorithm: &Algorithm) -> Option<&'a [u8]> {
    let mut reader = WireReader(private);
    if reader.uint32()? != reader.uint32()? {
        return None;
    }
    if matches!(algorithm, Algorithm::Other(_)) {
        // The layout of the numbers is unknown.
        return Some(b"");
    }
    let public = all_strings(public)?;
    let mut own = reader.strings(public.len())?;
    if matches!(algorithm, Algorithm::Rsa { .. }) {
        // The private part has the modulus before the exponent.
        own.swap(1, 2);
    }
    let is_pair = own == public && private_numbers(&mut reader, algorithm, &public)?;
    // OpenSSH refuses a comment with a zero byte.
    let comment = reader.string().filter(|comment| !comment.contains(&0))?;
    // Programs pad to blocks of different sizes.
    let padded = reader.0.iter().zip((1..=u8::MAX).cycle()).all(|(found, expected)| *found == expected);
    (is_pair && padded).then_some(comment)
}

fn all_strings(blob: &[u8]) -> Option<Vec<&[u8]>> {
    let mut reader = WireReader(blob);
    let mut strings = Vec::new();
    while !reader.is_at_end() {
        strings.push(reader.string()?);
    }
    Some(strings)
}

/// Reads the private numbers. Returns whether they belong to the public key; those of RSA and DSA are not checked.
fn private_numbers(reader: &mut WireReader<'_>, algorithm: &Algorithm, public: &[&[u8]]) -> Option<bool> {
    match algorithm {
        Algorithm::Ed25519 => {
            let (seed, copy) = reader.string()?.split_at_checked(32)?;
            let public = public.last()?;
            Some(copy == *public && Ed25519KeyPair::from_seed_and_public_key(seed, public).is_ok())
        }
        Algorithm::Ecdsa { curve } => {
            let (number, point) = (reader.string()?, public.last()?);
            Some(EcdsaKeyPair::from_private_key_and_public_key(signing(*curve), number, point).is_ok())
        }
        Algorithm::Rsa { .. } => reader.strings(4).map(|_| true),
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
            reader.bytes(1)?;
            reader.strings(2).map(|_| true)
        }
        _ => reader.string().map(|_| true),
    }
}

/// Returns the algorithm of a curve.
pub(super) fn signing(curve: EcdsaCurve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        EcdsaCurve::NistP256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        EcdsaCurve::NistP384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        EcdsaCurve::NistP521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    }
}
