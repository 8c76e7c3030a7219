//! A client's own access token: what it says, and its revocation without the client's secret.

use std::sync::Arc;

use crate::crypto::SecretText;
use crate::store::{client, meta};
use crate::token::Claims;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{DenyReason, Vault, VaultError};

impl Vault {
    /// Returns the claims of a token that was just issued, or of the token of a permitted request.
    ///
    /// # Errors
    /// [`DenyReason::Revoked`] when the token is not valid any more.
    pub fn token_claims(&self, token: &SecretText) -> Result<Arc<Claims>, VaultError> {
        let claims = self.0.tokens.load().check(token.expose(), self.0.clock.now());
        claims.map_err(|_| VaultError::Denied(DenyReason::Revoked))
    }

    /// Revokes the token of a permitted request.
    ///
    /// # Errors
    /// [`VaultError::Store`]
    pub async fn revoke_own_token(&self, permit: Permit, claims: Arc<Claims>) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let (expires_at, now) = (claims.exp.saturating_mul(1_000_000), context.micros());
            client::revoke_token(context.connection(), &claims.jti, expires_at, now)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Collection, ()))
        };
        self.execute_and_refresh(permit, rule).await
    }
}
