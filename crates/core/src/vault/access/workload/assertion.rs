//! Tokens of workloads: JWTs (RFC 7519) that a trusted issuer has signed, checked as RFC 7523, section 3, and RFC 8725 ask.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::failure::WorkloadFailure;
use crate::crypto::SecretText;
use crate::key_set::KeySet;

/// The longest token, in bytes. Those with many groups have a few KiB.
const MAX_LENGTH: usize = 16 * 1024;
/// The tolerated clock difference to the issuer, for tokens that are not valid yet.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// The longest time until a token expires. The id of a used token is kept until then.
const LONGEST: TimeDelta = TimeDelta::days(366);
/// The longest `sub` and `jti`, in bytes.
const MAX_ID: usize = 1024;

/// A token that was parsed. Nothing in it is proven.
pub(super) struct Unverified<'a> {
    token: &'a SecretText,
    algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) issuer: String,
    claims: Map<String, Value>,
}

/// The claims of a token that its issuer has signed and that is valid now.
pub(super) struct Verified {
    pub(super) claims: Map<String, Value>,
    pub(super) subject: String,
    pub(super) jti: Option<String>,
    pub(super) expires_at: DateTime<Utc>,
}

impl<'a> Unverified<'a> {
    /// Parses a token.
    ///
    /// # Errors
    /// [`WorkloadFailure::Malformed`], also for a token that is no proof of identity, or whose header leads to a key.
    pub(super) fn parse(token: &'a SecretText) -> Result<Self, WorkloadFailure> {
        let text = token.expose();
        if text.len() > MAX_LENGTH {
            return Err(WorkloadFailure::Malformed);
        }
        let parsed = jsonwebtoken::dangerous::insecure_decode::<Map<String, Value>>(text);
        let parsed = parsed.map_err(|_| WorkloadFailure::Malformed)?;
        let (header, claims) = (parsed.header, parsed.claims);
        // An access token (`at+jwt`) is meant for another service, and its bearer need not be the workload. `JOSE` is the other
        // name that SPIFFE allows.
        let is_plain =
            header.typ.as_deref().is_none_or(|typ| ["JWT", "JOSE"].iter().any(|own| typ.eq_ignore_ascii_case(own)));
        // Keys come from the issuer, never from the token (RFC 8725, section 3.10).
        let names_key = header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some();
        if !is_plain || names_key || header.crit.is_some() {
            return Err(WorkloadFailure::Malformed);
        }
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or(WorkloadFailure::Malformed)?.to_string();
        Ok(Self { token, algorithm: header.alg, kid: header.kid, issuer, claims })
    }

    /// Whether the token says that it is for this audience.
    pub(super) fn is_for(&self, audience: &str) -> bool {
        is_for(&self.claims, audience)
    }

    /// Checks signature and claims.
    ///
    /// # Errors
    /// [`WorkloadFailure`]
    pub(super) fn verify(
        &self,
        keys: &KeySet,
        audience: &str,
        now: DateTime<Utc>,
    ) -> Result<Verified, WorkloadFailure> {
        let key = keys.find(self.kid.as_deref(), self.algorithm).ok_or(WorkloadFailure::UnknownKey)?;
        let claims: Map<String, Value> = key.verify(self.token.expose()).ok_or(WorkloadFailure::WrongSignature)?;
        let same_issuer = claims.get("iss").and_then(Value::as_str) == Some(self.issuer.as_str());
        if !same_issuer || !is_for(&claims, audience) {
            return Err(WorkloadFailure::UnknownIssuer);
        }
        // Bound to a key whose possession is not proven here: as a bearer token it would be of use to a thief.
        if claims.contains_key("cnf") {
            return Err(WorkloadFailure::Malformed);
        }
        let expires_at = time(&claims, "exp")?.ok_or(WorkloadFailure::MissingClaim)?;
        if expires_at <= now || expires_at > now + LONGEST {
            return Err(WorkloadFailure::Expired);
        }
        for name in ["nbf", "iat"] {
            if time(&claims, name)?.is_some_and(|time| time > now + LEEWAY) {
                return Err(WorkloadFailure::Expired);
            }
        }
        let subject = id(&claims, "sub").ok_or(WorkloadFailure::MissingClaim)?;
        Ok(Verified { subject, jti: id(&claims, "jti"), expires_at, claims })
    }
}

/// Whether `aud` is the audience, or a list that has it.
fn is_for(claims: &Map<String, Value>, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    }
}

/// Returns a claim that is text of 1 to 1024 bytes.
fn id(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = claims.get(name)?.as_str()?;
    (!text.is_empty() && text.len() <= MAX_ID).then(|| text.into())
}

/// Returns a claim that is a time: seconds since 1970, with or without a fraction.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, WorkloadFailure> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite()).ok_or(WorkloadFailure::Malformed)?;
    // Far beyond every time that is accepted, and within what the type holds.
    let micros = (seconds.clamp(0.0, 253_402_300_799.0) * 1e6).floor();
    DateTime::from_timestamp_micros(micros as i64).map(Some).ok_or(WorkloadFailure::Malformed)
}

/// Parses a token and looks for its audience, for the fuzz targets.
pub fn fuzz(text: &str) {
    let token = SecretText::new(text.into());
    let _ = Unverified::parse(&token).map(|token| token.is_for("audience"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::clock::from_micros;

    #[test]
    fn a_time_is_seconds_with_or_without_a_fraction() {
        let read = |value: Value| time(json!({ "exp": value }).as_object().unwrap(), "exp");
        for (value, micros) in [
            (json!(5), 5_000_000),
            (json!(5.25), 5_250_000),
            (json!(-5), 0),
            (json!(1e300), 253_402_300_799_000_000),
            (json!(u64::MAX), 253_402_300_799_000_000),
        ] {
            assert_eq!(read(value.clone()).ok().flatten(), Some(from_micros(micros)), "{value}");
        }
        for value in [json!("5"), json!(null), json!([5]), json!(true)] {
            assert_eq!(read(value.clone()), Err(WorkloadFailure::Malformed), "{value}");
        }
        assert_eq!(time(&Map::new(), "exp"), Ok(None));
    }

    #[test]
    fn an_audience_is_one_or_in_a_list() {
        let fits = |aud: Value| is_for(json!({ "aud": aud }).as_object().unwrap(), "a");
        assert!(fits(json!("a")) && fits(json!(["b", "a"])));
        for other in [json!("b"), json!("a "), json!("A"), json!([]), json!([["a"]]), json!({ "a": "a" }), json!(null)]
        {
            assert!(!fits(other.clone()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>(), header in "[A-Za-z0-9_-]{0,40}", rest in "[A-Za-z0-9_.-]{0,80}") {
            let _ = Unverified::parse(&SecretText::new(text)).err();
            let _ = Unverified::parse(&SecretText::new(format!("{header}.{rest}"))).err();
        }
    }
}
