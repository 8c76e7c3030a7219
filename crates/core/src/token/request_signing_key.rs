//! Keys by which clients sign requests with HMAC-SHA1 (RFC 5849, section 3.4.2). Shown once, stored sealed: unlike a client
//! secret, a symmetric key is needed to verify what it signed.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::secret::random_text;
use crate::crypto::SecretText;

/// The prefixes of the secrets, by which secret scanners find a leaked one.
const CONSUMER_PREFIX: &str = "chc_";
const TOKEN_PREFIX: &str = "chs_";
/// Separates the two secrets in the key of the HMAC. Neither contains a character that would be percent-encoded.
const SEPARATOR: char = '&';

/// The consumer secret and the token secret of a client, as the key of an HMAC.
#[derive(Clone, Debug)]
pub struct RequestSigningKey(SecretText);

impl RequestSigningKey {
    /// Generates two secrets of 256 random bits each.
    pub fn generate() -> Self {
        let (consumer, token) = (random_text(CONSUMER_PREFIX), random_text(TOKEN_PREFIX));
        Self(SecretText::new(format!("{}{SEPARATOR}{}", consumer.expose(), token.expose())))
    }

    /// Creates a key from its stored text.
    pub fn from_text(text: SecretText) -> Self {
        Self(text)
    }

    /// Returns the text to store.
    pub fn text(&self) -> &SecretText {
        &self.0
    }

    /// Returns the consumer secret, to show once.
    pub fn consumer_secret(&self) -> &str {
        self.parts().0
    }

    /// Returns the token secret, to show once.
    pub fn token_secret(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.0.expose().split_once(SEPARATOR).unwrap_or_default()
    }

    /// Whether `signature` is the HMAC-SHA1 of a text under this key. Compares in constant time.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub fn verify(&self, text: &SecretText, signature: &[u8]) -> bool {
        let key = self.0.expose().as_bytes();
        let mut hmac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
        hmac.update(text.expose().as_bytes());
        hmac.verify_slice(signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn verifies(key: &str, text: &str, signature: &str) -> bool {
        let key = RequestSigningKey::from_text(SecretText::new(key.into()));
        key.verify(&SecretText::new(text.into()), &STANDARD.decode(signature).unwrap())
    }

    #[test]
    fn a_signature_is_the_hmac_of_the_published_vectors() {
        // RFC 2202, section 3, test case 2.
        let rfc_2202 = STANDARD.encode(hex::decode("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79").unwrap());
        assert!(verifies("Jefe", "what do ya want for nothing?", &rfc_2202));
        // OAuth Core 1.0, appendix A.5.2.
        let text = "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacation.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03\
                    %26oauth_nonce%3Dkllo9940pd9333jh%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1191242096\
                    %26oauth_token%3Dnnch734d00sl2jdk%26oauth_version%3D1.0%26size%3Doriginal";
        let key = "kd94hf93k423kf44&pfkkdhi9sl3r4s00";
        assert!(verifies(key, text, "tR3+Ty81lMeYAr/Fid0kMTYa/WM="));
        assert!(!verifies(key, text, "tR3+Ty81lMeYAr/Fid0kMTYa/WI="));
        assert!(!verifies(key, text, "") && !verifies(key, text, "tR3+Ty81lMeYAr/Fid0kMTYa"), "a part of it");
        assert!(!verifies("kd94hf93k423kf44&", text, "tR3+Ty81lMeYAr/Fid0kMTYa/WM="));
    }

    #[test]
    fn a_generated_key_has_two_secrets_and_prints_neither() {
        let (key, other) = (RequestSigningKey::generate(), RequestSigningKey::generate());
        assert_eq!((key.consumer_secret().len(), key.token_secret().len()), (68, 68));
        assert!(key.consumer_secret().starts_with("chc_") && key.token_secret().starts_with("chs_"));
        assert_ne!(key.consumer_secret()[4..], key.token_secret()[4..]);
        assert_ne!(key.text().expose(), other.text().expose());
        assert_eq!(format!("{key:?}"), "RequestSigningKey([secret])");
        let stored = RequestSigningKey::from_text(key.text().clone());
        assert_eq!(stored.token_secret(), key.token_secret());
    }
}
