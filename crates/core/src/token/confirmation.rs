//! The key that a token is bound to: the claim `cnf` (RFC 7800, section 3.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The key that a token is bound to. Only who proves its possession may use the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// The key of a client certificate, by the certificate's fingerprint (RFC 8705, section 3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(KeyDigest),
    /// The key of DPoP proofs, by its thumbprint (RFC 9449, section 6.1).
    #[serde(rename = "jkt")]
    Dpop(KeyDigest),
}

/// A SHA-256 digest of a key or certificate, in base64url where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDigest(pub [u8; 32]);

impl Serialize for KeyDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for KeyDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| de::Error::custom("expected 32 bytes in base64url"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_has_the_members_of_the_rfcs() {
        let digest = KeyDigest([7; 32]);
        for (confirmation, name) in
            [(Confirmation::Certificate(digest), "x5t#S256"), (Confirmation::Dpop(digest), "jkt")]
        {
            let json = serde_json::to_string(&confirmation).unwrap();
            assert_eq!(json, format!(r#"{{"{name}":"{}"}}"#, URL_SAFE_NO_PAD.encode([7; 32])));
            assert_eq!(serde_json::from_str::<Confirmation>(&json).unwrap(), confirmation);
        }
        for json in [r#"{"jkt":"AA"}"#, "{}", r#"{"kid":"x"}"#, r#""jkt""#] {
            assert!(serde_json::from_str::<Confirmation>(json).is_err(), "{json}");
        }
    }
}
