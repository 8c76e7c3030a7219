//! Access tokens: JWTs (RFC 7519) of the profile `at+jwt` (RFC 9068), signed with Ed25519 (RFC 8037).
//!
//! Nothing is stored for a token. Checking a signature costs more than the rest of a request, so a token that was
//! found good is remembered by its digest; its expiry, and whether it was revoked, are looked at each time.

mod secret;
mod session;

pub use secret::{ClientSecret, SecretHash};
pub use session::SessionTokens;

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
/// Longer than any token of ours; a longer one is not looked at.
const LONGEST_TOKEN: usize = 2048;
/// How far the clock of the node that issued a token may be ahead of this one's, in seconds.
const LEEWAY: i64 = 30;
const REMEMBERED_TOKENS: usize = 16_384;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The vault that issued it.
    pub iss: String,
    /// The client, again.
    pub sub: String,
    /// Whom it is for.
    pub aud: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// From when it is good.
    pub nbf: i64,
    /// Until when it is good.
    pub exp: i64,
    /// Its own id, by which it is revoked.
    pub jti: String,
    /// The client.
    pub client_id: String,
    /// Always empty; present because clients of the older system know it.
    pub scopes: Vec<String>,
}

/// A key that signs tokens.
pub struct SigningKey {
    kid: String,
    public: Vec<u8>,
    private: SecretBytes,
}

impl SigningKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, TokenError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| TokenError::Key)?;
        let private = pair.to_pkcs8v1().map_err(|_| TokenError::Key)?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self { kid: hex::encode(random_bytes::<8>()), public, private: SecretBytes::new(private.as_ref().to_vec()) })
    }

    /// A key from its parts, as they were stored.
    pub fn from_parts(kid: String, public: Vec<u8>, private: SecretBytes) -> Self {
        Self { kid, public, private }
    }

    /// The name under which tokens refer to the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half: 32 bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The private half: PKCS #8.
    pub fn private(&self) -> &SecretBytes {
        &self.private
    }
}

/// Why a token is not good. All but [`TokenError::Key`] look alike from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this vault.
    #[error("the token is not one of this vault's")]
    Invalid,
    /// It has run out, or is not good yet.
    #[error("the token has expired")]
    Expired,
    /// The signing key does not work.
    #[error("the key that signs tokens does not work")]
    Key,
}

/// Issues tokens under one key and checks them under all.
pub struct TokenAuthority {
    kid: String,
    signing: EncodingKey,
    checking: Vec<(String, Vec<u8>, DecodingKey)>,
    validation: Validation,
    issuer: String,
    audience: String,
    remembered: Cache<[u8; 32], Arc<Claims>>,
}

impl TokenAuthority {
    /// An authority that signs with the last of `keys`.
    pub fn new(keys: &[SigningKey], issuer: &str, audience: &str) -> Result<Self, TokenError> {
        let newest = keys.last().ok_or(TokenError::Key)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Against our own clock, below, each time and not only the first.
        validation.validate_exp = false;
        Ok(Self {
            kid: newest.kid.clone(),
            signing: EncodingKey::from_ed_der(newest.private.expose()),
            checking: keys
                .iter()
                .map(|key| (key.kid.clone(), key.public.clone(), DecodingKey::from_ed_der(&key.public)))
                .collect(),
            validation,
            issuer: issuer.into(),
            audience: audience.into(),
            remembered: Cache::new(REMEMBERED_TOKENS),
        })
    }

    /// Issues a token for `client_id` that is good for `lifetime` seconds from `now`.
    pub fn issue(&self, client_id: &str, now: DateTime<Utc>, lifetime: i64) -> Result<SecretText, TokenError> {
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
        };
        let header =
            Header { typ: Some(TYPE.into()), alg: Algorithm::EdDSA, kid: Some(self.kid.clone()), ..Header::default() };
        jsonwebtoken::encode(&header, &claims, &self.signing).map(SecretText::new).map_err(|_| TokenError::Key)
    }

    /// What the token says, if it is one of ours and good at `now`.
    pub fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Claims>, TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::Invalid);
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let claims = match self.remembered.get(&digest) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.check_signature(token)?);
                self.remembered.insert(digest, Arc::clone(&claims));
                claims
            }
        };
        let second = now.timestamp();
        if claims.nbf <= second + LEEWAY && second < claims.exp { Ok(claims) } else { Err(TokenError::Expired) }
    }

    fn check_signature(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // Only what we write ourselves: nothing in a header may point to a key (RFC 8725, section 3.10).
        let plain = header.typ.as_deref() == Some(TYPE)
            && header.jku.is_none()
            && header.jwk.is_none()
            && header.x5u.is_none()
            && header.x5c.is_none()
            && header.crit.is_none();
        let kid = header.kid.filter(|_| plain).ok_or(TokenError::Invalid)?;
        let (_, _, key) = self.checking.iter().find(|(known, _, _)| *known == kid).ok_or(TokenError::Invalid)?;
        let token = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| TokenError::Invalid)?;
        Ok(token.claims)
    }

    /// The public keys as a JWK set (RFC 7517, RFC 8037), so that others can check our tokens.
    pub fn jwks(&self) -> JwkSet {
        let keys = self.checking.iter().map(|(kid, public, _)| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            kid: kid.clone(),
            x: URL_SAFE_NO_PAD.encode(public),
        });
        JwkSet { keys: keys.collect() }
    }

    /// The name of the issuer, as in `iss`.
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
    /// What the key is for.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// The name by which tokens refer to it.
    pub kid: String,
    /// The public key, base64url without padding.
    pub x: String,
}

#[cfg(test)]
mod tests;
