//! Public keys that verify what clients sign: assertions (RFC 7523) and proofs of possession (RFC 9449).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use pkcs1::RsaPublicKeyRef;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use spki::der::{Decode, Document};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

/// The longest signed text that is read. Tokens of workloads with many groups have more than 8 KiB.
const MAX_LENGTH: usize = 16 * 1024;
/// The members of private and symmetric keys (RFC 7518, section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Bytes of the modulus of an RSA key: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Names of the algorithms of signatures, most wanted first. Symmetric ones and `none` are not among them.
pub const SIGNATURE_ALGORITHMS: [&str; 9] =
    ["ES256", "EdDSA", "ES384", "PS256", "RS256", "PS384", "RS384", "PS512", "RS512"];

/// Why a key is refused. The text repeats nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.expected())]
pub enum VerifyingKeyError {
    /// The key holds private or symmetric parts.
    Private,
    /// Not a public key in JWK or PEM.
    Malformed,
    /// An algorithm or size that is not supported.
    Unsupported,
}

impl VerifyingKeyError {
    /// Returns what is expected of a key.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Private => {
                "this holds a private or symmetric key, which the vault must not have: hand in the public key"
            }
            Self::Malformed => "expected one public key, as a JWK or in PEM (-----BEGIN PUBLIC KEY-----)",
            Self::Unsupported => "expected a P-256, P-384 or Ed25519 key, or an RSA key of 2048 to 8192 bits",
        }
    }
}

/// A public key.
#[derive(Clone)]
pub struct VerifyingKey {
    key: DecodingKey,
    algorithms: &'static [Algorithm],
    /// A JWK with the members that identify the key, in the form of RFC 7638, section 3.
    jwk: String,
}

impl VerifyingKey {
    /// Reads a key in JWK or PEM.
    ///
    /// # Errors
    /// [`VerifyingKeyError`].
    pub fn parse(text: &str) -> Result<Self, VerifyingKeyError> {
        let text = text.trim();
        if text.contains("PRIVATE KEY-----") {
            return Err(VerifyingKeyError::Private);
        }
        if text.starts_with("-----BEGIN") {
            return Self::from_pem(text);
        }
        let jwk = serde_json::from_str(text).map_err(|_| VerifyingKeyError::Malformed)?;
        Self::from_jwk(&jwk)
    }

