//! Who calls: client credentials at the token endpoint, bearer tokens everywhere else, and the companions of the
//! token endpoint (contract, section 2; RFC 6749, 7009, 7662).

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::access::Client;
use super::origin::Origin;
use super::{Inner, Refusal, Vault, VaultError};
use crate::audit::Record;
use crate::clock::to_micros;
use crate::crypto::SecretText;
use crate::store::{Lane, Ticket, Transaction, client, meta};
use crate::token::{Claims, ClientSecret, JwkSet, Verifier};

/// A client's id and secret, as they were sent.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The public name.
    pub client_id: String,
    /// The secret.
    pub client_secret: SecretText,
}

/// What a client asks for at the token endpoint.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Who asks.
    pub credentials: ClientCredentials,
    /// The tenant that the client believes to be in.
    pub tenant: Option<String>,
    /// How many seconds the token is to be good; it can only shorten the lifetime.
    pub ttl: Option<i64>,
    /// Where it comes from.
    pub origin: Origin,
}

/// A token, once.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: SecretText,
    /// How many seconds it is good.
    pub expires_in: i64,
}

/// Why a caller is nobody. Those at the token endpoint all look alike from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AuthenticationFailure {
    UnknownClient,
    WrongSecret,
    ClientNotLive,
    OriginNotAllowed(Refusal),
    WrongTenant,
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenRevoked,
    TooMany,
}

impl AuthenticationFailure {
    /// The stable word for the audit log.
    fn reason(self) -> &'static str {
        match self {
            AuthenticationFailure::UnknownClient => "unknown-client",
            AuthenticationFailure::WrongSecret => "wrong-secret",
            AuthenticationFailure::ClientNotLive => "client-not-live",
            AuthenticationFailure::OriginNotAllowed(refusal) => refusal.reason(),
            AuthenticationFailure::WrongTenant => "wrong-tenant",
            AuthenticationFailure::TokenMissing => "token-missing",
            AuthenticationFailure::TokenInvalid => "token-invalid",
            AuthenticationFailure::TokenExpired => "token-expired",
            AuthenticationFailure::TokenRevoked => "token-revoked",
            AuthenticationFailure::TooMany => "too-many-failures",
        }
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The client is not let in; why, is for the audit log alone.
    Client,
    /// The vault failed.
    Vault(VaultError),
}

/// What introspection tells about a token (RFC 7662, section 2.2). `None` stands for every token that is not good.
pub type Introspection = Option<Arc<Claims>>;

impl Vault {
    /// Issues an access token.
    pub async fn issue_token(&self, request: TokenRequest) -> Result<IssuedToken, TokenRefusal> {
        let now = self.0.clock.now();
        let client = self.let_in(&request.credentials, &request.origin, now)?;
        if request.tenant.is_some_and(|tenant| tenant != self.0.settings.tokens.tenant) {
            self.0.failures.add(request.origin.source, AuthenticationFailure::WrongTenant.reason());
            return Err(TokenRefusal::Client);
        }
        let longest = i64::from(self.0.settings.tokens.lifetime_seconds.max(1));
        let expires_in = request.ttl.unwrap_or(longest).clamp(1, longest);
        let issued = self.0.tokens.load().issue(&client.client_id, now, expires_in);
        let token = issued.map_err(|error| TokenRefusal::Vault(error.into()))?;
        self.record_alone(&client, &request.origin, "token.issue").await?;
        Ok(IssuedToken { token, expires_in })
    }

    /// Who bears this token.
    ///
    /// # Errors
    /// A failure that has been counted for the audit log.
    pub fn authenticate(&self, token: Option<&str>, source: IpAddr) -> Result<Arc<Client>, AuthenticationFailure> {
        self.bearer(token, self.0.clock.now()).inspect_err(|failure| self.0.failures.add(source, failure.reason()))
    }

    fn bearer(&self, token: Option<&str>, now: DateTime<Utc>) -> Result<Arc<Client>, AuthenticationFailure> {
        let token = token.ok_or(AuthenticationFailure::TokenMissing)?;
        let claims = self.good_claims(token, now)?;
        let grants = self.0.grants.load();
        let client = grants.client(&claims.client_id).ok_or(AuthenticationFailure::UnknownClient)?;
        if client.is_live(now) { Ok(Arc::clone(client)) } else { Err(AuthenticationFailure::ClientNotLive) }
    }

    /// The claims of a token that is good in itself; whether its client is, is another question.
    fn good_claims(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Claims>, AuthenticationFailure> {
        let claims = self.0.tokens.load().check(token, now).map_err(|error| match error {
            crate::token::TokenError::Expired => AuthenticationFailure::TokenExpired,
            _ => AuthenticationFailure::TokenInvalid,
        })?;
        match self.0.grants.load().is_revoked(&claims.jti) {
            true => Err(AuthenticationFailure::TokenRevoked),
            false => Ok(claims),
        }
    }

    /// Revokes a token of this client. A token that is not good, or not the client's, is left alone without a word
    /// (RFC 7009, section 2.2).
    pub async fn revoke_token(
        &self,
        credentials: &ClientCredentials,
        origin: &Origin,
        token: &SecretText,
    ) -> Result<(), TokenRefusal> {
        let now = self.0.clock.now();
        let client = self.let_in(credentials, origin, now)?;
        let claims = self.good_claims(token.expose(), now).ok();
        let own = claims.filter(|claims| claims.client_id == client.client_id);
        let Some(claims) = own else { return self.record_alone(&client, origin, "token.revoke").await };
        let (inner, record) = (Arc::clone(&self.0), record_of(&client, origin, "token.revoke", now));
        let job = move |transaction: &mut Transaction<'_>| {
            let expires_at = claims.exp.saturating_mul(1_000_000);
            client::revoke_token(transaction.connection(), &claims.jti, expires_at, to_micros(now))?;
            meta::raise_change_mark(transaction.connection())?;
            inner.record(transaction, &record)
        };
        self.0.store.write(ticket_of(&client, origin), job).await.map_err(|error| TokenRefusal::Vault(error.into()))?;
        // This node knows at once; the others within a second.
        self.refresh().await.map_err(TokenRefusal::Vault)
    }

