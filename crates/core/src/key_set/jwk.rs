//! JWK sets: the keys that can verify a signature with an asymmetric algorithm. Others are skipped.

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::Value;

use crate::token::{VerifyingKey, VerifyingKeyError};

/// The most keys of a set, so that a large one does not slow down each token.
const MAX_KEYS: usize = 100;

/// Why a text is no key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JSON object with an array `keys`.
    #[error("expected a JWK set: a JSON object with the array keys")]
    NotASet,
    /// More than the greatest number of keys.
    #[error("a JWK set must not have more than {MAX_KEYS} keys")]
    TooMany,
    /// A private or symmetric key: what is to be public is not.
    #[error("a JWK set of an issuer must have public keys only; this one has a private or symmetric key")]
    PrivateKey,
    /// No key that can verify signatures.
    #[error("the JWK set has no key for signatures: RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519")]
    NoUsableKey,
}

/// The keys of an issuer.
#[derive(Clone, Debug)]
pub struct KeySet(Vec<Key>);

#[derive(Clone)]
struct Key {
    kid: Option<String>,
    /// The only algorithm that the issuer uses the key with, if it says so.
    algorithm: Option<Algorithm>,
    key: VerifyingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl KeySet {
    /// Parses a JWK set. Skips keys that cannot verify signatures, as RFC 7517, section 5, asks.
    ///
    /// # Errors
    /// [`KeySetError`]
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        // serde reads a struct from an array, too.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(KeySetError::NotASet);
        }
        let Document { keys } = serde_json::from_str(text).map_err(|_| KeySetError::NotASet)?;
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let keys: Vec<Key> = keys.iter().filter_map(|key| Key::parse(key).transpose()).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(Self(keys)) }
    }

    /// Whether a key has this id. A token without one needs no other set.
    pub fn knows(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| self.0.iter().any(|key| key.kid.as_deref().is_none_or(|own| own == kid)))
    }

    /// Returns the key that verifies a token with this header. A token without `kid` is accepted if the issuer has one key
    /// only, and a key without `kid` if it is the only one.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&VerifyingKey> {
        let named = |key: &&Key| kid.is_some() && key.kid.as_deref() == kid && key.is_for(algorithm);
        let only = || match self.0.as_slice() {
            [key] if kid.is_none() || key.kid.is_none() => Some(key),
            _ => None,
        };
        let key = self.0.iter().find(named).or_else(only)?;
        key.is_for(algorithm).then_some(&key.key)
    }
}

impl Key {
    /// Reads a key. `None` for one that cannot verify signatures.
    fn parse(jwk: &Value) -> Result<Option<Self>, KeySetError> {
        #[derive(Deserialize)]
        struct About {
            kid: Option<String>,
            alg: Option<String>,
            #[serde(rename = "use")]
            usage: Option<String>,
            key_ops: Option<Vec<String>>,
        }
        let key = match VerifyingKey::from_jwk(jwk) {
            Ok(key) => key,
            Err(VerifyingKeyError::Private) => return Err(KeySetError::PrivateKey),
            Err(VerifyingKeyError::Malformed | VerifyingKeyError::Unsupported) => return Ok(None),
        };
        let Ok(about) = About::deserialize(jwk) else { return Ok(None) };
        // `jwt-svid` is the use of these keys in a bundle of SPIFFE.
        let signs = about.usage.as_deref().is_none_or(|usage| matches!(usage, "sig" | "jwt-svid"))
            && about.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        let algorithm = match about.alg.map(|name| name.parse::<Algorithm>()) {
            None => None,
            Some(Ok(algorithm)) if key.algorithms().contains(&algorithm) => Some(algorithm),
            Some(_) => return Ok(None),
        };
        Ok(signs.then_some(Self { kid: about.kid, algorithm, key }))
    }

