//! PuTTY's format of private keys, versions 2 and 3 (PuTTY's manual, appendix C).

use aws_lc_rs::{digest, hmac};
use ssh_key::PublicKey;
use zeroize::Zeroizing;

use super::KeyFlaw;
use super::armor::decode;
use super::public_key::from_bytes;
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

/// Returns the public key. Checks the MAC of a key that is not encrypted.
pub(super) fn public_key(text: &str) -> Result<PublicKey, KeyFlaw> {
    let file = KeyFile::read(text)?;
    let (mac, mac_key) = (hex::decode(file.mac).map_err(|_| KeyFlaw::Damaged)?, file.mac_key()?);
    let sound = match file.encryption {
        "none" => hmac::verify(&mac_key, &file.authenticated().ok_or(KeyFlaw::Damaged)?, &mac).is_ok(),
        // The MAC is under the passphrase.
        "aes256-cbc" => mac.len() == mac_key.algorithm().tag_len() && file.private.len().is_multiple_of(16),
        _ => false,
    };
    let named = WireReader(&file.public).string() == Some(file.algorithm.as_bytes());
    if !sound || !named {
        return Err(KeyFlaw::Damaged);
    }
    let key = from_bytes(&file.public)?;
    Ok(PublicKey::new(key.key_data().clone(), file.comment))
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
            _ => Err(KeyFlaw::Damaged),
        }
    }

    fn authenticated(&self) -> Option<Zeroizing<Vec<u8>>> {
        let parts: [&[u8]; 5] = [
            self.algorithm.as_bytes(),
            self.encryption.as_bytes(),
            self.comment.as_bytes(),
            &self.public,
            &self.private,
        ];
        let length = parts.iter().map(|part| part.len() + 4).sum();
        let mut data = Zeroizing::new(Vec::with_capacity(length));
        parts.iter().try_for_each(|part| push_string(&mut data, part))?;
        Some(data)
    }
}

/// Reads the line of a field. Returns what follows `name` before the colon, and the value.
fn field<'a>(line: Option<&'a str>, name: &str) -> Result<(&'a str, &'a str), KeyFlaw> {
    let (found, value) = line.and_then(|line| line.split_once(':')).ok_or(KeyFlaw::Damaged)?;
    let more = found.strip_prefix(name).ok_or(KeyFlaw::Damaged)?;
    Ok((more, value.strip_prefix(' ').unwrap_or(value)))
}

/// Reads the number of lines and the lines of base64.
fn block<'a>(lines: &mut impl Iterator<Item = &'a str>, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyFlaw> {
    let (_, count) = field(lines.next(), name)?;
    let count = count.trim_end().parse().map_err(|_| KeyFlaw::Damaged)?;
    let lines: Vec<&str> = lines.take(count).collect();
    if lines.len() < count { Err(KeyFlaw::Damaged) } else { decode(&lines) }
}