    /// What a token says, if it is good and its client is live. Any live client may ask.
    pub async fn introspect_token(
        &self,
        credentials: &ClientCredentials,
        origin: &Origin,
        token: &SecretText,
    ) -> Result<Introspection, TokenRefusal> {
        let now = self.0.clock.now();
        let client = self.let_in(credentials, origin, now)?;
        self.record_alone(&client, origin, "token.introspect").await?;
        let claims = self.good_claims(token.expose(), now).ok();
        Ok(claims.filter(|_| self.bearer(Some(token.expose()), now).is_ok()))
    }

    /// The public keys that check tokens.
    pub fn token_keys(&self) -> JwkSet {
        self.0.tokens.load().jwks()
    }

    /// The claim `iss` of tokens.
    pub fn issuer(&self) -> String {
        self.0.tokens.load().issuer().into()
    }

    /// The client of these credentials. Every way of not being one costs the same and looks the same.
    fn let_in(
        &self,
        credentials: &ClientCredentials,
        origin: &Origin,
        now: DateTime<Utc>,
    ) -> Result<Arc<Client>, TokenRefusal> {
        let grants = self.0.grants.load();
        let known = grants.client(&credentials.client_id);
        let accepted = match known {
            Some(client) => client.accepts(&credentials.client_secret, now),
            None => nobody().accepts(&credentials.client_secret),
        };
        let failure = match known {
            None => AuthenticationFailure::UnknownClient,
            Some(_) if !accepted => AuthenticationFailure::WrongSecret,
            Some(client) if !client.is_live(now) => AuthenticationFailure::ClientNotLive,
            Some(client) => match client.origins.admit(origin) {
                Ok(()) => return Ok(Arc::clone(client)),
                Err(refusal) => AuthenticationFailure::OriginNotAllowed(refusal),
            },
        };
        self.0.failures.add(origin.source, failure.reason());
        Err(TokenRefusal::Client)
    }

    /// Counts a failure for the audit log.
    pub(super) fn note_failure(&self, source: IpAddr, failure: AuthenticationFailure) {
        self.0.failures.add(source, failure.reason());
    }

    /// Notes that somebody came without credentials, or with a form of them that cannot be read.
    pub fn note_missing_credentials(&self, source: IpAddr) {
        self.0.failures.add(source, AuthenticationFailure::UnknownClient.reason());
    }

    async fn record_alone(&self, client: &Client, origin: &Origin, action: &'static str) -> Result<(), TokenRefusal> {
        let inner: Arc<Inner> = Arc::clone(&self.0);
        let record = record_of(client, origin, action, inner.clock.now());
        let job = move |transaction: &mut Transaction<'_>| inner.record(transaction, &record);
        self.0.store.write(ticket_of(client, origin), job).await.map_err(|error| TokenRefusal::Vault(error.into()))
    }

    /// Records the failed authentications since the last time, one record for each source and reason.
    pub async fn record_failures(&self) -> Result<(), VaultError> {
        let counted = self.0.failures.take();
        if counted.is_empty() {
            return Ok(());
        }
        let (inner, now) = (Arc::clone(&self.0), self.0.clock.now());
        let job = {
            let counted = counted.clone();
            move |transaction: &mut Transaction<'_>| {
                counted.iter().try_for_each(|(source, reason, times)| {
                    inner.record(transaction, &failure_record(now, *source, reason, *times))
                })
            }
        };
        let recorded = self.0.store.write(Ticket::system(), job).await;
        if recorded.is_err() {
            self.0.failures.put_back(counted);
        }
        Ok(recorded?)
    }
}

fn ticket_of(client: &Client, origin: &Origin) -> Ticket {
    Ticket::new(Lane::Client(client.id), origin.request_id.as_str())
}

/// A verifier that nothing passes, so that an unknown client costs what a known one does.
fn nobody() -> &'static Verifier {
    static NOBODY: std::sync::OnceLock<Verifier> = std::sync::OnceLock::new();
    NOBODY.get_or_init(|| ClientSecret::generate().verifier())
}

fn record_of(client: &Client, origin: &Origin, action: &'static str, at: DateTime<Utc>) -> Record {
    Record {
        at,
        request_id: origin.request_id.clone(),
        actor: client.client_id.clone(),
        source: origin.source.to_string(),
        action,
        object: String::new(),
        outcome: "ok",
        times: 1,
    }
}

fn failure_record(at: DateTime<Utc>, source: IpAddr, reason: &'static str, times: i32) -> Record {
    Record {
        at,
        request_id: String::new(),
        actor: String::new(),
        source: source.to_string(),
        action: "authentication",
        object: String::new(),
        outcome: reason,
        times,
    }
}
