//! Files that are encrypted to public keys, in the format age version 1 (<https://c2sp.org/age>) with X25519 recipients.
//!
//! Any implementation of age opens them: a backup does not depend on this program. The format is small and fixed, and its
//! primitives are here already; the crate `age` would bring some fifty others.

mod header;
mod key;
mod payload;

use std::io::{Read, Write};

use zeroize::Zeroizing;

pub use key::{Identity, IdentityError, Recipient};
pub use payload::{Decryptor, Encryptor};

use super::{hkdf, random_bytes};

/// Random bytes of one file, from which its keys are derived.
type FileKey = Zeroizing<[u8; 16]>;

/// Why a file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// The file is no age file, or its header is damaged.
    #[error("the header is no header of an age file, or damaged")]
    Header,
    /// The identity is of none of the recipients.
    #[error("the identity is of none of the recipients of this file")]
    NoMatch,
    /// A recipient is no point that a key can be agreed with.
    #[error("a recipient is no public key")]
    Recipient,
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(std::io::ErrorKind),
}

impl From<std::io::Error> for AgeError {
    fn from(error: std::io::Error) -> Self {
        AgeError::Io(error.kind())
    }
}

/// Writes the header of a file for `recipients`, and returns the writer of its content. [`Encryptor::finish`] ends the file.
///
/// # Errors
/// [`AgeError::Recipient`], [`AgeError::Io`].
pub fn encrypt<W: Write>(recipients: &[Recipient], mut output: W) -> Result<Encryptor<W>, AgeError> {
    let file_key = FileKey::new(random_bytes());
    output.write_all(&header::encode(recipients, &file_key)?)?;
    let nonce: [u8; payload::NONCE_LENGTH] = random_bytes();
    output.write_all(&nonce)?;
    Ok(Encryptor::new(output, &file_key, &nonce))
}

/// Reads the header of a file, and returns the reader of its content.
///
/// The reader fails with [`std::io::ErrorKind::InvalidData`] for a changed byte, and with [`std::io::ErrorKind::UnexpectedEof`] for a missing end.
///
/// # Errors
/// [`AgeError`].
pub fn decrypt<R: Read>(identities: &[Identity], mut input: R) -> Result<Decryptor<R>, AgeError> {
    let file_key = header::decode(&mut input, identities)?;
    let mut nonce = [0; payload::NONCE_LENGTH];
    input.read_exact(&mut nonce).map_err(|_| AgeError::Header)?;
    Ok(Decryptor::new(input, &file_key, &nonce))
}

/// Derives the key for one purpose.
fn derived(secret: &[u8], salt: &[u8], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    hkdf::expand(&hkdf::extract(salt, secret), purpose)
}

#[cfg(test)]
mod tests;
