//! PuTTY's format of private keys, versions 2 and 3 (PuTTY's manual, appendix C).

use aws_lc_rs::{digest, hmac};
use ssh_key::{Algorithm, PublicKey};
use zeroize::Zeroizing;

use super::KeyFlaw;
use super::armor::decode;
use super::numbers::{RsaNumbers, is_ecdsa_pair, is_ed25519_pair};
use super::public_key::{from_bytes, with_comment};
use super::wire::{WireReader, push_string};

/// The first characters of a key.
pub(super) const HEADER: &str = "PuTTY-User-Key-File-";

/// The fields of a key, in their order.
struct KeyFile<'a> {
    version: &'a str,
    algorithm: &'a str,
    encryption: &'a str,
    comment: &'a str,
    public: Zeroizing<Vec<u8>>,
    private: Zeroizing<Vec<u8>>,
    mac: &'a str,
}

/// Returns the public key. Of a key that is not encrypted, checks the MAC and that it is a pair.
pub(super) fn public_key(text: &str) -> Result<PublicKey, KeyFlaw> {
    let file = KeyFile::read(text)?;
    let (mac, mac_key) = (hex::decode(file.mac).map_err(|_| KeyFlaw::WrongMac)?, file.mac_key()?);
    let key = from_bytes(&file.public)?;
    if WireReader(&file.public).string() != Some(file.algorithm.as_bytes()) {
        return Err(KeyFlaw::Malformed);
    }
    match file.encryption {
        "none" if !file.has_mac(&mac_key, &mac)? => return Err(KeyFlaw::WrongMac),
        "none" if !file.is_pair(&key.algorithm()).ok_or(KeyFlaw::Malformed)? => return Err(KeyFlaw::Inconsistent),
        "none" => {}
        // The MAC is under the passphrase.
        "aes256-cbc" if mac.len() != mac_key.algorithm().tag_len() => return Err(KeyFlaw::WrongMac),
        "aes256-cbc" if !file.private.len().is_multiple_of(16) => return Err(KeyFlaw::Malformed),
        "aes256-cbc" => {}
        _ => return Err(KeyFlaw::UnknownCipher),
    }
    Ok(with_comment(key, file.comment.as_bytes()))
}

impl<'a> KeyFile<'a> {
    fn read(text: &'a str) -> Result<Self, KeyFlaw> {
        let mut lines =
            text.lines().filter(|line| !line.trim().is_empty()).skip_while(|line| !line.starts_with(HEADER));
        let (version, algorithm) = field(lines.next(), HEADER)?;
        let (_, encryption) = field(lines.next(), "Encryption")?;
        let (_, comment) = field(lines.next(), "Comment")?;
        let public = block(&mut lines, "Public-Lines")?;
        if version == "3" && encryption != "none" {
            for name in ["Key-Derivation", "Argon2-Memory", "Argon2-Passes", "Argon2-Parallelism", "Argon2-Salt"] {
                field(lines.next(), name)?;
            }
        }
        let private = block(&mut lines, "Private-Lines")?;
        let (_, mac) = field(lines.next(), "Private-MAC")?;
        Ok(Self { version, algorithm, encryption, comment, public, private, mac: mac.trim_end() })
    }

    /// The key of the MAC of a key file without a passphrase.
    fn mac_key(&self) -> Result<hmac::Key, KeyFlaw> {
        match self.version {
            "2" => {
                let key = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, b"putty-private-key-file-mac-key");
                Ok(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_ref()))
            }
            "3" => Ok(hmac::Key::new(hmac::HMAC_SHA256, b"")),
            _ => Err(KeyFlaw::OtherFormat),
        }
    }

    /// Whether the MAC is that of the content. It covers the bytes of the comment, which PuTTY before 0.82 wrote in the
    /// encoding of the system.
    fn has_mac(&self, key: &hmac::Key, mac: &[u8]) -> Result<bool, KeyFlaw> {
        let latin1: Option<Vec<u8>> = self.comment.chars().map(|character| u8::try_from(character).ok()).collect();
        for comment in [Some(self.comment.as_bytes()), latin1.as_deref()].into_iter().flatten() {
            let content = self.authenticated(comment).ok_or(KeyFlaw::Malformed)?;
            if hmac::verify(key, &content, mac).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the private numbers belong to the public key; those of DSA are not checked.
    fn is_pair(&self, algorithm: &Algorithm) -> Option<bool> {
        let (mut public, mut private) = (WireReader(&self.public), WireReader(&self.private));
        public.string()?;
        match algorithm {
            Algorithm::Rsa { .. } => {
                let ([exponent, modulus], [private_exponent, p, q, coefficient]) =
                    (public.mpints()?, private.mpints()?);
                let numbers = RsaNumbers { modulus, exponent, private_exponent, primes: [p, q], coefficient };
                Some(numbers.is_pair(None))
            }
            Algorithm::Ed25519 => {
                // In little endian, and without the zeros of its end in old versions.
                let mut seed = Zeroizing::new([0; 32]);
                let number = private.string()?;
                seed.get_mut(..number.len())?.copy_from_slice(number);
                Some(is_ed25519_pair(&*seed, public.string()?))
            }
            Algorithm::Ecdsa { curve } => {
                public.string()?;
                Some(is_ecdsa_pair(*curve, private.mpint()?, public.string()?))
            }
            Algorithm::Dsa => private.mpint().map(|_| true),
            _ => None,
        }
    }

    fn authenticated(&self, comment: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let parts: [&[u8]; 5] =
            [self.algorithm.as_bytes(), self.encryption.as_bytes(), comment, &self.public, &self.private];
        let length = parts.iter().map(|part| part.len() + 4).sum();
        let mut data = Zeroizing::new(Vec::with_capacity(length));
        parts.iter().try_for_each(|part| push_string(&mut data, part))?;
        Some(data)
    }
}

/// Reads the line of a field. Returns what follows `name` before the colon, and the value.
fn field<'a>(line: Option<&'a str>, name: &str) -> Result<(&'a str, &'a str), KeyFlaw> {
    let (found, value) = line.and_then(|line| line.split_once(':')).ok_or(KeyFlaw::Malformed)?;
    let more = found.strip_prefix(name).ok_or(KeyFlaw::Malformed)?;
    Ok((more, value.strip_prefix(' ').unwrap_or(value)))
}

/// Reads the number of lines and the lines of base64.
fn block<'a>(lines: &mut impl Iterator<Item = &'a str>, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyFlaw> {
    let (_, count) = field(lines.next(), name)?;
    let count = count.trim_end().parse().map_err(|_| KeyFlaw::Malformed)?;
    let lines: Vec<&str> = lines.take(count).collect();
    if lines.len() < count { Err(KeyFlaw::Malformed) } else { decode(&lines) }
}
