//! Authentication: client credentials at the token endpoint, bearer tokens everywhere else, and the other endpoints of the
//! authorization server (contract, section 2; RFC 6749, 7009, 7662).

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};

use super::failures::MergedFailure;
use super::{AccessToken, Client, Origin, access_token};
use crate::audit::Record;
use crate::crypto::SecretText;
use crate::token::{ClientSecret, JwkSet, SecretHash, StaticToken, TokenError};
use crate::vault::operation::{Action, Done, OperationContext, Permit, Principal, Request, Subject};
use crate::vault::{DenyReason, Dependency, Vault, VaultError};

/// Number of failure records inserted by one job.
const RECORDS_PER_JOB: usize = 64;

/// A client's id and secret, as sent.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The public name.
    pub client_id: String,
    /// The secret.
    pub client_secret: SecretText,
}

/// A request to the token endpoint.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The client's credentials.
    pub credentials: ClientCredentials,
    /// The tenant that the client sent.
    pub tenant: Option<String>,
    /// The requested lifetime in seconds; it can only shorten the configured one.
    pub ttl: Option<i64>,
    /// The origin of the request.
    pub origin: Origin,
}

/// A newly issued access token.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: SecretText,
    /// Its lifetime in seconds.
    pub expires_in: i64,
}

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
    TooManyAttempts,
    UrlNotValid,
    AppIdNotAllowed,
    AppIdAmbiguous,
    AppIdOfAnother,
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
            AuthenticationFailure::TooManyAttempts => "too-many-failures",
            AuthenticationFailure::UrlNotValid => "session-url-not-valid",
            AuthenticationFailure::AppIdNotAllowed => "app-id-not-allowed",
            AuthenticationFailure::AppIdAmbiguous => "app-id-ambiguous",
            AuthenticationFailure::AppIdOfAnother => "app-id-of-another",
        }
    }
}

/// Error of the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenEndpointError {
    /// Client authentication failed; the reason goes to the audit log only.
    InvalidClient,
    /// The vault failed.
    Vault(VaultError),
}

impl From<VaultError> for TokenEndpointError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

/// What is known of an active token (RFC 7662, section 2.2). `None`: the token is not active.
pub type Introspection = Option<AccessToken>;

impl Vault {
    /// Authenticates a request by its bearer token.
    ///
    /// # Errors
    /// A failure that has been counted for the audit log.
    pub fn authenticate(&self, token: Option<&str>, origin: Origin) -> Result<Request, AuthenticationFailure> {
        let (client, token) = self
            .bearer(token, self.0.clock.now())
            .inspect_err(|failure| self.note_failure(origin.source, "", *failure))?;
        Ok(Request::with_token(Principal::Client(client), origin, token.id()))
    }

