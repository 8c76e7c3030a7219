//! Access tokens: JWTs (RFC 7519) of the profile `at+jwt` (RFC 9068), signed with Ed25519 (RFC 8037).
//!
//! Tokens are not stored. Checking a signature costs more than the rest of a request, so the claims of a valid token
//! are cached by its digest. Expiry and revocation are checked on every use.

mod assertion;
mod confirmation;
mod dpop;
mod request_signing_key;
mod secret;
mod session;
mod static_token;
mod verifying_key;

pub use assertion::{Assertion, AssertionError, claimed_client, verify_assertion};
pub use confirmation::{Confirmation, KeyDigest};
pub use dpop::{DpopError, DpopProof, DpopTarget, verify_dpop_proof};
pub use request_signing_key::RequestSigningKey;
pub use secret::{ClientSecret, SecretHash};
pub use session::SessionTokens;
pub use static_token::StaticToken;
pub use verifying_key::{SIGNATURE_ALGORITHMS, VerifyingKey, VerifyingKeyError};

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::crypto::{SecretBytes, SecretText, random_bytes};

const TYPE: &str = "at+jwt";
/// The maximum length of a token. Issued tokens are shorter; a longer one is rejected unread.
const MAX_TOKEN_LENGTH: usize = 2048;
/// The tolerated clock difference to the issuing node, in seconds.
const LEEWAY: i64 = 30;
const CACHED_TOKENS: usize = 16_384;

/// The claims of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer: the vault.
    pub iss: String,
    /// The subject: the client id.
    pub sub: String,
    /// The audience.
    pub aud: String,
    /// The time of issue, in seconds since 1970.
    pub iat: i64,
    /// The start of validity, in seconds since 1970.
    pub nbf: i64,
    /// The expiry, in seconds since 1970.
    pub exp: i64,
    /// The id of the token, for revocation.
    pub jti: String,
    /// The client id.
    pub client_id: String,
    /// Always empty; clients of the older system expect the field.
    pub scopes: Vec<String>,
    /// The key that the token is bound to; `None`: whoever has the token may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// A key pair that signs tokens.
pub struct SigningKey {
    kid: String,
    public: Vec<u8>,
    private: SecretBytes,
    signs_from: DateTime<Utc>,
    accepted_until: Option<DateTime<Utc>>,
}

impl SigningKey {
    /// Generates a key pair.
    pub fn generate() -> Result<Self, TokenError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| TokenError::Key)?;
        let private = pair.to_pkcs8v1().map_err(|_| TokenError::Key)?;
        let public = pair.public_key().as_ref().to_vec();
        let private = SecretBytes::new(private.as_ref().to_vec());
        Ok(Self::from_parts(hex::encode(random_bytes::<8>()), public, private))
    }

    /// Creates a key pair from its stored parts.
    pub fn from_parts(kid: String, public: Vec<u8>, private: SecretBytes) -> Self {
        Self { kid, public, private, signs_from: DateTime::UNIX_EPOCH, accepted_until: None }
    }

    /// Sets from when on the key signs, and until when its tokens are accepted.
    #[must_use]
    pub fn valid(self, signs_from: DateTime<Utc>, accepted_until: Option<DateTime<Utc>>) -> Self {
        Self { signs_from, accepted_until, ..self }
    }

    /// Returns the key id, which tokens name in their header.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the public key: 32 bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Returns the private key in PKCS #8.
    pub fn private(&self) -> &SecretBytes {
        &self.private
    }
}

/// Why a token is refused. A client sees the same answer for all but [`TokenError::Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a valid token of this vault.
    #[error("the token is invalid")]
    Invalid,
    /// Expired, or not valid yet.
    #[error("the token has expired")]
    Expired,
    /// The signing key is unusable.
    #[error("the token signing key is unusable")]
    Key,
}

/// Issues tokens under the newest key and verifies them under all keys.
pub struct TokenAuthority {
    /// Oldest first. Never empty.
    keys: Vec<LoadedKey>,
    validation: Validation,
    issuer: String,
    audience: String,
    cache: Cache<[u8; 32], Arc<Claims>>,
}

/// A key of an authority.
struct LoadedKey {
    kid: String,
    public: Vec<u8>,
    signing: EncodingKey,
    verifying: DecodingKey,
    signs_from: DateTime<Utc>,
    accepted_until: Option<DateTime<Utc>>,
}

impl LoadedKey {
    fn new(key: &SigningKey) -> Self {
        Self {
            kid: key.kid.clone(),
            public: key.public.clone(),
            signing: EncodingKey::from_ed_der(key.private.expose()),
            verifying: DecodingKey::from_ed_der(&key.public),
            signs_from: key.signs_from,
            accepted_until: key.accepted_until,
        }
    }

