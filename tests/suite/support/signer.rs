//! A key of a client that signs assertions and proofs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaveiro::token::VerifyingKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The URL of the vault, as the default settings have it: proofs and assertions are for this.
pub(crate) const ISSUER: &str = "http://127.0.0.1:8080";

/// A P-256 key pair.
pub(crate) struct Signer(KeyPair);

impl Signer {
    pub(crate) fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    }

    /// The public key.
    pub(crate) fn key(&self) -> VerifyingKey {
        VerifyingKey::parse(&self.0.public_key_pem()).unwrap()
    }

    /// The public key in PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// Signs claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.encode(&Header::new(Algorithm::ES256), claims)
    }

    /// A DPoP proof with a `jti` of its own, for a path and perhaps an access token.
    pub(crate) fn proof(&self, method: &str, path: &str, token: Option<&str>, now: i64) -> String {
        let mut claims = json!({
            "jti": hex::encode(chaveiro::crypto::random_bytes::<8>()), "htm": method, "htu": format!("{ISSUER}{path}"), "iat": now
        });
        if let Some(token) = token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token)).into();
        }
        let jwk = serde_json::from_str(self.key().jwk()).unwrap();
        let header = Header { typ: Some("dpop+jwt".into()), jwk: Some(jwk), ..Header::new(Algorithm::ES256) };
        self.encode(&header, &claims)
    }

    fn encode(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ec_der(&self.0.serialize_der())).unwrap()
    }
}
