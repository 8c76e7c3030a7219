//! The transit encryption of Robocorp's secret API (`robocloud-vault-transit-v2`): content under AES-256-GCM, the content key by
//! RSA-OAEP with SHA-256, for a key that the client sends with its request (contract facades, section 4). What a client writes is
//! encrypted for the key of the vault ([`TransitPrivateKey`](super::TransitPrivateKey)).

use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use zeroize::Zeroizing;

use super::ResponseKeyError;
use super::public_key::RsaKey;
use crate::crypto::{SealError, random_bytes};

/// AES-256-GCM with a nonce of 32 bytes: clients decrypt with the hexadecimal digits of the initialization vector.
type Cipher = AesGcm<Aes256, U32>;

/// A public RSA key of 2048 to 8192 bits that a client has made for its requests.
#[derive(Debug)]
pub struct TransitKey(RsaKey);

/// An encrypted text.
#[derive(Debug)]
pub struct TransitCiphertext {
    /// The encrypted content.
    pub content: Vec<u8>,
    /// The authentication tag of the content.
    pub tag: Vec<u8>,
    /// The initialization vector.
    pub iv: [u8; 16],
    /// The encrypted content key.
    pub wrapped_key: Vec<u8>,
}

impl TransitKey {
    /// Parses a key: a `SubjectPublicKeyInfo` in DER, with the public exponent 65537.
    ///
    /// # Errors
    /// [`ResponseKeyError`]
    pub fn from_der(der: &[u8]) -> Result<Self, ResponseKeyError> {
        RsaKey::from_spki(der).map(Self)
    }

    /// Encrypts a text under a new content key.
    ///
    /// # Errors
    /// [`SealError`]
    pub fn encrypt(&self, text: &[u8]) -> Result<TransitCiphertext, SealError> {
        let content_key = Zeroizing::new(random_bytes::<32>());
        let iv = random_bytes::<16>();
        let nonce = Nonce::<U32>::try_from(hex::encode(iv).as_bytes()).map_err(|_| SealError)?;
        let cipher = Cipher::new_from_slice(content_key.as_slice()).map_err(|_| SealError)?;
        // Encrypted in place; wiped also on failure.
        let mut content = Zeroizing::new(text.to_vec());
        let tag = cipher.encrypt_inout_detached(&nonce, b"", content.as_mut_slice().into()).map_err(|_| SealError)?;
        let wrapped_key = self.0.wrap(content_key.as_slice())?;
        Ok(TransitCiphertext { content: std::mem::take(&mut *content), tag: tag.to_vec(), iv, wrapped_key })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};

    use super::*;

    #[test]
    fn the_private_key_opens_what_was_encrypted_and_no_two_are_alike() {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let key = TransitKey::from_der(private.public_key().as_der().unwrap().as_ref()).unwrap();
        let private = OaepPrivateDecryptingKey::new(private).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for text in ["", "{}", "a text of more than one block of the cipher, \u{e9}"] {
            let sent = key.encrypt(text.as_bytes()).unwrap();
            let mut buffer = vec![0; private.min_output_size()];
            let opened = private.decrypt(&OAEP_SHA256_MGF1SHA256, &sent.wrapped_key, &mut buffer, None).unwrap();
            let cipher = Cipher::new_from_slice(opened).unwrap();
            let nonce = Nonce::<U32>::try_from(hex::encode(sent.iv).as_bytes()).unwrap();
            let mut content = sent.content.clone();
            let tag = sent.tag.as_slice().try_into().unwrap();
            cipher.decrypt_inout_detached(&nonce, b"", content.as_mut_slice().into(), &tag).unwrap();
            assert_eq!(content, text.as_bytes());
            assert!(seen.insert(opened.to_vec()));
        }
    }

    #[test]
    fn only_rsa_keys_of_a_sound_size_and_the_usual_exponent_are_taken() {
        assert_eq!(TransitKey::from_der(b"").unwrap_err(), ResponseKeyError::Malformed);
        let curve = rcgen::KeyPair::generate().unwrap();
        assert_eq!(
            TransitKey::from_der(&rcgen::PublicKeyData::subject_public_key_info(&curve)).unwrap_err(),
            ResponseKeyError::Algorithm
        );
    }
}