    fn is_accepted(&self, now: DateTime<Utc>) -> bool {
        self.accepted_until.is_none_or(|until| now < until)
    }
}

impl TokenAuthority {
    /// Creates an authority that signs with the last of `keys` that signs already, or else with the first.
    pub fn new(keys: &[SigningKey], issuer: &str, audience: &str) -> Result<Self, TokenError> {
        if keys.is_empty() {
            return Err(TokenError::Key);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // `check` compares with the vault's clock, on every use of a cached token.
        validation.validate_exp = false;
        Ok(Self {
            keys: keys.iter().map(LoadedKey::new).collect(),
            validation,
            issuer: issuer.into(),
            audience: audience.into(),
            cache: Cache::new(CACHED_TOKENS),
        })
    }

    /// Issues a token for `client_id`, valid for `lifetime` seconds from `now`, and bound to a key if `cnf` names one.
    pub fn issue(
        &self,
        client_id: &str,
        cnf: Option<Confirmation>,
        now: DateTime<Utc>,
        lifetime: i64,
    ) -> Result<SecretText, TokenError> {
        let issued = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: client_id.into(),
            aud: self.audience.clone(),
            iat: issued,
            nbf: issued,
            exp: issued + lifetime,
            jti: hex::encode(random_bytes::<16>()),
            client_id: client_id.into(),
            scopes: Vec::new(),
            cnf,
        };
        let signs = self.keys.iter().rfind(|key| key.signs_from <= now);
        let key = signs.or(self.keys.first()).ok_or(TokenError::Key)?;
        let header =
            Header { typ: Some(TYPE.into()), alg: Algorithm::EdDSA, kid: Some(key.kid.clone()), ..Header::default() };
        jsonwebtoken::encode(&header, &claims, &key.signing).map(SecretText::new).map_err(|_| TokenError::Key)
    }

    /// Returns the claims of a token that this vault issued and that is valid at `now`.
    pub fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Claims>, TokenError> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::Invalid);
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let claims = match self.cache.get(&digest) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.check_signature(token)?);
                self.cache.insert(digest, Arc::clone(&claims));
                claims
            }
        };
        let second = now.timestamp();
        if claims.nbf <= second + LEEWAY && second < claims.exp { Ok(claims) } else { Err(TokenError::Expired) }
    }

    fn check_signature(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // Accept only our own header: nothing in it may refer to a key (RFC 8725, section 3.10).
        let plain = header.typ.as_deref() == Some(TYPE)
            && header.jku.is_none()
            && header.jwk.is_none()
            && header.x5u.is_none()
            && header.x5c.is_none()
            && header.crit.is_none();
        let kid = header.kid.filter(|_| plain).ok_or(TokenError::Invalid)?;
        let key = self.keys.iter().find(|key| key.kid == kid).ok_or(TokenError::Invalid)?;
        let token = jsonwebtoken::decode::<Claims>(token, &key.verifying, &self.validation);
        let claims = token.map_err(|_| TokenError::Invalid)?.claims;
        // Every token that was issued under a retiring key expires before the key does. So the expiry, which is checked on
        // every use, ends the acceptance of the key too.
        let expires_with_key = key.accepted_until.is_none_or(|until| claims.exp <= until.timestamp());
        if expires_with_key { Ok(claims) } else { Err(TokenError::Invalid) }
    }

    /// Returns the ids of the keys, oldest first, each with the end of its acceptance.
    pub fn key_ids(&self) -> impl Iterator<Item = (&str, Option<DateTime<Utc>>)> {
        self.keys.iter().map(|key| (key.kid.as_str(), key.accepted_until))
    }

    /// Returns the public keys that are accepted at `now` as a JWK set (RFC 7517, RFC 8037), so that other services can verify
    /// tokens.
    pub fn jwks(&self, now: DateTime<Utc>) -> JwkSet {
        let keys = self.keys.iter().filter(|key| key.is_accepted(now)).map(|key| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: key.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(&key.public),
        });
        JwkSet { keys: keys.collect() }
    }

    /// Returns the issuer, as in `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// A JWK set (RFC 7517, section 5).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct JwkSet {
    /// The keys, oldest first.
    pub keys: Vec<Jwk>,
}

/// A public Ed25519 key (RFC 8037, section 2).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Jwk {
    /// Key type: octet key pair.
    pub kty: &'static str,
    /// Curve.
    pub crv: &'static str,
    /// Algorithm.
    pub alg: &'static str,
    /// The use of the key.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// The key id, which tokens name in their header.
    pub kid: String,
    /// The public key, base64url without padding.
    pub x: String,
}

#[cfg(test)]
mod tests;
