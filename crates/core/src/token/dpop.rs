//! DPoP proofs (RFC 9449): JWTs by which a client proves, for one request, the possession of the key that its token is bound
//! to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::VerifyingKey;

/// The media type of a proof, its header `typ`.
const TYPE: &str = "dpop+jwt";
/// How long a proof is accepted after it was made, in seconds: clients have no exact clocks. It is good for one use anyway.
const MAX_AGE: f64 = 300.0;
/// How far the clock of a client may be ahead, in seconds.
const LEEWAY: f64 = 60.0;
/// The longest `jti`, in bytes.
const MAX_ID: usize = 512;

/// Why a proof is refused (RFC 9449, section 4.3). A client sees one answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// Not a proof: header or claims are missing or of another kind.
    #[error("malformed")]
    Malformed,
    /// The key is not a supported public key, or the signature is not of this key.
    #[error("wrong signature")]
    Signature,
    /// It is for another method or another URL.
    #[error("wrong method or URL")]
    Target,
    /// It was not made for this access token.
    #[error("wrong access token")]
    Token,
    /// It is too old, or of the future.
    #[error("wrong time")]
    Time,
}

/// What a proof has to be for.
#[derive(Clone, Copy, Debug)]
pub struct DpopTarget<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The URLs that clients may know it by, without query and fragment.
    pub urls: &'a [Url],
    /// The access token of the request; `None` at the token endpoint.
    pub token: Option<&'a str>,
}

/// A proof whose signature and claims are right. It may be used once.
#[derive(Debug, PartialEq, Eq)]
pub struct DpopProof {
    /// The thumbprint of the key (RFC 7638).
    pub thumbprint: [u8; 32],
    /// The claim `jti`.
    pub id: String,
    /// From when on it is refused as too old.
    pub expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Header {
    typ: String,
    jwk: Value,
    crit: Option<Value>,
}

/// The claims. The time is seconds since 1970, and may have a fraction.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    ath: Option<String>,
}

/// Verifies a proof.
///
/// # Errors
/// [`DpopError`].
pub fn verify_dpop_proof(proof: &str, target: DpopTarget<'_>, now: DateTime<Utc>) -> Result<DpopProof, DpopError> {
    let header = header(proof).filter(|header| header.crit.is_none()).ok_or(DpopError::Malformed)?;
    let key = VerifyingKey::from_jwk(&header.jwk).map_err(|_| DpopError::Signature)?;
    let claims: Value = key.verify(proof).ok_or(DpopError::Signature)?;
    let claims: Claims = serde_json::from_value(claims).map_err(|_| DpopError::Malformed)?;
    if claims.jti.is_empty() || claims.jti.len() > MAX_ID {
        return Err(DpopError::Malformed);
    }
    if claims.htm != target.method || !matches_any(&claims.htu, target.urls) {
        return Err(DpopError::Target);
    }
    let expected = target.token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
    if expected.is_some() && claims.ath != expected {
        return Err(DpopError::Token);
    }
    let seconds = now.timestamp_millis() as f64 / 1000.0;
    // Written so that a time that is no number is refused.
    let valid = claims.iat <= seconds + LEEWAY && seconds < claims.iat + MAX_AGE;
    let ends = (claims.iat + MAX_AGE).ceil();
    let expires_at = DateTime::from_timestamp(ends as i64, 0).filter(|_| valid).ok_or(DpopError::Time)?;
    Ok(DpopProof { thumbprint: key.thumbprint(), id: claims.jti, expires_at })
}

fn header(proof: &str) -> Option<Header> {
    let (encoded, _) = proof.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    header.typ.eq_ignore_ascii_case(TYPE).then_some(header)
}

