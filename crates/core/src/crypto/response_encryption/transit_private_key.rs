//! The private key of the vault for the transit encryption: clients encrypt for it what they write.

use std::fmt;

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce, Tag};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use zeroize::Zeroizing;

use super::TransitCiphertext;
use crate::crypto::{SealError, SecretBytes, random_bytes};

/// AES-256-GCM with a nonce of 16 bytes: clients encrypt with the initialization vector itself, and decrypt with its
/// hexadecimal digits.
type Cipher = AesGcm<Aes256, U16>;

/// An RSA key pair.
pub struct TransitPrivateKey {
    private: OaepPrivateDecryptingKey,
    public_der: Vec<u8>,
}

impl TransitPrivateKey {
    /// Generates a key and returns it in DER (PKCS #8). 3072 bits are as strong as AES-128 (NIST SP 800-57). Takes up to a few
    /// seconds.
    ///
    /// # Errors
    /// [`SealError`] when the library fails.
    pub fn generate() -> Result<SecretBytes, SealError> {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa3072).map_err(|_| SealError)?;
        Ok(SecretBytes::new(private.as_der().map_err(|_| SealError)?.as_ref().to_vec()))
    }

    /// Parses a key in DER (PKCS #8).
    ///
    /// # Errors
    /// [`SealError`]
    pub fn from_der(der: &SecretBytes) -> Result<Self, SealError> {
        let private = PrivateDecryptingKey::from_pkcs8(der.expose()).map_err(|_| SealError)?;
        let public_der = private.public_key().as_der().map_err(|_| SealError)?.as_ref().to_vec();
        Ok(Self { private: OaepPrivateDecryptingKey::new(private).map_err(|_| SealError)?, public_der })
    }

    /// Returns the public key: a `SubjectPublicKeyInfo` in DER.
    pub fn public_der(&self) -> &[u8] {
        &self.public_der
    }

    /// Decrypts a text. Whether the content key, the tag or the content is wrong cannot be told, from the time either.
    ///
    /// # Errors
    /// [`SealError`]
    pub fn decrypt(&self, sent: TransitCiphertext) -> Result<SecretBytes, SealError> {
        let content_key = self.content_key(&sent.wrapped_key);
        let cipher = Cipher::new_from_slice(content_key.as_slice()).map_err(|_| SealError)?;
        let tag = Tag::try_from(sent.tag.as_slice()).map_err(|_| SealError)?;
        // Decrypted in place; wiped also on failure.
        let mut content = Zeroizing::new(sent.content);
        let text = content.as_mut_slice().into();
        cipher.decrypt_inout_detached(&Nonce::<U16>::from(sent.iv), b"", text, &tag).map_err(|_| SealError)?;
        Ok(SecretBytes::new(std::mem::take(&mut *content)))
    }

    /// Decrypts the content key. A random key stands in for one that does not decrypt, so that this ends as a wrong tag does.
    fn content_key(&self, wrapped: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new(random_bytes::<32>());
        let mut buffer = Zeroizing::new(vec![0; self.private.min_output_size()]);
        let opened = self.private.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut buffer, None);
        if let Ok(opened) = opened
            && let Ok(opened) = <[u8; 32]>::try_from(&*opened)
        {
            *key = opened;
        }
        key
    }
}

impl fmt::Debug for TransitPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransitPrivateKey([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::super::public_key::RsaKey;
    use super::*;

    /// What a client sends: `content_key` encrypted for `key`, and `text` under it.
    fn sent(key: &TransitPrivateKey, content_key: &[u8], text: &[u8]) -> TransitCiphertext {
        let iv = random_bytes::<16>();
        let mut used = [0; 32];
        let length = content_key.len().min(32);
        used[..length].copy_from_slice(&content_key[..length]);
        let mut content = text.to_vec();
        let cipher = Cipher::new_from_slice(&used).unwrap();
        let tag = cipher.encrypt_inout_detached(&Nonce::<U16>::from(iv), b"", content.as_mut_slice().into()).unwrap();
        let wrapped_key = RsaKey::from_spki(key.public_der()).unwrap().wrap(content_key).unwrap();
        TransitCiphertext { content, tag: tag.to_vec(), iv, wrapped_key }
    }

    #[test]
    fn what_a_client_encrypts_opens_and_anything_else_is_one_error() {
        let der = TransitPrivateKey::generate().unwrap();
        let key = TransitPrivateKey::from_der(&der).unwrap();
        let content_key = random_bytes::<32>();
        for text in ["", "{}", "a text of more than one block of the cipher, \u{e9}"] {
            assert_eq!(key.decrypt(sent(&key, &content_key, text.as_bytes())).unwrap().expose(), text.as_bytes());
        }
        let other = TransitPrivateKey::from_der(&TransitPrivateKey::generate().unwrap()).unwrap();
        let changes: [fn(&mut TransitCiphertext); 8] = [
            |sent| sent.content[0] ^= 1,
            |sent| sent.content.truncate(1),
            |sent| sent.tag[15] ^= 1,
            |sent| sent.tag.truncate(15),
            |sent| sent.iv[0] ^= 1,
            |sent| sent.wrapped_key[0] ^= 1,
            |sent| sent.wrapped_key.truncate(10),
            |sent| sent.wrapped_key.clear(),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut sent = sent(&key, &content_key, b"secret");
            change(&mut sent);
            assert_eq!(key.decrypt(sent).unwrap_err(), SealError, "{number}");
        }
        for length in [0, 16, 31, 33] {
            let sent = sent(&key, &vec![7; length], b"secret");
            assert_eq!(key.decrypt(sent).unwrap_err(), SealError, "a content key of {length} bytes");
        }
        assert_eq!(key.decrypt(sent(&other, &content_key, b"secret")).unwrap_err(), SealError);
        assert!(TransitPrivateKey::from_der(&SecretBytes::new(b"nonsense".to_vec())).is_err());
        assert_eq!(format!("{key:?}"), "TransitPrivateKey([secret])");
    }
}
