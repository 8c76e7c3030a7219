//! Data keys, and authenticated encryption of secrets under them.
//!
//! A sealed value is `format (1 byte) | key id (4 bytes, big endian) | nonce (24 bytes) | ciphertext and tag`, by
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha). Its associated data names the kind, the owner and the version, so
//! that a value moved to another row, column or version does not open. A random 192-bit nonce does not repeat in
//! any number of values a vault will hold.

use std::collections::HashMap;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{SecretBytes, random_bytes};

const FORMAT: u8 = 1;
const NONCE_LENGTH: usize = 24;
const HEADER_LENGTH: usize = 1 + 4 + NONCE_LENGTH;

/// The id of a data key.
pub type KeyId = i32;

/// A 256-bit data key. Unencrypted only in memory.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// Generates a key.
    pub fn generate() -> Self {
        Self(random_bytes())
    }

    /// Returns the bytes of the key, to wrap it or to key a MAC.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Derives a key for one purpose, by the first block of HKDF-Expand (RFC 5869). It does not reveal this key.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub fn derive(&self, purpose: &[u8]) -> Self {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        hmac.update(purpose);
        hmac.update(&[1]);
        Self(hmac.finalize().into_bytes().into())
    }

    /// Creates a key from unwrapped bytes.
    ///
    /// # Errors
    /// [`SealError`] for another number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        bytes.try_into().map(Self).map_err(|_| SealError)
    }
}

/// The kind of a secret. Sealed values are bound to its name, so a name in use never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SecretKind {
    /// A credential's password.
    Password,
    /// A credential's TOTP seed.
    TotpSeed,
    /// A credential's additional authentication fields, as one JSON array.
    AuthenticationFields,
    /// A credential's notes.
    Notes,
    /// The text of a protected-information record.
    Information,
    /// The private part of an SSH key.
    SshPrivateKey,
    /// The passphrase of an SSH key.
    SshPassphrase,
    /// The private half of a token signing key.
    TokenSigningKey,
    /// The private half of the key that clients encrypt for what they write.
    TransitKey,
    /// The secret value of a PAM provider's parameter.
    ProviderParameter,
    /// The secret of an entry of a local PAM provider.
    ProviderEntry,
    /// The secrets of a key by which a client signs requests.
    RequestSigningKey,
    /// The values of a secret of an application, as one JSON document.
    ApplicationSecret,
}

impl SecretKind {
    /// All kinds.
    pub const ALL: [SecretKind; 13] = [
        SecretKind::Password,
        SecretKind::TotpSeed,
        SecretKind::AuthenticationFields,
        SecretKind::Notes,
        SecretKind::Information,
        SecretKind::SshPrivateKey,
        SecretKind::SshPassphrase,
        SecretKind::TokenSigningKey,
        SecretKind::TransitKey,
        SecretKind::ProviderParameter,
        SecretKind::ProviderEntry,
        SecretKind::RequestSigningKey,
        SecretKind::ApplicationSecret,
    ];

    /// Returns the kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns the name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            SecretKind::Password => "credential.password",
            SecretKind::TotpSeed => "credential.totp",
            SecretKind::AuthenticationFields => "credential.authentication_fields",
            SecretKind::Notes => "credential.notes",
            SecretKind::Information => "information.content",
            SecretKind::SshPrivateKey => "ssh_key.private_key",
            SecretKind::SshPassphrase => "ssh_key.passphrase",
            SecretKind::TokenSigningKey => "token.signing_key",
            SecretKind::TransitKey => "transit.key",
            SecretKind::ProviderParameter => "provider.parameter",
            SecretKind::ProviderEntry => "provider.entry",
            SecretKind::RequestSigningKey => "authorization.signing_key",
            SecretKind::ApplicationSecret => "application_secret.data",
        }
    }
}

/// The associated data that binds a sealed value to its row and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretBinding {
    /// The kind of the secret.
    pub kind: SecretKind,
    /// The id of the row that owns the secret.
    pub owner: i32,
    /// The version of the secret, from 1.
    pub version: i32,
}

impl SecretBinding {
    fn associated_data(self) -> Vec<u8> {
        let mut data = Vec::with_capacity(48);
        data.extend_from_slice(b"chaveiro/value/");
        data.extend_from_slice(self.kind.as_str().as_bytes());
        data.push(0);
        data.extend_from_slice(&self.owner.to_be_bytes());
        data.extend_from_slice(&self.version.to_be_bytes());
        data
    }
}

/// A value could not be sealed or opened. The cause is hidden on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value cannot be sealed or opened")]
pub struct SealError;

/// The data keys in memory: one seals, all open.
pub struct Keyring {
    active: KeyId,
    ciphers: HashMap<KeyId, XChaCha20Poly1305>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("active", &self.active).field("keys", &self.ciphers.len()).finish()
    }
}

impl Keyring {
    /// Creates a keyring of `keys` that seals under `active`, one of them.
    pub fn new(keys: impl IntoIterator<Item = (KeyId, DataKey)>, active: KeyId) -> Result<Self, SealError> {
        let ciphers: HashMap<_, _> = keys.into_iter().map(|(id, key)| (id, cipher(key.expose()))).collect();
        if ciphers.contains_key(&active) { Ok(Self { active, ciphers }) } else { Err(SealError) }
    }

    /// Returns the id of the key that seals new values.
    pub fn active(&self) -> KeyId {
        self.active
    }

