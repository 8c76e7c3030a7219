//! OpenSSH's own format of private keys (PROTOCOL.key in OpenSSH's sources). The public key is in the clear, also when
//! the private key is encrypted.
//!
//! Read here and not by `ssh_key::PrivateKey`, which (in 0.6) refuses ECDSA numbers that are shorter than the field
//! (RustCrypto/SSH#350) and the padding that PuTTY writes (RustCrypto/SSH#316).

use ssh_key::{Algorithm, PublicKey};

use super::KeyFlaw;
use super::numbers::{RsaNumbers, is_ecdsa_pair, is_ed25519_pair};
use super::public_key::{from_bytes, with_comment};
use super::wire::WireReader;

/// The first bytes of a key.
pub(super) const MAGIC: &[u8] = b"openssh-key-v1\0";
/// The size of the blocks that an unencrypted private key is padded to.
const BLOCK: usize = 8;

/// Returns the public key in a private key, and checks that both are a pair where that is in the clear.
pub(super) fn public_key(container: &[u8]) -> Result<PublicKey, KeyFlaw> {
    let is_cut = MAGIC.starts_with(container);
    let other = if is_cut { KeyFlaw::Malformed } else { KeyFlaw::OtherFormat };
    let content = container.strip_prefix(MAGIC).ok_or(other)?;
    let (mut reader, keys) = header(content).ok_or(KeyFlaw::Malformed)?;
    if keys > 1 {
        return Err(KeyFlaw::SeveralKeys);
    }
    let encryption = encryption(&mut reader)?;
    let (public, private) = key_parts(&mut reader, &encryption).ok_or(KeyFlaw::Malformed)?;
    let key = from_bytes(public)?;
    if encryption.encrypted {
        return Ok(key);
    }
    let comment = checked_comment(private, public, &key.algorithm())?;
    Ok(with_comment(key, comment))
}

/// Reads up to the number of keys. The reader that is returned stands at the beginning of the ciphers.
fn header(content: &[u8]) -> Option<(WireReader<'_>, u32)> {
    let start = WireReader(content);
    let mut reader = start;
    reader.strings(3)?;
    Some((start, reader.uint32()?))
}

struct Encryption {
    encrypted: bool,
    block: usize,
    tag: usize,
}

fn encryption(reader: &mut WireReader<'_>) -> Result<Encryption, KeyFlaw> {
    let [cipher, kdf, _options] =
        reader.strings(3).and_then(|strings| strings.try_into().ok()).ok_or(KeyFlaw::Malformed)?;
    let (block, tag) = match std::str::from_utf8(cipher).unwrap_or_default() {
        "none" | "3des-cbc" => (BLOCK, 0),
        "chacha20-poly1305@openssh.com" => (BLOCK, 16),
        "aes128-gcm@openssh.com" | "aes256-gcm@openssh.com" => (16, 16),
        "aes128-cbc" | "aes192-cbc" | "aes256-cbc" | "aes128-ctr" | "aes192-ctr" | "aes256-ctr" => (16, 0),
        _ => return Err(KeyFlaw::UnknownCipher),
    };
    let encrypted = cipher != b"none";
    if kdf != if encrypted { &b"bcrypt"[..] } else { b"none" } {
        return Err(KeyFlaw::UnknownCipher);
    }
    Ok(Encryption { encrypted, block, tag })
}

/// Reads the public and the private part.
fn key_parts<'a>(reader: &mut WireReader<'a>, encryption: &Encryption) -> Option<(&'a [u8], &'a [u8])> {
    let one = reader.uint32()? == 1;
    let (public, private) = (reader.string()?, reader.string()?);
    reader.bytes(encryption.tag)?;
    let whole = !private.is_empty() && private.len().is_multiple_of(encryption.block) && reader.is_at_end();
    (one && whole).then_some((public, private))
}

/// Checks the private part against the public key, and returns the comment.
fn checked_comment<'a>(private: &'a [u8], public: &[u8], algorithm: &Algorithm) -> Result<&'a [u8], KeyFlaw> {
    let mut reader = WireReader(private);
    let public = all_strings(public).ok_or(KeyFlaw::Malformed)?;
    if !is_pair(&mut reader, &public, algorithm).ok_or(KeyFlaw::Malformed)? {
        return Err(KeyFlaw::Inconsistent);
    }
    // OpenSSH refuses a comment with a zero byte.
    let comment = reader.string().filter(|comment| !comment.contains(&0)).ok_or(KeyFlaw::Malformed)?;
    // Programs pad to blocks of different sizes.
    let padded = reader.0.iter().zip((1..=u8::MAX).cycle()).all(|(found, expected)| *found == expected);
    if padded { Ok(comment) } else { Err(KeyFlaw::Malformed) }
}

/// Reads up to the comment, and returns whether the private part belongs to the public key.
fn is_pair(reader: &mut WireReader<'_>, public: &[&[u8]], algorithm: &Algorithm) -> Option<bool> {
    // Two numbers that differ after decryption with a wrong passphrase.
    if reader.uint32()? != reader.uint32()? {
        return None;
    }
    let mut own = reader.strings(public.len())?;
    if matches!(algorithm, Algorithm::Rsa { .. }) {
        // The private part has the modulus before the exponent.
        own.swap(1, 2);
    }
    Some(own == public && private_numbers(reader, algorithm, public)?)
}

fn all_strings(blob: &[u8]) -> Option<Vec<&[u8]>> {
    let mut reader = WireReader(blob);
    let mut strings = Vec::new();
    while !reader.is_at_end() {
        strings.push(reader.string()?);
    }
    Some(strings)
}

/// Reads the private numbers. Returns whether they belong to the public key; those of DSA are not checked, and FIDO keys
/// have none.
fn private_numbers(reader: &mut WireReader<'_>, algorithm: &Algorithm, public: &[&[u8]]) -> Option<bool> {
    match algorithm {
        Algorithm::Ed25519 => {
            let (seed, copy) = reader.string()?.split_at_checked(32)?;
            let public = public.last()?;
            Some(copy == *public && is_ed25519_pair(seed, public))
        }
        Algorithm::Ecdsa { curve } => {
            let (number, point) = (reader.mpint()?, public.last()?);
            Some(is_ecdsa_pair(*curve, number, point))
        }
        Algorithm::Rsa { .. } => {
            let [private_exponent, coefficient, p, q] = reader.mpints()?;
            let (modulus, exponent) = (public.get(2)?, public.get(1)?);
            let numbers = RsaNumbers { modulus, exponent, private_exponent, primes: [p, q], coefficient };
            Some(numbers.is_pair(None))
        }
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
            reader.bytes(1)?;
            reader.strings(2).map(|_| true)
        }
        _ => reader.mpint().map(|_| true),
    }
}