    fn bearer(
        &self,
        token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(Arc<Client>, AccessToken), AuthenticationFailure> {
        let token = token.ok_or(AuthenticationFailure::TokenMissing)?;
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

    /// Issues an access token.
    ///
    /// # Errors
    /// [`TokenEndpointError::InvalidClient`], whatever the reason.
    pub async fn issue_token(&self, request: TokenRequest) -> Result<IssuedToken, TokenEndpointError> {
        let now = self.0.clock.now();
        let client = self.authenticate_client(&request.credentials, &request.origin, now)?;
        if request.tenant.is_some_and(|tenant| tenant != self.0.settings.tokens.tenant) {
            self.note_failure(request.origin.source, &client.client_id, AuthenticationFailure::WrongTenant);
            return Err(TokenEndpointError::InvalidClient);
        }
        let longest = i64::from(self.0.settings.tokens.lifetime_seconds.max(1));
        let expires_in = request.ttl.unwrap_or(longest).clamp(1, longest);
        let issued = self.0.tokens.load().issue(&client.client_id, now, expires_in);
        let token = issued.map_err(VaultError::from)?;
        self.record_client_event(client, request.origin, Action::TOKEN_ISSUE).await?;
        Ok(IssuedToken { token, expires_in })
    }

    /// Revokes a token of this client. An invalid token, or one of another client, is ignored without an error (RFC 7009,
    /// section 2.2).
    ///
    /// # Errors
    /// As [`Vault::issue_token`].
    pub async fn revoke_token(
        &self,
        credentials: &ClientCredentials,
        origin: Origin,
        token: &SecretText,
    ) -> Result<(), TokenEndpointError> {
        let now = self.0.clock.now();
        let client = self.authenticate_client(credentials, &origin, now)?;
        let token = self.valid_token(token.expose(), now).ok();
        let own = token.filter(|token| token.client_id() == client.client_id);
        let request = Request::new(Principal::Client(client), origin);
        let permit = self.authorize(request, Action::TOKEN_REVOKE).await?;
        let rule = move |context: &mut OperationContext<'_>| {
            if let Some(token) = &own {
                access_token::revoke(context, token)?;
            }
            Ok(Done::new(Subject::Collection, ()))
        };
        Ok(self.execute_and_refresh(permit, rule).await?)
    }

    /// Returns what is known of an active token. Any live client may call this.
    ///
    /// # Errors
    /// As [`Vault::issue_token`].
    pub async fn introspect_token(
        &self,
        credentials: &ClientCredentials,
        origin: Origin,
        token: &SecretText,
    ) -> Result<Introspection, TokenEndpointError> {
        let now = self.0.clock.now();
        let client = self.authenticate_client(credentials, &origin, now)?;
        self.record_client_event(client, origin, Action::TOKEN_INTROSPECT).await?;
        Ok(self.bearer(Some(token.expose()), now).ok().map(|(_, token)| token))
    }

    async fn record_client_event(&self, client: Arc<Client>, origin: Origin, action: Action) -> Result<(), VaultError> {
        let permit = self.authorize(Request::new(Principal::Client(client), origin), action).await?;
        self.execute(permit, |_| Ok(Done::new(Subject::Collection, ()))).await.map(drop)
    }

    /// The public keys that verify tokens.
    pub fn token_keys(&self) -> JwkSet {
        self.0.tokens.load().jwks()
    }

    /// The claim `iss` of tokens.
    pub fn issuer(&self) -> String {
        self.0.tokens.load().issuer().into()
    }

    /// Authenticates a client by its credentials. All failures take the same time and return the same error.
    fn authenticate_client(
        &self,
        credentials: &ClientCredentials,
        origin: &Origin,
        now: DateTime<Utc>,
    ) -> Result<Arc<Client>, TokenEndpointError> {
        if !self.0.are_grants_fresh() {
            return Err(VaultError::Unavailable(Dependency::Grants).into());
        }
        let grants = self.0.grants.load();
        let known = grants.client(&credentials.client_id);
        let accepted = match known {
            Some(client) => client.accepts(&credentials.client_secret, now),
            None => unmatched_hash().verify(&credentials.client_secret),
        };
        let failure = match known {
            None => AuthenticationFailure::UnknownClient,
            Some(_) if !accepted => AuthenticationFailure::WrongSecret,
            Some(client) if !client.is_live(now) => AuthenticationFailure::ClientNotLive,
            Some(client) => match client.origins.admit(origin) {
                Ok(()) => return Ok(Arc::clone(client)),
                Err(reason) => AuthenticationFailure::OriginNotAllowed(reason),
            },
        };
        // Log only the id of an existing client: an unknown id may be a mistyped password, and made-up ids could flood the
        // log.
        self.note_failure(origin.source, known.map_or("", |client| &client.client_id), failure);
        Err(TokenEndpointError::InvalidClient)
    }

    /// Counts a failure for the audit log. `tried` is the client id or account that was tried.
    pub(in crate::vault) fn note_failure(&self, source: IpAddr, tried: &str, failure: AuthenticationFailure) {
        self.0.failures.add(source, tried, failure.reason());
    }

    /// Counts a request with missing or malformed credentials.
    pub fn note_missing_credentials(&self, source: IpAddr) {
        self.note_failure(source, "", AuthenticationFailure::UnknownClient);
    }

    /// Records the failed authentications since the last call, merged.
    ///
    /// # Errors
    /// [`VaultError::Store`]; the failures are then kept for the next call.
    pub async fn record_failures(&self) -> Result<(), VaultError> {
        let failures = self.0.failures.take();
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

/// Hash of a random secret, so that an unknown client takes the same time as a known one.
fn unmatched_hash() -> &'static SecretHash {
    static HASH: OnceLock<SecretHash> = OnceLock::new();
    HASH.get_or_init(|| ClientSecret::generate().hash())
}

fn failure_record(at: DateTime<Utc>, failure: &MergedFailure) -> Record {
    Record {
        at,
        request_id: String::new(),
        actor: failure.tried.clone(),
        source: failure.source.clone(),
        family: "",
        action: Action::AUTHENTICATION.name(),
        object: String::new(),
        outcome: failure.reason.into(),
        reason: String::new(),
        times: failure.times,
    }
}
