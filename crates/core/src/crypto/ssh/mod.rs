//! SSH keys as text: properties of a public key, and whether a private key belongs to it.
//!
//! Keys are read in every format that OpenSSH, OpenSSL and PuTTY write, and in every wrapping. What is stored and
//! returned is the text that was sent; reading only decides whether it is a key, and of which pair.

mod armor;
mod der;
mod error;
mod numbers;
mod openssh;
mod private_key;
mod public_key;
mod putty;
#[cfg(test)]
mod tests;
mod wire;

use ssh_key::HashAlg;
use ssh_key::public::{EcdsaPublicKey, KeyData};

pub use error::{KeyFlaw, SshKeyError};

use super::SecretText;

/// Properties of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKeyFacts {
    /// The algorithm's name, as in `ssh-ed25519`.
    pub algorithm: String,
    /// The size in bits, if known for the algorithm.
    pub bits: Option<u32>,
    /// The fingerprint, `SHA256:…`, as ssh-keygen prints it.
    pub fingerprint: String,
    /// The comment.
    pub comment: String,
}

/// Returns the properties of a public key, or `None` when the text is not a public key.
pub fn ssh_key_facts(public_key: &str) -> Option<SshKeyFacts> {
    let key = public_key::read(public_key).ok()?;
    Some(SshKeyFacts {
        algorithm: key.algorithm().as_str().into(),
        bits: bits(key.key_data()),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        comment: key.comment().into(),
    })
}

/// Checks that two keys are a pair. Returns the public key: `public_key`, or else the one derived from the private key.
///
/// # Errors
/// What is wrong with one of the keys. Of an encrypted private key only the public part is checked, if it has one.
pub fn check_ssh_pair(private_key: &SecretText, public_key: Option<&str>) -> Result<String, SshKeyError> {
    let sent = public_key.map(public_key::read).transpose().map_err(SshKeyError::PublicKey)?;
    let own = private_key::public_key(private_key.expose()).map_err(SshKeyError::PrivateKey)?;
    match (public_key.zip(sent), own) {
        (Some((_, sent)), Some(own)) if sent.key_data() != own.key_data() => {
            Err(SshKeyError::PublicKey(KeyFlaw::OtherPair))
        }
        (Some((text, _)), _) => Ok(text.into()),
        (None, Some(own)) => own.to_openssh().map_err(|_| SshKeyError::NotDerivable),
        (None, None) => Err(SshKeyError::NotDerivable),
    }
}

/// Returns the public key that a private key needs in place of `known`: `None` if `known` belongs to it.
///
/// # Errors
/// What is wrong with the private key; [`SshKeyError::NotDerivable`] for one that does not tell its public key.
pub fn changed_ssh_public_key(private_key: &SecretText, known: &str) -> Result<Option<String>, SshKeyError> {
    let own = private_key::public_key(private_key.expose()).map_err(SshKeyError::PrivateKey)?;
    let own = own.ok_or(SshKeyError::NotDerivable)?;
    if public_key::read(known).is_ok_and(|known| known.key_data() == own.key_data()) {
        return Ok(None);
    }
    own.to_openssh().map(Some).map_err(|_| SshKeyError::NotDerivable)
}

/// Returns the public key of a private key as a line, with the options and the comment of the key that it replaces.
///
/// # Errors
/// As [`changed_ssh_public_key`].
pub fn succeeding_ssh_public_key(private_key: &SecretText, replaced: &str) -> Result<String, SshKeyError> {
    let own = private_key::public_key(private_key.expose()).map_err(SshKeyError::PrivateKey)?;
    let mut own = own.ok_or(SshKeyError::NotDerivable)?;
    if let Ok(replaced) = public_key::read(replaced) {
        own.set_comment(replaced.comment());
    }
    let line = own.to_openssh().map_err(|_| SshKeyError::NotDerivable)?;
    Ok(format!("{}{line}", public_key::options(replaced)))
}

fn bits(key: &KeyData) -> Option<u32> {
    match key {
        KeyData::Rsa(key) => mpint_bits(&key.n),
        KeyData::Dsa(key) => mpint_bits(&key.p),
        KeyData::Ecdsa(EcdsaPublicKey::NistP256(_)) | KeyData::Ed25519(_) => Some(256),
        KeyData::SkEcdsaSha2NistP256(_) | KeyData::SkEd25519(_) => Some(256),
        KeyData::Ecdsa(EcdsaPublicKey::NistP384(_)) => Some(384),
        KeyData::Ecdsa(EcdsaPublicKey::NistP521(_)) => Some(521),
        _ => None,
    }
}

fn mpint_bits(number: &ssh_key::Mpint) -> Option<u32> {
    let bytes = number.as_positive_bytes()?;
    let first = bytes.first()?;
    u32::try_from(bytes.len()).ok()?.checked_mul(8)?.checked_sub(first.leading_zeros())
}
