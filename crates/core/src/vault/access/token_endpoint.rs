//! The endpoints of the authorization server: issue, revoke and introspect tokens (contract, section 2; RFC 6749, 7009,
//! 7662).

use std::sync::Arc;

use super::authentication::AuthenticationFailure;
use super::client_authentication::ClientAuthentication;
use super::sender_constraint::{self, PresentedProof, SenderConstraint};
use super::{AccessToken, Client, Origin, access_token};
use crate::crypto::SecretText;
use crate::store::Lane;
use crate::token::{Confirmation, JwkSet};
use crate::vault::operation::{Action, Done, OperationContext, Principal, Request, RequestOptions, Subject};
use crate::vault::{Vault, VaultError};

/// What a client wants of its token.
#[derive(Clone, Default)]
pub struct TokenOptions<'a> {
    /// The tenant that the client sent.
    pub tenant: Option<String>,
    /// The requested lifetime in seconds; it can only shorten the configured one.
    pub ttl: Option<i64>,
    /// A DPoP proof, to whose key the token is bound.
    pub proof: Option<PresentedProof<'a>>,
}

/// By what a client has proved itself, for the audit record: nothing to add for its own credentials.
pub(super) struct Evidence {
    /// The object of the record.
    pub(super) subject: Subject,
    /// The reason in the record.
    pub(super) reason: String,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { subject: Subject::Collection, reason: String::new() }
    }
}

/// A newly issued access token.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: SecretText,
    /// Its lifetime in seconds.
    pub expires_in: i64,
    /// Whether it has to be presented with DPoP proofs, and is not a bearer token.
    pub is_dpop: bool,
}

/// Error of the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenEndpointError {
    /// Client authentication failed; the reason goes to the audit log only.
    InvalidClient,
    /// The token of a workload is refused; the reason goes to the audit log only.
    InvalidGrant,
    /// The DPoP proof is missing, invalid or used (RFC 9449, section 5).
    InvalidDpopProof,
    /// Too many failures of the client, or from its network.
    TooManyAttempts {
        /// How long to wait.
        seconds: u32,
    },
    /// The vault failed.
    Vault(VaultError),
}

impl From<AuthenticationFailure> for TokenEndpointError {
    fn from(failure: AuthenticationFailure) -> Self {
        match failure {
            AuthenticationFailure::TooManyAttempts { seconds } => Self::TooManyAttempts { seconds },
            _ => Self::InvalidClient,
        }
    }
}

impl From<VaultError> for TokenEndpointError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

/// What is known of an active token (RFC 7662, section 2.2). `None`: the token is not active.
pub type Introspection = Option<AccessToken>;

impl Vault {
    /// Issues an access token to a client that authenticates.
    ///
    /// # Errors
    /// [`TokenEndpointError::InvalidClient`], whatever the reason; [`TokenEndpointError::InvalidDpopProof`].
    pub async fn issue_token(
        &self,
        authentication: &ClientAuthentication,
        origin: Origin,
        options: TokenOptions<'_>,
    ) -> Result<IssuedToken, TokenEndpointError> {
        let client = self.authenticate_client(authentication, &origin, self.0.clock.now()).await?;
        self.issue_token_to(client, origin, options, Evidence::default()).await
    }

    /// Issues an access token to a client that is authenticated.
    pub(super) async fn issue_token_to(
        &self,
        client: Arc<Client>,
        origin: Origin,
        options: TokenOptions<'_>,
        evidence: Evidence,
    ) -> Result<IssuedToken, TokenEndpointError> {
        if options.tenant.is_some_and(|tenant| tenant != self.0.settings.tokens.tenant) {
            self.note_failure(&origin, &client.client_id, AuthenticationFailure::WrongTenant);
            return Err(TokenEndpointError::InvalidClient);
        }
        let confirmation = self.confirmation(&client, &origin, options.proof).await?;
        let longest = i64::from(self.0.settings.tokens.lifetime_seconds.max(1));
        let expires_in = options.ttl.unwrap_or(longest).clamp(1, longest);
        let now = self.0.clock.now();
        let issued = self.0.tokens.load().issue(&client.client_id, confirmation, now, expires_in);
        let token = issued.map_err(VaultError::from)?;
        let Evidence { subject, reason } = evidence;
        let permit = self.authorize(Request::new(Principal::Client(client), origin), Action::TOKEN_ISSUE).await?;
        let permit = self.accept(permit, RequestOptions { reason, ..RequestOptions::default() }).await?;
        self.record_issued_token(&permit, subject).await?;
        Ok(IssuedToken { token, expires_in, is_dpop: matches!(confirmation, Some(Confirmation::Dpop(_))) })
    }

    /// Returns the key to which a new token is bound: that of a proof, which any client may send, or the certificate of a
    /// client whose tokens have to be bound to it.
    async fn confirmation(
        &self,
        client: &Client,
        origin: &Origin,
        proof: Option<PresentedProof<'_>>,
    ) -> Result<Option<Confirmation>, TokenEndpointError> {
        let failed = |failure, error| {
            self.note_failure(origin, &client.client_id, failure);
            error
        };
        let invalid = |failure| failed(failure, TokenEndpointError::InvalidDpopProof);
        match (client.sender_constraint, proof) {
            (None, None) => Ok(None),
            (Some(SenderConstraint::Certificate), None) => {
                let certificate = origin.certificate.map(sender_constraint::of_certificate).map(Some);
                certificate
                    .ok_or_else(|| failed(AuthenticationFailure::NoPossession, TokenEndpointError::InvalidClient))
            }
            (None | Some(SenderConstraint::Dpop), Some(proof)) => {
                let proof = proof.verify(&self.issuer(), None, self.0.clock.now());
                let proof = proof.ok_or_else(|| invalid(AuthenticationFailure::NoPossession))?;
                let single_use = sender_constraint::single_use(&proof);
                if !self.use_once(Lane::Client(client.id), &origin.request_id, &single_use).await? {
                    return Err(invalid(AuthenticationFailure::Replayed));
                }
                Ok(Some(sender_constraint::of_proof(&proof)))
            }
            (Some(SenderConstraint::Dpop), None) | (Some(SenderConstraint::Certificate), Some(_)) => {
                Err(invalid(AuthenticationFailure::NoPossession))
            }
        }
    }

    /// Revokes a token of this client. An invalid token, or one of another client, is ignored without an error (RFC 7009,
    /// section 2.2).
    ///
    /// # Errors
    /// As [`Vault::issue_token`].
    pub async fn revoke_token(
        &self,
        authentication: &ClientAuthentication,
        origin: Origin,
        token: &SecretText,
    ) -> Result<(), TokenEndpointError> {
        let now = self.0.clock.now();
        let client = self.authenticate_client(authentication, &origin, now).await?;
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
        authentication: &ClientAuthentication,
        origin: Origin,
        token: &SecretText,
    ) -> Result<Introspection, TokenEndpointError> {
        let now = self.0.clock.now();
        let client = self.authenticate_client(authentication, &origin, now).await?;
        let permit = self.authorize(Request::new(Principal::Client(client), origin), Action::TOKEN_INTROSPECT).await?;
        self.execute(permit, |_| Ok(Done::new(Subject::Collection, ()))).await?;
        Ok(self.live_token(token.expose(), now).ok().map(|(_, token)| token))
    }

    /// The public keys that verify tokens.
    pub fn token_keys(&self) -> JwkSet {
        self.0.tokens.load().jwks(self.0.clock.now())
    }

    /// The claim `iss` of tokens.
    pub fn issuer(&self) -> String {
        self.0.tokens.load().issuer().into()
    }
}