    /// Reads a JWK (RFC 7517).
    ///
    /// # Errors
    /// [`VerifyingKeyError`].
    pub fn from_jwk(jwk: &Value) -> Result<Self, VerifyingKeyError> {
        if PRIVATE.iter().any(|member| jwk.get(member).is_some()) {
            return Err(VerifyingKeyError::Private);
        }
        let text = |member: &str| jwk.get(member).and_then(Value::as_str);
        let bytes = |member| {
            let encoded = text(member).ok_or(VerifyingKeyError::Malformed)?;
            URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).map_err(|_| VerifyingKeyError::Malformed)
        };
        match (text("kty"), text("crv")) {
            (Some("RSA"), _) => Self::rsa(&bytes("n")?, &bytes("e")?),
            (Some("EC"), Some(curve)) => Self::elliptic(curve, &bytes("x")?, &bytes("y")?),
            (Some("OKP"), Some("Ed25519")) => Self::edwards(&bytes("x")?),
            (Some(_), _) => Err(VerifyingKeyError::Unsupported),
            (None, _) => Err(VerifyingKeyError::Malformed),
        }
    }

    fn from_pem(pem: &str) -> Result<Self, VerifyingKeyError> {
        let malformed = |_| VerifyingKeyError::Malformed;
        let (label, document) = Document::from_pem(pem).map_err(malformed)?;
        if label != "PUBLIC KEY" {
            return Err(VerifyingKeyError::Malformed);
        }
        let info = SubjectPublicKeyInfoRef::from_der(document.as_bytes()).map_err(malformed)?;
        let key = info.subject_public_key.as_bytes().ok_or(VerifyingKeyError::Malformed)?;
        let curve = || info.algorithm.parameters_oid().ok();
        match info.algorithm.oid {
            RSA => {
                let numbers = RsaPublicKeyRef::from_der(key).map_err(|_| VerifyingKeyError::Malformed)?;
                Self::rsa(numbers.modulus.as_bytes(), numbers.public_exponent.as_bytes())
            }
            EC if curve() == Some(P256) => Self::point("P-256", key),
            EC if curve() == Some(P384) => Self::point("P-384", key),
            ED25519 => Self::edwards(key),
            _ => Err(VerifyingKeyError::Unsupported),
        }
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, VerifyingKeyError> {
        let first = modulus.iter().position(|byte| *byte != 0).unwrap_or(modulus.len());
        let modulus = &modulus[first..];
        if !RSA_BYTES.contains(&modulus.len()) || exponent.len() > 8 {
            return Err(VerifyingKeyError::Unsupported);
        }
        Ok(Self {
            key: DecodingKey::from_rsa_raw_components(modulus, exponent),
            algorithms: &[
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            jwk: format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url(exponent), base64url(modulus)),
        })
    }

    /// Reads an uncompressed point.
    fn point(curve: &str, point: &[u8]) -> Result<Self, VerifyingKeyError> {
        let Some((4, coordinates)) = point.split_first().map(|(form, rest)| (*form, rest)) else {
            return Err(VerifyingKeyError::Unsupported);
        };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        Self::elliptic(curve, x, y)
    }

    fn elliptic(curve: &str, x: &[u8], y: &[u8]) -> Result<Self, VerifyingKeyError> {
        let (length, algorithms): (usize, &'static [Algorithm]) = match curve {
            "P-256" => (32, &[Algorithm::ES256]),
            "P-384" => (48, &[Algorithm::ES384]),
            _ => return Err(VerifyingKeyError::Unsupported),
        };
        if x.len() != length || y.len() != length {
            return Err(VerifyingKeyError::Malformed);
        }
        let point = [&[4], x, y].concat();
        let jwk = format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, base64url(x), base64url(y));
        Ok(Self { key: DecodingKey::from_ec_der(&point), algorithms, jwk })
    }

    fn edwards(x: &[u8]) -> Result<Self, VerifyingKeyError> {
        if x.len() != 32 {
            return Err(VerifyingKeyError::Malformed);
        }
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(x));
        Ok(Self { key: DecodingKey::from_ed_der(x), algorithms: &[Algorithm::EdDSA], jwk })
    }

    /// Returns the algorithms of signatures of this type of key.
    pub fn algorithms(&self) -> &'static [Algorithm] {
        self.algorithms
    }

    /// Returns the key as a JWK with the members that identify it.
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// Returns the thumbprint of the key (RFC 7638, SHA-256).
    pub fn thumbprint(&self) -> [u8; 32] {
        Sha256::digest(&self.jwk).into()
    }

    /// Whether a JWT says that it is signed by a key of this type.
    pub fn fits(&self, jwt: &str) -> bool {
        jsonwebtoken::decode_header(jwt).is_ok_and(|header| self.algorithms.contains(&header.alg))
    }

    /// Returns the claims of a JWT whose signature is of this key. The claims themselves are not checked.
    pub fn verify<T: DeserializeOwned>(&self, jwt: &str) -> Option<T> {
        if jwt.len() > MAX_LENGTH {
            return None;
        }
        let header = jsonwebtoken::decode_header(jwt).ok()?;
        let algorithm = header.alg;
        // No extension is understood, so one that has to be is refused (RFC 7515, section 4.1.11).
        if header.crit.is_some() || !self.algorithms.contains(&algorithm) {
            return None;
        }
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode(jwt, &self.key, &validation).ok().map(|token| token.claims)
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("VerifyingKey").field(&base64url(&self.thumbprint())).finish()
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7638, section 3.1.
    const RSA_JWK: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        let key = VerifyingKey::parse(RSA_JWK).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(key.thumbprint()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037, appendix A.3.
        let edwards = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let key = VerifyingKey::parse(edwards).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(key.thumbprint()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.jwk(), VerifyingKey::parse(key.jwk()).unwrap().jwk());
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        for (text, error) in [
            ("", VerifyingKeyError::Malformed),
            ("{}", VerifyingKeyError::Malformed),
            ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", VerifyingKeyError::Malformed),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", VerifyingKeyError::Private),
            (r#"{"kty":"oct","k":"AAAA"}"#, VerifyingKeyError::Private),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}"#, VerifyingKeyError::Private),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, VerifyingKeyError::Malformed),
            (r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, VerifyingKeyError::Unsupported),
            (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, VerifyingKeyError::Unsupported),
            (r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#, VerifyingKeyError::Unsupported),
            (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, VerifyingKeyError::Malformed),
        ] {
            assert_eq!(VerifyingKey::parse(text).err(), Some(error), "{text}");
        }
    }

    #[test]
    fn a_signature_of_a_shared_secret_is_never_accepted() {
        // The public key as the secret of HMAC: the old confusion of algorithms (RFC 8725, section 2.1).
        let key = VerifyingKey::parse(RSA_JWK).unwrap();
        let header = jsonwebtoken::Header::new(Algorithm::HS256);
        let secret = jsonwebtoken::EncodingKey::from_secret(key.jwk().as_bytes());
        let forged = jsonwebtoken::encode(&header, &json!({ "sub": "x" }), &secret).unwrap();
        assert!(key.verify::<Value>(&forged).is_none());
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode("{}"));
        assert!(key.verify::<Value>(&unsigned).is_none());
    }
}
