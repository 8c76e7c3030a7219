//! Authentication of requests by access token, and the record of failed authentications.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::failures::MergedFailure;
use super::guessing::LoginKind;
use super::sender_constraint::{self, PresentedToken};
use super::workload::WorkloadFailure;
use super::{AccessToken, Client, Origin};
use crate::audit::Record;
use crate::token::{StaticToken, TokenError};
use crate::vault::operation::{Action, Permit, Principal, Request};
use crate::vault::{DenyReason, Vault, VaultError};

/// Number of failure records inserted by one job.
const RECORDS_PER_JOB: usize = 64;

/// Reason of a failed authentication. The token endpoint returns the same error for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AuthenticationFailure {
    UnknownClient,
    WrongSecret,
    ClientNotLive,
    OriginNotAllowed(DenyReason),
    WrongTenant,
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenRevoked,
    TooManyAttempts { seconds: u32 },
    Busy,
    UrlNotValid,
    AppIdNotAllowed,
    AppIdAmbiguous,
    AppIdOfAnother,
    Workload(WorkloadFailure),
    TokenNotBound,
    NoPossession,
    WrongAssertion,
    Replayed,
    WrongSignature,
    TimestampRefused,
    NonceUsed,
}

impl AuthenticationFailure {
    /// The name in the audit log; stable.
    fn reason(self) -> &'static str {
        match self {
            AuthenticationFailure::UnknownClient => "unknown-client",
            AuthenticationFailure::WrongSecret => "wrong-secret",
            AuthenticationFailure::ClientNotLive => "client-not-live",
            AuthenticationFailure::OriginNotAllowed(reason) => reason.as_str(),
            AuthenticationFailure::WrongTenant => "wrong-tenant",
            AuthenticationFailure::TokenMissing => "token-missing",
            AuthenticationFailure::TokenInvalid => "token-invalid",
            AuthenticationFailure::TokenExpired => "token-expired",
            AuthenticationFailure::TokenRevoked => "token-revoked",
            AuthenticationFailure::TooManyAttempts { .. } => "too-many-failures",
            AuthenticationFailure::Busy => "too-many-logins",
            AuthenticationFailure::UrlNotValid => "session-url-not-valid",
            AuthenticationFailure::AppIdNotAllowed => "app-id-not-allowed",
            AuthenticationFailure::AppIdAmbiguous => "app-id-ambiguous",
            AuthenticationFailure::AppIdOfAnother => "app-id-of-another",
            AuthenticationFailure::Workload(failure) => failure.reason(),
            AuthenticationFailure::TokenNotBound => "token-not-sender-constrained",
            AuthenticationFailure::NoPossession => "possession-not-proven",
            AuthenticationFailure::WrongAssertion => "wrong-assertion",
            AuthenticationFailure::Replayed => "replayed",
            AuthenticationFailure::WrongSignature => "wrong-signature",
            AuthenticationFailure::TimestampRefused => "timestamp-refused",
            AuthenticationFailure::NonceUsed => "nonce-used",
        }
    }
}

impl Vault {
    /// Authenticates a request by its access token. A proof of possession is verified here, and used when the request is
    /// authorized.
    ///
    /// # Errors
    /// A failure that has been counted for the audit log.
    pub fn authenticate(
        &self,
        presented: Option<PresentedToken<'_>>,
        origin: Origin,
    ) -> Result<Request, AuthenticationFailure> {
        let now = self.0.clock.now();
        let presented = presented
            .ok_or(AuthenticationFailure::TokenMissing)
            .inspect_err(|failure| self.note_failure(&origin, "", *failure))?;
        let (client, token) = self.live_token(presented.token, now).map_err(|failure| {
            // Only a token that the vault never issued can be a guess.
            let failure = match failure {
                AuthenticationFailure::TokenInvalid => self.failed_token(LoginKind::Token, origin.source, failure),
                failure => failure,
            };
            self.note_failure(&origin, "", failure);
            failure
        })?;
        let tokens = self.0.tokens.load();
        let single_use = sender_constraint::check(&client, &token, &presented, &origin, tokens.issuer(), now)
            .inspect_err(|failure| self.note_failure(&origin, &client.client_id, *failure))?;
        Ok(Request::with_token(Principal::Client(client), origin, token.id(), single_use))
    }

