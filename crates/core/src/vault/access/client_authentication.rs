//! Authentication of clients at the token endpoint: by secret (RFC 6749, section 2.3.1), or by an assertion that the client
//! has signed with its own key (RFC 7523).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Origin;
use super::authentication::AuthenticationFailure;
use super::client::Client;
use super::guessing::LoginAttempt;
use super::nobody::nobody;
use super::single_use::{SingleUse, SingleUseKind};
use super::token_endpoint::TokenEndpointError;
use crate::crypto::SecretText;
use crate::store::Lane;
use crate::token::{claimed_client, verify_assertion};
use crate::vault::Vault;

/// The paths of the token endpoint. An assertion may name any of their URLs as its audience.
pub const TOKEN_PATHS: [&str; 3] = ["/iso/oauth2/token", "/api/oauth2/token", "/oauth2/token"];

/// A client's id and secret, as sent.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The public name.
    pub client_id: String,
    /// The secret.
    pub client_secret: SecretText,
}

/// How a client authenticates, as sent.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// By its secret.
    Secret(ClientCredentials),
    /// By an assertion.
    Assertion {
        /// The public name, which may be sent beside the assertion.
        client_id: Option<String>,
        /// The assertion.
        assertion: SecretText,
    },
}

impl ClientAuthentication {
    /// The client id that is claimed; `None` if there is none, or if two differ.
    fn client_id(&self) -> Option<String> {
        match self {
            Self::Secret(credentials) => Some(credentials.client_id.clone()),
            Self::Assertion { client_id, assertion } => claimed_client(assertion.expose())
                .filter(|claimed| client_id.as_ref().is_none_or(|sent| sent == claimed)),
        }
    }
}

impl From<ClientCredentials> for ClientAuthentication {
    fn from(credentials: ClientCredentials) -> Self {
        Self::Secret(credentials)
    }
}

impl Vault {
    /// Authenticates a client. All failures return the same error.
    pub(super) async fn authenticate_client(
        &self,
        authentication: &ClientAuthentication,
        origin: &Origin,
        now: DateTime<Utc>,
    ) -> Result<Arc<Client>, TokenEndpointError> {
        self.0.require_current()?;
        let tried = authentication.client_id();
        let known = tried.as_deref().and_then(|id| self.0.grants.load().client(id).cloned());
        // From here on, an unknown client is checked like a known one.
        let client = known.as_ref().unwrap_or(nobody());
        let attempt =
            LoginAttempt::of_client(origin.source, tried.as_deref().unwrap_or_default(), client, known.is_some());
        // Log only the id of an existing client: an unknown id may be a mistyped password, and made-up ids could flood the log.
        let note = |failure| self.note_failure(origin, &client.client_id, failure);
        self.check_attempt(&attempt).map_err(|failure| {
            note(failure);
            TokenEndpointError::from(failure)
        })?;
        let proven = match authentication {
            ClientAuthentication::Secret(credentials) if client.accepts(&credentials.client_secret, now) => Ok(None),
            ClientAuthentication::Secret(_) => Err(AuthenticationFailure::WrongSecret),
            ClientAuthentication::Assertion { assertion, .. } => self.by_assertion(client, assertion, now).map(Some),
        };
        let failed = |failure| {
            note(failure);
            // Whatever the reason, or the limit would tell that a secret is the right one.
            self.count_failed_attempt(&attempt);
            TokenEndpointError::InvalidClient
        };
        let Some(client) = &known else { return Err(failed(AuthenticationFailure::UnknownClient)) };
        let single_use = proven.map_err(failed)?;
        if !client.is_live(now) {
            return Err(failed(AuthenticationFailure::ClientNotLive));
        }
        client.origins.admit(origin).map_err(|reason| failed(AuthenticationFailure::OriginNotAllowed(reason)))?;
        if let Some(value) = single_use
            && !self.use_once(Lane::Client(client.id), &origin.request_id, &value).await?
        {
            return Err(failed(AuthenticationFailure::Replayed));
        }
        self.remember_place(&attempt);
        Ok(Arc::clone(client))
    }

    /// Checks an assertion. One that no key of the client fits takes the time of one that has a wrong signature.
    fn by_assertion(
        &self,
        client: &Client,
        assertion: &SecretText,
        now: DateTime<Utc>,
    ) -> Result<SingleUse, AuthenticationFailure> {
        let jwt = assertion.expose();
        if !client.keys.iter().any(|key| key.fits(jwt)) {
            nobody().keys.iter().for_each(|key| drop(key.verify::<serde_json::Value>(jwt)));
            return Err(AuthenticationFailure::WrongAssertion);
        }
        let audiences = audiences(&self.issuer());
        let keys = client.keys.iter().map(AsRef::as_ref);
        let verified = verify_assertion(jwt, keys, &client.client_id, &audiences, now)
            .map_err(|_| AuthenticationFailure::WrongAssertion)?;
        let owner = client.client_id.as_bytes();
        Ok(SingleUse::new(SingleUseKind::ClientAssertion, owner, &verified.id, verified.expires_at))
    }
}

/// The accepted audiences of an assertion: the vault and its token endpoints (RFC 7523, section 3).
fn audiences(issuer: &str) -> Vec<String> {
    let base = issuer.trim_end_matches('/');
    let endpoints = TOKEN_PATHS.iter().map(|path| format!("{base}{path}"));
    [base.to_string(), format!("{base}/")].into_iter().chain(endpoints).collect()
}
