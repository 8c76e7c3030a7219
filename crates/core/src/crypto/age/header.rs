//! The header of a file: its file key, wrapped for each recipient, and a MAC.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{AgeError, FileKey, Identity, Recipient, derived};

const VERSION: &str = "age-encryption.org/v1";
const STANZA: &str = "-> ";
const X25519: &str = "X25519";
const MAC_LINE: &str = "---";
/// The longest header that is read, in bytes: hundreds of recipients.
const MAX_LENGTH: usize = 256 * 1024;

/// Encodes the header of a file.
pub(super) fn encode(recipients: &[Recipient], file_key: &FileKey) -> Result<Vec<u8>, AgeError> {
    let mut text = format!("{VERSION}\n");
    for recipient in recipients {
        let (share, wrapping) = recipient.wrapping_key()?;
        let wrapped = cipher(&wrapping).encrypt(&Nonce::default(), file_key.as_slice());
        let body = STANDARD_NO_PAD.encode(wrapped.map_err(|_| AgeError::Header)?);
        // 32 bytes are 43 characters, so the body is the last, short line of its stanza.
        text += &format!("{STANZA}{X25519} {}\n{body}\n", STANDARD_NO_PAD.encode(share));
    }
    text += MAC_LINE;
    let mac = mac(file_key, text.as_bytes()).finalize().into_bytes();
    text += &format!(" {}\n", STANDARD_NO_PAD.encode(mac));
    Ok(text.into_bytes())
}

/// Reads a header, and opens the file key by one of the identities.
pub(super) fn decode(input: &mut impl Read, identities: &[Identity]) -> Result<FileKey, AgeError> {
    let mut lines = Lines { input, text: Vec::new() };
    if lines.next()? != VERSION {
        return Err(AgeError::Header);
    }
    let mut found = None;
    loop {
        let line = lines.next()?;
        if let Some(arguments) = line.strip_prefix(STANZA) {
            let body = lines.body()?;
            if found.is_none() {
                found = open_stanza(arguments, &body, identities)?;
            }
            continue;
        }
        let mac_text = line.strip_prefix(MAC_LINE).and_then(|rest| rest.strip_prefix(' ')).ok_or(AgeError::Header)?;
        let expected = STANDARD_NO_PAD.decode(mac_text).map_err(|_| AgeError::Header)?;
        let covered = lines.text.len() - (line.len() - MAC_LINE.len()) - 1;
        let file_key = found.ok_or(AgeError::NoMatch)?;
        mac(&file_key, &lines.text[..covered]).verify_slice(&expected).map_err(|_| AgeError::Header)?;
        return Ok(file_key);
    }
}

/// Opens the file key of a stanza, if it is for one of the identities. A stanza of another kind is for somebody else.
fn open_stanza(arguments: &str, body: &[u8], identities: &[Identity]) -> Result<Option<FileKey>, AgeError> {
    let Some(share) = arguments.strip_prefix(X25519).and_then(|rest| rest.strip_prefix(' ')) else { return Ok(None) };
    let share = STANDARD_NO_PAD.decode(share).map_err(|_| AgeError::Header)?;
    let share: [u8; 32] = share.try_into().map_err(|_| AgeError::Header)?;
    if body.len() != 32 {
        return Err(AgeError::Header);
    }
    for identity in identities {
        let wrapping = identity.wrapping_key(&share).map_err(|_| AgeError::Header)?;
        let opened = cipher(&wrapping).decrypt(&Nonce::default(), body).map(Zeroizing::new);
        if let Ok(opened) = opened {
            let key = opened.as_slice().try_into().map_err(|_| AgeError::Header)?;
            return Ok(Some(FileKey::new(key)));
        }
    }
    Ok(None)
}

fn cipher(key: &Zeroizing<[u8; 32]>) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(**key))
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn mac(file_key: &FileKey, text: &[u8]) -> Hmac<Sha256> {
    let key = derived(file_key.as_slice(), &[], b"header");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length");
    mac.update(text);
    mac
}

/// Reads lines, one byte at a time: what follows the header belongs to the payload.
struct Lines<'a, R> {
    input: &'a mut R,
    text: Vec<u8>,
}

impl<R: Read> Lines<'_, R> {
    fn next(&mut self) -> Result<String, AgeError> {
        let start = self.text.len();
        loop {
            let mut byte = [0];
            self.input.read_exact(&mut byte).map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => AgeError::Header,
                kind => AgeError::Io(kind),
            })?;
            self.text.push(byte[0]);
            if byte[0] == b'\n' {
                let line = self.text[start..self.text.len() - 1].to_vec();
                return String::from_utf8(line).map_err(|_| AgeError::Header);
            }
            if self.text.len() > MAX_LENGTH {
                return Err(AgeError::Header);
            }
        }
    }

    /// Reads the body of a stanza: lines of 64 characters, and a shorter one.
    fn body(&mut self) -> Result<Vec<u8>, AgeError> {
        let mut body = Vec::new();
        loop {
            let line = self.next()?;
            body.extend(STANDARD_NO_PAD.decode(&line).map_err(|_| AgeError::Header)?);
            match line.len() {
                64 => {}
                0..64 => return Ok(body),
                _ => return Err(AgeError::Header),
            }
        }
    }
}
