//! Authentication by a signature over the request, as in OAuth 1.0 (contract, section 2.2; RFC 5849, section 3).
//!
//! A request is accepted once: its nonce is stored in the database, so that every node refuses a copy of it. All failures of
//! the signature are one error. Over the limit of their network, invalid ones are answered as too many. A valid one is accepted
//! nevertheless: nobody guesses two secrets of 256 bits, and others at the same address must not lock a client out.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};

use super::authentication::AuthenticationFailure;
use super::guessing::LoginKind;
use super::request_signing_key::LiveSigningKey;
use super::single_use::{SingleUse, SingleUseKind};
use super::{Client, Origin};
use crate::crypto::SecretText;
use crate::store::Lane;
use crate::token::RequestSigningKey;
use crate::vault::operation::{Principal, Request};
use crate::vault::{Vault, VaultError};

/// How far the timestamp of a signed request may be from the time of this node, in seconds.
pub const MAX_CLOCK_DIFFERENCE: i64 = 300;

/// A request with a signature that is not verified yet.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// `oauth_consumer_key`: the client id.
    pub consumer_key: String,
    /// `oauth_token`: the public id of the signing key.
    pub token: String,
    /// `oauth_timestamp`, in seconds since 1970.
    pub timestamp: i64,
    /// `oauth_nonce`.
    pub nonce: String,
    /// The signature base string, for each URL by which a client may know the vault. Contains the parameters.
    pub base_strings: Vec<SecretText>,
    /// The decoded `oauth_signature`.
    pub signature: Vec<u8>,
}

/// Error of the authentication of a signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// Unknown client or key, wrong signature, expired key, or disabled client.
    Invalid,
    /// The signature is valid, and its timestamp too far from the time of this node.
    Timestamp,
    /// The signature is valid, and its nonce was used before.
    NonceUsed,
    /// The signature is invalid, as were too many others from its network.
    TooManyAttempts {
        /// How long to wait.
        seconds: u32,
    },
    /// The vault failed.
    Vault(VaultError),
}

impl Vault {
    /// Authenticates a request by its signature, and uses up its nonce.
    ///
    /// # Errors
    /// A failure that has been counted for the audit log, and a wrong signature against the source;
    /// [`SignatureError::Vault`] when the nonce cannot be stored.
    pub async fn authenticate_signature(
        &self,
        signed: &SignedRequest,
        origin: Origin,
    ) -> Result<Request, SignatureError> {
        let now = self.0.clock.now();
        let (client, key) = match self.signer(signed) {
            Ok(found) => found,
            Err(failure) => {
                let known = self.0.grants.load().client(&signed.consumer_key).map(|client| client.client_id.clone());
                let failure = self.failed_token(LoginKind::Signature, origin.source, failure);
                self.note_failure(&origin, known.as_deref().unwrap_or_default(), failure);
                return Err(match failure {
                    AuthenticationFailure::TooManyAttempts { seconds } => SignatureError::TooManyAttempts { seconds },
                    _ => SignatureError::Invalid,
                });
            }
        };
        let failed_from = origin.clone();
        let failed = |failure, error| {
            self.note_failure(&failed_from, &client.client_id, failure);
            Err(error)
        };
        if let Err(failure) = require_live(&client, &key, now) {
            return failed(failure, SignatureError::Invalid);
        }
        if signed.timestamp.abs_diff(now.timestamp()) > MAX_CLOCK_DIFFERENCE.unsigned_abs() {
            return failed(AuthenticationFailure::TimestampRefused, SignatureError::Timestamp);
        }
        let request = Request::with_token(Principal::Client(Arc::clone(&client)), origin, &key.token, None);
        // Only the holder of a key gets here, in the lane of its client, so that nobody fills the table for others.
        self.0.require_fresh_grants(request.principal()).map_err(SignatureError::Vault)?;
        match self.use_once(Lane::Client(client.id), &request.origin().request_id, &nonce(&key, signed)).await {
            Ok(true) => Ok(request),
            Ok(false) => failed(AuthenticationFailure::NonceUsed, SignatureError::NonceUsed),
            Err(error) => Err(SignatureError::Vault(error)),
        }
    }

    /// Returns the client and the key whose signature the request has. An unknown key takes the same work as a known one.
    fn signer(&self, signed: &SignedRequest) -> Result<(Arc<Client>, Arc<LiveSigningKey>), AuthenticationFailure> {
        let grants = self.0.grants.load();
        let client = grants.client(&signed.consumer_key);
        let key = grants.signing_key(&signed.token).filter(|key| key.client_id == signed.consumer_key);
        let secret = key.map_or(unmatched_key(), |key| &key.key);
        // Every URL is tried, so that the time does not tell which one the client uses.
        let tries = signed.base_strings.iter().map(|text| secret.verify(text, &signed.signature));
        let is_valid = tries.fold(false, |found, valid| found | valid);
        match (client, key) {
            (Some(client), Some(key)) if is_valid => Ok((Arc::clone(client), Arc::clone(key))),
            (_, Some(_)) => Err(AuthenticationFailure::WrongSignature),
            (Some(_), None) => Err(AuthenticationFailure::TokenInvalid),
            (None, None) => Err(AuthenticationFailure::UnknownClient),
        }
    }
}

/// The nonce of a request, as a value that may be used once until its timestamp is too old.
fn nonce(key: &LiveSigningKey, signed: &SignedRequest) -> SingleUse {
    let expires_at = DateTime::from_timestamp(signed.timestamp + MAX_CLOCK_DIFFERENCE, 0).unwrap_or_default();
    let id = format!("{}\n{}", signed.timestamp, signed.nonce);
    SingleUse::new(SingleUseKind::RequestNonce, key.token.as_bytes(), &id, expires_at)
}

fn require_live(client: &Client, key: &LiveSigningKey, now: DateTime<Utc>) -> Result<(), AuthenticationFailure> {
    if key.expires_at.is_some_and(|end| end <= now) {
        return Err(AuthenticationFailure::TokenExpired);
    }
    if client.sender_constraint.is_some() {
        return Err(AuthenticationFailure::TokenNotBound);
    }
    if client.is_live(now) { Ok(()) } else { Err(AuthenticationFailure::ClientNotLive) }
}

/// A random key, so that an unknown one takes the same time as a known one.
fn unmatched_key() -> &'static RequestSigningKey {
    static KEY: OnceLock<RequestSigningKey> = OnceLock::new();
    KEY.get_or_init(RequestSigningKey::generate)
}