    /// Whether the key may verify this algorithm: one of its type (RFC 8725, section 3.1).
    fn is_for(&self, algorithm: Algorithm) -> bool {
        self.key.algorithms().contains(&algorithm) && self.algorithm.is_none_or(|only| only == algorithm)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    const RSA: &[Algorithm] =
        &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

    fn base64(length: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0x81; length])
    }

    fn rsa(bits: usize) -> Value {
        json!({ "kty": "RSA", "kid": "r", "n": base64(bits / 8), "e": "AQAB" })
    }

    fn ec(curve: &str, length: usize) -> Value {
        json!({ "kty": "EC", "kid": "e", "crv": curve, "x": base64(length), "y": base64(length) })
    }

    fn with(mut key: Value, more: Value) -> Value {
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
        KeySet::parse(&json!({ "keys": keys }).to_string())
    }

    #[test]
    fn a_key_verifies_the_algorithms_of_its_type_alone() {
        let ed = json!({ "kty": "OKP", "kid": "d", "crv": "Ed25519", "x": base64(32) });
        let table: [(Value, &[Algorithm]); 7] = [
            (rsa(2048), RSA),
            (rsa(8192), RSA),
            (with(rsa(3072), json!({ "alg": "PS256", "use": "sig" })), &[Algorithm::PS256]),
            (with(rsa(2048), json!({ "use": "jwt-svid" })), RSA),
            (ec("P-256", 32), &[Algorithm::ES256]),
            (with(ec("P-384", 48), json!({ "key_ops": ["verify"] })), &[Algorithm::ES384]),
            (ed, &[Algorithm::EdDSA]),
        ];
        let all = [RSA, &[Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::HS256]].concat();
        for (key, expected) in table {
            let parsed = set(std::slice::from_ref(&key)).unwrap();
            let kid = key["kid"].as_str();
            let found: Vec<Algorithm> = all.iter().copied().filter(|one| parsed.find(kid, *one).is_some()).collect();
            assert_eq!(found, expected, "{key}");
        }
    }

    #[test]
    fn unusable_keys_are_skipped() {
        let unusable = [
            rsa(1024),
            rsa(2040),
            rsa(16_384),
            with(rsa(2048), json!({ "use": "enc" })),
            with(rsa(2048), json!({ "use": "x509-svid" })),
            with(rsa(2048), json!({ "key_ops": ["encrypt"] })),
            with(rsa(2048), json!({ "alg": "ES256" })),
            with(rsa(2048), json!({ "alg": "HS256" })),
            with(rsa(2048), json!({ "alg": "none" })),
            with(rsa(2048), json!({ "alg": "RSA-OAEP" })),
            with(rsa(2048), json!({ "kid": 5 })),
            ec("P-521", 66),
            ec("secp256k1", 32),
            ec("P-256", 48),
            ec("P-256", 31),
            json!({ "kty": "OKP", "crv": "X25519", "x": base64(32) }),
            json!({ "kty": "new" }),
            json!(5),
        ];
        for key in &unusable {
            assert_eq!(set(std::slice::from_ref(key)).err(), Some(KeySetError::NoUsableKey), "{key}");
        }
        let some = set(&[&unusable[..], &[ec("P-256", 32)]].concat()).unwrap();
        assert!(some.find(Some("e"), Algorithm::ES256).is_some() && some.0.len() == 1);
    }

    #[test]
    fn a_document_that_is_no_set_of_public_keys_is_refused() {
        for text in ["", "[]", "[[]]", "{}", "null", r#"{"keys": {}}"#, r#"{"keys": []} {}"#, "-----BEGIN"] {
            assert_eq!(KeySet::parse(text).err(), Some(KeySetError::NotASet), "{text}");
        }
        assert_eq!(set(&[]).err(), Some(KeySetError::NoUsableKey));
        for private in [with(rsa(2048), json!({ "d": "x" })), json!({ "kty": "oct", "k": "AAAA" })] {
            assert_eq!(set(&[rsa(2048), private]).err(), Some(KeySetError::PrivateKey));
        }
        assert_eq!(set(&vec![rsa(2048); MAX_KEYS + 1]).err(), Some(KeySetError::TooMany));
        assert!(set(&vec![rsa(2048); MAX_KEYS]).is_ok());
    }

    #[test]
    fn a_token_names_its_key_unless_there_is_one() {
        let algorithm = Algorithm::ES256;
        let anonymous = json!({ "kty": "EC", "crv": "P-256", "x": base64(32), "y": base64(32) });
        let finds = |keys: &[Value], kid| set(keys).unwrap().find(kid, algorithm).is_some();
        let (one, other) = (ec("P-256", 32), with(ec("P-256", 32), json!({ "kid": "other" })));
        assert!(finds(std::slice::from_ref(&one), None) && finds(std::slice::from_ref(&one), Some("e")));
        assert!(!finds(std::slice::from_ref(&one), Some("x")));
        assert!(finds(std::slice::from_ref(&anonymous), Some("x")) && finds(std::slice::from_ref(&anonymous), None));
        let two = [one, other];
        assert!(finds(&two, Some("e")) && finds(&two, Some("other")) && !finds(&two, None) && !finds(&two, Some("x")));
        let knows = |kid| set(&two).unwrap().knows(kid);
        assert!(knows(None) && knows(Some("e")) && !knows(Some("x")));
    }
}