/// Whether the claim `htu` is one of the URLs. Both are normalized by parsing, and a query or fragment of the claim is
/// ignored (RFC 9449, section 4.3).
fn matches_any(claimed: &str, urls: &[Url]) -> bool {
    Url::parse(claimed).is_ok_and(|mut claimed| {
        claimed.set_query(None);
        claimed.set_fragment(None);
        urls.contains(&claimed)
    })
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
    use serde_json::json;

    use super::*;
    use crate::clock::from_micros;

    const NOW: i64 = 1_800_000_000;
    const URL: &str = "https://vault.example/iso/pam/credential/erp";
    const TOKEN: &str = "a.b.c";

    fn pair() -> KeyPair {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
    }

    fn jwk(pair: &KeyPair) -> Value {
        serde_json::from_str(VerifyingKey::parse(&pair.public_key_pem()).unwrap().jwk()).unwrap()
    }

    /// Signs any header, as `jsonwebtoken` would not.
    fn sign(pair: &KeyPair, header: &Value, claims: &Value) -> String {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).unwrap();
        format!("{message}.{signature}")
    }

    fn with(mut object: Value, changes: &Value) -> Value {
        for (name, value) in changes.as_object().unwrap() {
            object[name] = value.clone();
        }
        object
    }

    fn check(header: &Value, claims: &Value) -> Result<DpopProof, DpopError> {
        let pair = pair();
        let header = with(json!({ "typ": TYPE, "alg": "ES256", "jwk": jwk(&pair) }), header);
        let ath = URL_SAFE_NO_PAD.encode(Sha256::digest(TOKEN));
        let claims = with(json!({ "jti": "1", "htm": "GET", "htu": URL, "iat": NOW, "ath": ath }), claims);
        let urls = [Url::parse(URL).unwrap()];
        let target = DpopTarget { method: "GET", urls: &urls, token: Some(TOKEN) };
        verify_dpop_proof(&sign(&pair, &header, &claims), target, from_micros(NOW * 1_000_000))
    }

    #[test]
    fn a_proof_is_for_one_method_url_and_token_at_its_time() {
        for claims in [
            json!({}),
            json!({ "htu": "https://VAULT.example:443/iso/pam/credential/erp?a=b#c" }),
            json!({ "iat": NOW - 299 }),
            json!({ "iat": NOW + 60 }),
            json!({ "iat": NOW as f64 - 0.5 }),
        ] {
            assert!(check(&json!({}), &claims).is_ok(), "{claims}");
        }
        for (claims, error) in [
            (json!({ "htm": "POST" }), DpopError::Target),
            (json!({ "htm": "get" }), DpopError::Target),
            (json!({ "htu": "http://vault.example/iso/pam/credential/erp" }), DpopError::Target),
            (json!({ "htu": "https://vault.example:444/iso/pam/credential/erp" }), DpopError::Target),
            (json!({ "htu": "https://vault.example/iso/pam/credential/erp2" }), DpopError::Target),
            (json!({ "htu": "/iso/pam/credential/erp" }), DpopError::Target),
            (json!({ "ath": URL_SAFE_NO_PAD.encode(Sha256::digest("other")) }), DpopError::Token),
            (json!({ "ath": null }), DpopError::Token),
            (json!({ "iat": NOW - 300 }), DpopError::Time),
            (json!({ "iat": NOW + 61 }), DpopError::Time),
            (json!({ "iat": 1e300 }), DpopError::Time),
            (json!({ "iat": "now" }), DpopError::Malformed),
            (json!({ "jti": "" }), DpopError::Malformed),
            (json!({ "jti": "x".repeat(513) }), DpopError::Malformed),
            (json!({ "htu": null }), DpopError::Malformed),
        ] {
            assert_eq!(check(&json!({}), &claims).err(), Some(error), "{claims}");
        }
    }

    #[test]
    fn the_header_is_that_of_a_proof_with_its_own_public_key() {
        assert!(check(&json!({ "typ": "DPoP+JWT" }), &json!({})).is_ok());
        for (header, error) in [
            (json!({ "typ": "JWT" }), DpopError::Malformed),
            (json!({ "typ": null }), DpopError::Malformed),
            (json!({ "jwk": null }), DpopError::Signature),
            (json!({ "crit": ["x"] }), DpopError::Malformed),
            (json!({ "jwk": jwk(&pair()) }), DpopError::Signature),
            (json!({ "jwk": with(jwk(&pair()), &json!({ "d": "AA" })) }), DpopError::Signature),
            (json!({ "alg": "none" }), DpopError::Signature),
            (json!({ "alg": "HS256" }), DpopError::Signature),
        ] {
            assert_eq!(check(&header, &json!({})).err(), Some(error), "{header}");
        }
    }

    #[test]
    fn what_is_no_jwt_is_malformed() {
        let target = DpopTarget { method: "GET", urls: &[], token: None };
        for text in ["", ".", "a.b.c", "e30.e30.", "\u{0}"] {
            assert_eq!(verify_dpop_proof(text, target, from_micros(0)).err(), Some(DpopError::Malformed), "{text}");
        }
    }
}
