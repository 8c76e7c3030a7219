//! Data keys, and authenticated encryption of secrets under them.
//!
//! A sealed value is `format (1 byte) | key id (4 bytes, big endian) | nonce (24 bytes) | ciphertext and tag`, by
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha). Its associated data names the kind, the owner and the version, so
//! that a value moved to another row, column or version does not open. Two of 2^n random 192-bit nonces are equal with a
//! probability below 2^(2n-193). `docs/keys.md` has the formats and the limits.

use std::collections::HashMap;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{SecretBinding, SecretBytes, hkdf, random_bytes};

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
    pub fn derive(&self, purpose: &[u8]) -> Self {
        Self(*hkdf::expand(&self.0, purpose))
    }

    /// Creates a key from unwrapped bytes.
    ///
    /// # Errors
    /// [`SealError`] for another number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        bytes.try_into().map(Self).map_err(|_| SealError)
    }
}

/// A value could not be sealed or opened. The cause is hidden on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value cannot be sealed or opened")]
pub struct SealError;

/// The data keys in memory: the current one seals, all open.
#[derive(Clone)]
pub struct Keyring {
    current: KeyId,
    ciphers: HashMap<KeyId, XChaCha20Poly1305>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("current", &self.current).field("keys", &self.ciphers.len()).finish()
    }
}

impl Keyring {
    /// Creates a keyring of `keys` that seals under `current`, one of them.
    pub fn new(keys: impl IntoIterator<Item = (KeyId, DataKey)>, current: KeyId) -> Result<Self, SealError> {
        let ciphers: HashMap<_, _> = keys.into_iter().map(|(id, key)| (id, cipher(key.expose()))).collect();
        if ciphers.contains_key(&current) { Ok(Self { current, ciphers }) } else { Err(SealError) }
    }

    /// Returns the id of the key that seals new values.
    pub fn current(&self) -> KeyId {
        self.current
    }

    /// Whether the keyring has a key.
    pub fn contains(&self, key: KeyId) -> bool {
        self.ciphers.contains_key(&key)
    }

    /// Whether the keyring has the key of a sealed value. Also true for bytes without a header, which no key opens.
    pub fn has_key_of(&self, sealed: &[u8]) -> bool {
        sealing_key(sealed).is_ok_and(|key| self.contains(key)) || sealing_key(sealed).is_err()
    }

    /// Returns the ids of the keys, in order.
    pub fn ids(&self) -> Vec<KeyId> {
        let mut ids: Vec<KeyId> = self.ciphers.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Adds a key. A key of the same id stays.
    pub fn insert(&mut self, id: KeyId, key: &DataKey) {
        self.ciphers.entry(id).or_insert_with(|| cipher(key.expose()));
    }

    /// Removes a key, also the current one: then nothing is sealed until there is another.
    pub fn discard(&mut self, id: KeyId) {
        self.ciphers.remove(&id);
    }

    /// Removes a key that is not the current one.
    pub fn remove(&mut self, id: KeyId) {
        if id != self.current {
            self.ciphers.remove(&id);
        }
    }

    /// Makes a key of the keyring the one that seals. Returns false when the keyring does not have it.
    pub fn set_current(&mut self, id: KeyId) -> bool {
        let has_key = self.contains(id);
        if has_key {
            self.current = id;
        }
        has_key
    }

    /// Seals `secret` under the current key, bound to `place`.
    pub fn seal(&self, place: SecretBinding, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let cipher = self.ciphers.get(&self.current).ok_or(SealError)?;
        let mut sealed = Vec::with_capacity(HEADER_LENGTH + secret.len() + 16);
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.current.to_be_bytes());
        sealed.extend_from_slice(&encrypt(cipher, secret, &place.associated_data())?);
        Ok(sealed)
    }

    /// Opens a value that [`Keyring::seal`] sealed for the same binding.
    ///
    /// # Errors
    /// [`SealError`] for another binding, an unknown key, and any changed byte.
    pub fn open(&self, place: SecretBinding, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let key_id = sealing_key(sealed)?;
        let cipher = self.ciphers.get(&key_id).ok_or(SealError)?;
        decrypt(cipher, &sealed[5..], &place.associated_data())
    }
}

/// Reads from the header of a sealed value the id of the data key that it is sealed under.
pub fn sealing_key(sealed: &[u8]) -> Result<KeyId, SealError> {
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
    use crate::crypto::SecretKind;

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
    fn a_keyring_without_its_current_key_is_refused() {
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
        assert_eq!(format!("{:?}", keyring()), "Keyring { current: 2, keys: 2 }");
    }

    proptest! {
        /// Whatever keys come and go: every value opens that is under a key of the keyring, and none under another one.
        #[test]
        fn values_open_as_long_as_their_key_is_there(steps in prop::collection::vec((0u8..3, 1..6i32), 0..40)) {
            let key = |id: KeyId| DataKey([u8::try_from(id).unwrap(); 32]);
            let mut keyring = Keyring::new([(1, key(1))], 1).unwrap();
            let mut values = Vec::new();
            for (step, id) in steps {
                match step {
                    0 => keyring.insert(id, &key(id)),
                    1 => keyring.remove(id),
                    _ => prop_assert_eq!(keyring.set_current(id), keyring.contains(id)),
                }
                prop_assert!(keyring.contains(keyring.current()));
                let secret = id.to_be_bytes();
                let sealed = keyring.seal(PLACE, &secret).unwrap();
                prop_assert_eq!(sealing_key(&sealed).unwrap(), keyring.current());
                values.push((secret, sealed));
                for (secret, sealed) in &values {
                    let opened = keyring.open(PLACE, sealed).ok().map(|opened| opened.expose().to_vec());
                    prop_assert_eq!(opened, keyring.has_key_of(sealed).then(|| secret.to_vec()));
                }
            }
        }

        /// Equal secrets never have an equal nonce or ciphertext.
        #[test]
        fn no_nonce_repeats(count in 2usize..200) {
            let sealed: Vec<_> = (0..count).map(|_| keyring().seal(PLACE, b"secret").unwrap()).collect();
            let nonces: std::collections::HashSet<&[u8]> = sealed.iter().map(|sealed| &sealed[5..29]).collect();
            prop_assert_eq!(nonces.len(), count);
        }
    }

    /// Two vaults that were restored from one backup seal under one key, at the same time. This shows that a nonce depends neither
    /// on the key nor on a counter or a seed that both would begin with. That random nonces do not repeat is arithmetic, above.
    #[test]
    #[ignore = "a million values; cargo test --lib of_two_restored_vaults -- --ignored"]
    fn the_nonces_of_two_restored_vaults_do_not_repeat() {
        let seal = || {
            let keyring = keyring();
            let nonce = |_| <[u8; NONCE_LENGTH]>::try_from(&keyring.seal(PLACE, b"secret").unwrap()[5..29]).unwrap();
            (0..500_000).map(nonce).collect::<Vec<_>>()
        };
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(seal);
            (seal(), other.join().unwrap())
        });
        let nonces: std::collections::HashSet<_> = one.into_iter().chain(other).collect();
        assert_eq!(nonces.len(), 1_000_000);
    }
}