    /// Seals `secret` under the active key, bound to `place`.
    pub fn seal(&self, place: SecretBinding, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let cipher = self.ciphers.get(&self.active).ok_or(SealError)?;
        let mut sealed = Vec::with_capacity(HEADER_LENGTH + secret.len() + 16);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.active.to_be_bytes());
        sealed.extend_from_slice(&encrypt(cipher, secret, &place.associated_data())?);
        Ok(sealed)
    }

    /// Opens a value that [`Keyring::seal`] sealed for the same binding.
    ///
    /// # Errors
    /// [`SealError`] for another binding, an unknown key, and any changed byte.
    pub fn open(&self, place: SecretBinding, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let key_id = read_key_id(sealed)?;
        let cipher = self.ciphers.get(&key_id).ok_or(SealError)?;
        decrypt(cipher, &sealed[5..], &place.associated_data())
    }
}

/// Reads the id of the data key from a sealed value.
pub(super) fn read_key_id(sealed: &[u8]) -> Result<KeyId, SealError> {
    match sealed {
        [FORMAT, a, b, c, d, rest @ ..] if rest.len() >= NONCE_LENGTH => Ok(KeyId::from_be_bytes([*a, *b, *c, *d])),
        _ => Err(SealError),
    }
}

/// Creates the cipher of a 32-byte key.
pub(super) fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key))
}

/// Encrypts under a fresh random nonce. Returns `nonce | ciphertext and tag`.
pub(super) fn encrypt(cipher: &XChaCha20Poly1305, secret: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, SealError> {
    let nonce: [u8; NONCE_LENGTH] = random_bytes();
    let payload = Payload { msg: secret, aad: bound_to };
    let ciphertext = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError)?;
    Ok([nonce.as_slice(), &ciphertext].concat())
}

/// Decrypts the output of [`encrypt`].
pub(super) fn decrypt(cipher: &XChaCha20Poly1305, sealed: &[u8], bound_to: &[u8]) -> Result<SecretBytes, SealError> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError)?;
    let payload = Payload { msg: ciphertext, aad: bound_to };
    cipher.decrypt(&XNonce::from(*nonce), payload).map(SecretBytes::new).map_err(|_| SealError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: SecretBinding = SecretBinding { kind: SecretKind::Password, owner: 7, version: 3 };

    fn keyring() -> Keyring {
        Keyring::new([(1, DataKey([1; 32])), (2, DataKey([2; 32]))], 2).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_unchanged(secret in prop::collection::vec(any::<u8>(), 0..200)) {
            let sealed = keyring().seal(PLACE, &secret).unwrap();
            let opened = keyring().open(PLACE, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), secret.as_slice());
        }

        #[test]
        fn one_flipped_bit_is_an_error(secret in prop::collection::vec(any::<u8>(), 0..40), bit in 0u8..8) {
            let sealed = keyring().seal(PLACE, &secret).unwrap();
            for position in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[position] ^= 1 << bit;
                prop_assert!(keyring().open(PLACE, &changed).is_err(), "byte {}", position);
            }
        }

        #[test]
        fn a_shortened_value_is_an_error(keep in 0usize..45) {
            let sealed = keyring().seal(PLACE, b"secret").unwrap();
            prop_assert!(keyring().open(PLACE, &sealed[..keep.min(sealed.len() - 1)]).is_err());
        }
    }

    #[test]
    fn a_value_opens_only_in_its_own_place() {
        let sealed = keyring().seal(PLACE, b"secret").unwrap();
        for elsewhere in [
            SecretBinding { kind: SecretKind::TotpSeed, ..PLACE },
            SecretBinding { owner: 8, ..PLACE },
            SecretBinding { version: 4, ..PLACE },
        ] {
            assert_eq!(keyring().open(elsewhere, &sealed).unwrap_err(), SealError, "{elsewhere:?}");
        }
    }

    #[test]
    fn an_older_key_still_opens_and_an_unknown_one_does_not() {
        let old = Keyring::new([(1, DataKey([1; 32]))], 1).unwrap();
        let sealed = old.seal(PLACE, b"secret").unwrap();
        assert_eq!(keyring().open(PLACE, &sealed).unwrap().expose(), b"secret");
        let other = Keyring::new([(3, DataKey([1; 32]))], 3).unwrap();
        assert!(other.open(PLACE, &sealed).is_err());
    }

    #[test]
    fn a_keyring_without_its_active_key_is_refused() {
        assert!(Keyring::new([(1, DataKey([1; 32]))], 2).is_err());
    }

    #[test]
    fn a_derived_key_is_that_of_the_rfc_and_of_its_purpose_alone() {
        // HKDF-Expand with SHA-256, a key of 32 times 0b and the info "info", as another implementation computes it.
        let derived = DataKey([0x0b; 32]).derive(b"info");
        assert_eq!(hex::encode(derived.expose()), "a94d229e450f0eed5fb63c8784ee9857293ac9e2278effd4763eb39594454f62");
        assert_ne!(DataKey([0x0b; 32]).derive(b"other").expose(), derived.expose());
        assert_ne!(DataKey([0x0c; 32]).derive(b"info").expose(), derived.expose());
    }

    #[test]
    fn debug_of_a_keyring_shows_no_key() {
        assert_eq!(format!("{:?}", keyring()), "Keyring { active: 2, keys: 2 }");
    }
}
