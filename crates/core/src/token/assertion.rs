//! Client assertions: JWTs by which a client authenticates with its own key (`private_key_jwt`; RFC 7523, sections 2.2 and
//! 3).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::VerifyingKey;

/// The greatest difference of the clocks, in seconds.
const LEEWAY: f64 = 30.0;
/// The longest time to the expiry of an assertion, in seconds.
const MAX_LIFETIME: f64 = 600.0;
/// The longest `jti`, in bytes.
const MAX_ID: usize = 512;

/// Why an assertion is refused. A client sees one answer for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a JWT with the required claims.
    #[error("malformed")]
    Malformed,
    /// The signature is of none of the keys.
    #[error("wrong signature")]
    Signature,
    /// Issuer and subject are not the client.
    #[error("wrong issuer or subject")]
    Subject,
    /// It is for another audience.
    #[error("wrong audience")]
    Audience,
    /// Expired, not valid yet, or valid for longer than ten minutes.
    #[error("wrong time")]
    Time,
}

/// The audience: one or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The claims. Times are seconds since 1970, and may have a fraction (RFC 7519, section 2).
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    jti: String,
}

/// An assertion whose signature and claims are right. It may be used once.
#[derive(Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The claim `jti`.
    pub id: String,
    /// From when on it is refused as expired.
    pub expires_at: DateTime<Utc>,
}

/// Returns the client that an assertion says it is of. Nothing is verified.
pub fn claimed_client(jwt: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    jsonwebtoken::dangerous::insecure_decode::<Subject>(jwt).ok().map(|token| token.claims.sub)
}

/// Verifies an assertion of `client_id` that is for one of `audiences`, by any of its keys.
///
/// # Errors
/// [`AssertionError`].
pub fn verify_assertion<'a>(
    jwt: &str,
    keys: impl IntoIterator<Item = &'a VerifyingKey>,
    client_id: &str,
    audiences: &[String],
    now: DateTime<Utc>,
) -> Result<Assertion, AssertionError> {
    let claims: serde_json::Value =
        keys.into_iter().find_map(|key| key.verify(jwt)).ok_or(AssertionError::Signature)?;
    let claims: Claims = serde_json::from_value(claims).map_err(|_| AssertionError::Malformed)?;
    if claims.iss != client_id || claims.sub != client_id {
        return Err(AssertionError::Subject);
    }
    let sent = match &claims.aud {
        Audience::One(audience) => std::slice::from_ref(audience),
        Audience::Several(audiences) => audiences,
    };
    if !sent.iter().any(|audience| audiences.contains(audience)) {
        return Err(AssertionError::Audience);
    }
    if claims.jti.is_empty() || claims.jti.len() > MAX_ID {
        return Err(AssertionError::Malformed);
    }
    let now = now.timestamp_millis() as f64 / 1000.0;
    let begins = [claims.nbf, claims.iat].into_iter().flatten().fold(f64::NEG_INFINITY, f64::max);
    // Written so that a time that is no number is refused.
    let valid = claims.exp + LEEWAY > now && begins <= now + LEEWAY && claims.exp <= now + MAX_LIFETIME + LEEWAY;
    let ends = (claims.exp + LEEWAY).ceil();
    let expires_at = DateTime::from_timestamp(ends as i64, 0).filter(|_| valid).ok_or(AssertionError::Time)?;
    Ok(Assertion { id: claims.jti, expires_at })
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use rcgen::{KeyPair, PKCS_ED25519};
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::from_micros;

    const NOW: i64 = 1_800_000_000;
    const AUDIENCE: &str = "https://vault.example/oauth2/token";

    struct Signer {
        pair: KeyPair,
        key: VerifyingKey,
    }

    impl Signer {
        fn new() -> Self {
            let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
            let key = VerifyingKey::parse(&pair.public_key_pem()).unwrap();
            Self { pair, key }
        }

        fn sign(&self, claims: &Value) -> String {
            let key = EncodingKey::from_ed_der(&self.pair.serialize_der());
            jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
        }
    }

    fn claims(changes: &Value) -> Value {
        let mut claims = json!({
            "iss": "c", "sub": "c", "aud": AUDIENCE, "exp": NOW + 60, "iat": NOW, "jti": "1"
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    #[test]
    fn an_assertion_is_of_its_client_for_us_and_short() {
        let (signer, other) = (Signer::new(), Signer::new());
        let check = |changes: Value| {
            let jwt = signer.sign(&claims(&changes));
            let keys = [&other.key, &signer.key];
            verify_assertion(&jwt, keys, "c", &[AUDIENCE.into()], from_micros(NOW * 1_000_000)).err()
        };
        let accepted = [
            json!({}),
            json!({ "aud": ["https://other.example", AUDIENCE] }),
            json!({ "exp": NOW - 29 }),
            json!({ "exp": NOW + 630 }),
            json!({ "iat": NOW + 30, "nbf": NOW + 30 }),
            json!({ "exp": NOW as f64 + 0.5, "iat": null }),
        ];
        for changes in accepted {
            assert_eq!(check(changes.clone()), None, "{changes}");
        }
        for (changes, error) in [
            (json!({ "iss": "d" }), AssertionError::Subject),
            (json!({ "sub": "d" }), AssertionError::Subject),
            (json!({ "sub": "C" }), AssertionError::Subject),
            (json!({ "aud": "https://vault.example" }), AssertionError::Audience),
            (json!({ "aud": [] }), AssertionError::Audience),
            (json!({ "exp": NOW - 30 }), AssertionError::Time),
            (json!({ "exp": NOW + 631 }), AssertionError::Time),
            (json!({ "exp": 1e300 }), AssertionError::Time),
            (json!({ "nbf": NOW + 31 }), AssertionError::Time),
            (json!({ "iat": NOW + 31 }), AssertionError::Time),
            (json!({ "exp": null }), AssertionError::Malformed),
            (json!({ "jti": null }), AssertionError::Malformed),
            (json!({ "jti": "" }), AssertionError::Malformed),
            (json!({ "jti": "x".repeat(513) }), AssertionError::Malformed),
        ] {
            assert_eq!(check(changes.clone()), Some(error), "{changes}");
        }
    }

    #[test]
    fn only_a_key_of_the_client_verifies() {
        let (signer, other) = (Signer::new(), Signer::new());
        let jwt = signer.sign(&claims(&json!({})));
        let now = from_micros(NOW * 1_000_000);
        let verified = |keys: &[&VerifyingKey]| {
            verify_assertion(&jwt, keys.iter().copied(), "c", &[AUDIENCE.into()], now).map(|assertion| assertion.id)
        };
        assert_eq!(verified(&[&signer.key]), Ok("1".into()));
        assert_eq!(verified(&[&other.key]), Err(AssertionError::Signature));
        assert_eq!(verified(&[]), Err(AssertionError::Signature));
        assert_eq!(claimed_client(&jwt).as_deref(), Some("c"));
        assert_eq!(claimed_client("x.y.z"), None);
    }
}