    /// Returns a valid token with its live client. Does not check whether the token is bound to a key.
    pub(super) fn live_token(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<(Arc<Client>, AccessToken), AuthenticationFailure> {
        let token = self.valid_token(token, now)?;
        let grants = self.0.grants.load();
        let client = grants.client(token.client_id()).ok_or(AuthenticationFailure::UnknownClient)?;
        if client.is_live(now) { Ok((Arc::clone(client), token)) } else { Err(AuthenticationFailure::ClientNotLive) }
    }

    /// Returns what is known of a valid token. Does not check whether its client is live.
    pub(super) fn valid_token(&self, token: &str, now: DateTime<Utc>) -> Result<AccessToken, AuthenticationFailure> {
        if let Some(hash) = StaticToken::hash_of(token) {
            let grants = self.0.grants.load();
            let token = grants.static_token(&hash).ok_or(AuthenticationFailure::TokenInvalid)?;
            let live = token.expires_at.is_none_or(|end| now < end);
            return live.then(|| AccessToken::Static(Arc::clone(token))).ok_or(AuthenticationFailure::TokenExpired);
        }
        let claims = self.0.tokens.load().check(token, now).map_err(|error| match error {
            TokenError::Expired => AuthenticationFailure::TokenExpired,
            TokenError::Invalid | TokenError::Key => AuthenticationFailure::TokenInvalid,
        })?;
        let revoked = self.0.grants.load().is_revoked(&claims.jti);
        if revoked { Err(AuthenticationFailure::TokenRevoked) } else { Ok(AccessToken::Signed(claims)) }
    }

    /// Counts a failure for the audit log. `tried` is the client id or account that was tried.
    pub(in crate::vault) fn note_failure(&self, origin: &Origin, tried: &str, failure: AuthenticationFailure) {
        self.0.failures.add(origin, tried, failure.reason());
    }

    /// Counts a request with missing or malformed credentials.
    pub fn note_missing_credentials(&self, origin: &Origin) {
        self.note_failure(origin, "", AuthenticationFailure::UnknownClient);
    }

    /// Records the failed authentications since the last call, merged, in a limited number of records a minute.
    ///
    /// # Errors
    /// [`VaultError::Store`]; the failures are then kept for the next call.
    pub async fn record_failures(&self) -> Result<(), VaultError> {
        self.record_counted_failures(false).await
    }

    /// As [`Vault::record_failures`], also if this minute has no records left: before the vault stops.
    ///
    /// # Errors
    /// As [`Vault::record_failures`].
    pub async fn record_all_failures(&self) -> Result<(), VaultError> {
        self.record_counted_failures(true).await
    }

    async fn record_counted_failures(&self, all: bool) -> Result<(), VaultError> {
        let failures = self.0.failures.take(self.0.clock.now(), all);
        if failures.is_empty() {
            return Ok(());
        }
        let now = self.0.clock.now();
        let permit = Permit::system(Action::AUTHENTICATION);
        let mut rest = failures.as_slice();
        // In batches, so that many failures do not block other writes.
        while !rest.is_empty() {
            let (some, after) = rest.split_at(rest.len().min(RECORDS_PER_JOB));
            let records = some.iter().map(|failure| failure_record(now, failure)).collect();
            if let Err(error) = self.append_records(&permit, records).await {
                self.0.failures.put_back(rest.to_vec());
                return Err(error);
            }
            rest = after;
        }
        Ok(())
    }
}

fn failure_record(at: DateTime<Utc>, failure: &MergedFailure) -> Record {
    Record {
        at,
        request_id: String::new(),
        actor: failure.tried.clone(),
        source: failure.source.clone(),
        family: failure.family,
        action: Action::AUTHENTICATION.name(),
        object: String::new(),
        outcome: failure.reason.into(),
        reason: String::new(),
        times: failure.times,
    }
}
