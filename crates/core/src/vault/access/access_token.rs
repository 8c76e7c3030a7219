//! Access tokens as the vault knows them: signed ones, which a client gets by logging in, and static ones, which the operator
//! creates.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::to_micros;
use crate::crypto::SecretText;
use crate::store::{client, meta, static_token};
use crate::token::{Claims, Confirmation};
use crate::vault::operation::{Done, OperationContext, Permit, Principal, Subject};
use crate::vault::{DenyReason, Vault, VaultError};

/// How long the id of a deleted static token is kept, so that requests that it had already authenticated are refused.
const REQUEST_TIME: TimeDelta = TimeDelta::hours(1);

/// A valid access token.
#[derive(Clone, Debug)]
pub enum AccessToken {
    /// A signed token. The vault does not store it.
    Signed(Arc<Claims>),
    /// A static token.
    Static(Arc<LiveStaticToken>),
}

/// A static token that is valid until it expires or is revoked.
#[derive(Debug)]
pub struct LiveStaticToken {
    /// The public id, for revocation.
    pub id: String,
    /// The client that it belongs to.
    pub client_id: String,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
    /// Time of expiry; `None`: never.
    pub expires_at: Option<DateTime<Utc>>,
}

impl AccessToken {
    /// Returns the public id.
    pub fn id(&self) -> &str {
        match self {
            Self::Signed(claims) => &claims.jti,
            Self::Static(token) => &token.id,
        }
    }

    /// Returns the client that it belongs to.
    pub fn client_id(&self) -> &str {
        match self {
            Self::Signed(claims) => &claims.client_id,
            Self::Static(token) => &token.client_id,
        }
    }

    /// Returns the key that it is bound to; `None` for a bearer token.
    pub fn confirmation(&self) -> Option<Confirmation> {
        match self {
            Self::Signed(claims) => claims.cnf,
            Self::Static(_) => None,
        }
    }

    /// Returns the time of issue.
    pub fn issued_at(&self) -> DateTime<Utc> {
        match self {
            Self::Signed(claims) => DateTime::from_timestamp(claims.iat, 0).unwrap_or_default(),
            Self::Static(token) => token.created_at,
        }
    }

    /// Returns the time of expiry; `None`: never.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Signed(claims) => DateTime::from_timestamp(claims.exp, 0),
            Self::Static(token) => token.expires_at,
        }
    }
}

impl Vault {
    /// Returns what is known of a token that was just issued, or of the token of a permitted request.
    ///
    /// # Errors
    /// [`DenyReason::Revoked`] when the token is not valid any more.
    pub fn access_token(&self, token: &SecretText) -> Result<AccessToken, VaultError> {
        self.valid_token(token.expose(), self.0.clock.now()).map_err(|_| VaultError::Denied(DenyReason::Revoked))
    }

    /// Revokes the token of a permitted request.
    ///
    /// # Errors
    /// [`VaultError::Denied`] for a static token from where its client may not call: a thief could end it, and it is not issued
    /// again without the operator. A signed token may be revoked from anywhere.
    pub async fn revoke_own_token(&self, permit: Permit, token: AccessToken) -> Result<(), VaultError> {
        let (principal, origin) = (permit.principal().clone(), permit.origin().clone());
        let rule = move |context: &mut OperationContext<'_>| {
            if let (AccessToken::Static(_), Principal::Client(client)) = (&token, &principal) {
                client.origins.admit(&origin).map_err(VaultError::Denied)?;
            }
            revoke(context, &token)?;
            Ok(Done::new(Subject::Collection, ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Revokes a token on every node.
pub(super) fn revoke(context: &mut OperationContext<'_>, token: &AccessToken) -> Result<(), VaultError> {
    match token {
        AccessToken::Signed(claims) => {
            let expires_at = claims.exp.saturating_mul(1_000_000);
            Ok(client::revoke_token(context.connection(), &claims.jti, expires_at)?)
        }
        AccessToken::Static(token) => delete_static(context, &token.id),
    }
}

/// Deletes a static token on every node.
pub(super) fn delete_static(context: &mut OperationContext<'_>, id: &str) -> Result<(), VaultError> {
    let now = context.now();
    static_token::delete(context.connection(), id)?;
    client::revoke_token(context.connection(), id, to_micros(now + REQUEST_TIME))?;
    Ok(meta::increment_change_mark(context.connection())?)
}
