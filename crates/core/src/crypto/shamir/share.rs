//! A share of a root key, and its text: Bech32 (BIP 173), whose checksum tells a typing error at entry.

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KEY_LENGTH, ShareScheme};
use crate::crypto::SecretText;
use crate::text::bech32;

const PREFIX: &str = "chv-share";
const VERSION: u8 = 1;
const SPLIT_LENGTH: usize = 8;
/// Version, split, threshold, index and value.
const LENGTH: usize = 1 + SPLIT_LENGTH + 1 + 1 + KEY_LENGTH;
const DIGEST_PURPOSE: &[u8] = b"chaveiro/root key share/1";

/// The random id of one split. All shares of it have the same one, and it reveals nothing of the key.
pub(super) type SplitId = [u8; SPLIT_LENGTH];

/// A text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a share: expected the text that begins with chv-share1, without typing errors")]
pub struct MalformedShare;

/// One share of a root key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootKeyShare {
    #[zeroize(skip)]
    pub(super) split: SplitId,
    #[zeroize(skip)]
    pub(super) threshold: u8,
    /// The point of the polynomials, from 1.
    #[zeroize(skip)]
    pub(super) index: u8,
    /// The value of the polynomial of each byte of the key there.
    pub(super) value: [u8; KEY_LENGTH],
}

impl std::fmt::Debug for RootKeyShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootKeyShare({} [secret])", hex::encode(self.split))
    }
}

impl RootKeyShare {
    /// Parses the text of a share, in one case, upper or lower.
    ///
    /// # Errors
    /// [`MalformedShare`]
    pub fn parse(text: &str) -> Result<Self, MalformedShare> {
        let bytes = bech32::decode_key::<LENGTH>(PREFIX, text.trim()).map(Zeroizing::new).ok_or(MalformedShare)?;
        let Some((&[VERSION], rest)) = bytes.split_first_chunk() else { return Err(MalformedShare) };
        let Some((split, rest)) = rest.split_first_chunk() else { return Err(MalformedShare) };
        let Some((&[threshold, index], value)) = rest.split_first_chunk() else { return Err(MalformedShare) };
        let Ok(value) = value.try_into() else { return Err(MalformedShare) };
        if threshold < ShareScheme::MIN_THRESHOLD || index == 0 {
            return Err(MalformedShare);
        }
        Ok(Self { split: *split, threshold, index, value })
    }

    /// Returns the text.
    pub fn text(&self) -> SecretText {
        SecretText::new(bech32::encode_key(PREFIX, &self.bytes()))
    }

    /// Returns how many shares give the key.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Returns a digest that tells whether a share is this one. The value is 32 random bytes, so nobody finds it by the digest.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::new().chain_update(DIGEST_PURPOSE).chain_update(*self.bytes()).finalize().into()
    }

    fn bytes(&self) -> Zeroizing<[u8; LENGTH]> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let (head, value) = bytes.split_at_mut(LENGTH - KEY_LENGTH);
        head[0] = VERSION;
        head[1..=SPLIT_LENGTH].copy_from_slice(&self.split);
        head[SPLIT_LENGTH + 1] = self.threshold;
        head[SPLIT_LENGTH + 2] = self.index;
        value.copy_from_slice(&self.value);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By another program, after BIP 173.
    const KNOWN: &str = "chv-share1q9ehqmrfwskkjeqrq4d95kj6tfd95kj6tfd95kj6tfd95kj6tfd95kj6tfd95kj6tfd95d5hujs";

    fn share(value: [u8; 32]) -> RootKeyShare {
        RootKeyShare { split: *b"split-id", threshold: 3, index: 5, value }
    }

    #[test]
    fn the_text_of_a_share_is_known() {
        // 85 characters: within the 90 for which Bech32 tells every error of up to four letters.
        let text = share([0x5a; 32]).text();
        assert_eq!(text.expose(), KNOWN);
        assert_eq!(RootKeyShare::parse(KNOWN).unwrap().value, [0x5a; 32]);
        assert!(RootKeyShare::parse(&format!(" {}\r\n", KNOWN.to_uppercase())).is_ok());
    }

    #[test]
    fn what_is_no_share_is_refused_without_being_shown() {
        let encode = |bytes: [u8; LENGTH]| bech32::encode_key(PREFIX, &bytes);
        let good = *share([7; 32]).bytes();
        for (at, byte) in [(0, 0), (0, 2), (SPLIT_LENGTH + 1, 0), (SPLIT_LENGTH + 1, 1), (SPLIT_LENGTH + 2, 0)] {
            let mut bytes = good;
            bytes[at] = byte;
            assert_eq!(RootKeyShare::parse(&encode(bytes)).unwrap_err(), MalformedShare, "{at} {byte}");
        }
        for text in
            ["", "hunter2", "chv-share1", &bech32::encode_key(PREFIX, &[1; 32]), &bech32::encode_key("age", &good)]
        {
            assert!(!RootKeyShare::parse(text).unwrap_err().to_string().contains("hunter2"), "{text}");
        }
        assert!(!format!("{:?}", share([7; 32])).contains("7, 7"));
    }

    proptest! {
        #[test]
        fn every_share_comes_back_and_one_changed_letter_is_an_error(value: [u8; 32], at in 10usize..85) {
            let text = share(value).text();
            let parsed = RootKeyShare::parse(text.expose()).unwrap();
            prop_assert_eq!((parsed.value, parsed.index, parsed.threshold), (value, 5, 3));
            prop_assert_eq!(parsed.digest(), share(value).digest());
            let mut letters = text.expose().as_bytes().to_vec();
            letters[at] = if letters[at] == b'q' { b'p' } else { b'q' };
            prop_assert!(RootKeyShare::parse(&String::from_utf8(letters).unwrap()).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in "(chv-share1)?[a-z0-9]{0,90}") {
            let _ = RootKeyShare::parse(&text);
        }
    }
}
