//! Opening the URL of a session: once, before it expires, and only from the address to which it is bound.

use std::sync::Arc;

use crate::crypto::SecretText;
use crate::store::id::ProxySessionId;
use crate::store::{AnyConnection, StoreError, credential, device, proxy_session};
use crate::token::SecretHash;
use crate::vault::access::authentication::AuthenticationFailure;
use crate::vault::access::{Client, Origin, visible_credential};
use crate::vault::operation::{Action, Done, OperationContext, Principal, Request, Subject};
use crate::vault::{Noun, Vault, VaultError};

impl Vault {
    /// Opens the URL of a session. There is no proxy engine yet, so this ends the session. The audit record names the client
    /// that created it.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::NoAccess`] for a URL that is bound to another address. Both look the same to the
    /// user.
    pub async fn open_proxy_session(&self, token: &SecretText, origin: Origin) -> Result<(), VaultError> {
        let Some((id, client)) = self.session_by_token(token).await? else {
            // Counted like other failed authentications, so that invalid URLs cannot flood the log.
            self.note_failure(&origin, "", AuthenticationFailure::UrlNotValid);
            return Err(VaultError::NotFound(Noun::ProxySessionUrl));
        };
        let request = Request::new(Principal::Client(client), origin);
        let permit = self.authorize(request, Action::PROXY_SESSION_OPEN).await?;
        self.execute(permit, move |context| open(context, id)).await.map(|((), _)| ())
    }

    /// Finds the session of a token and the client that created it, if the session has not ended and the client is live.
    async fn session_by_token(&self, token: &SecretText) -> Result<Option<(ProxySessionId, Arc<Client>)>, VaultError> {
        let (hash, now) = (SecretHash::new(token.expose()), self.0.clock.now());
        let find = move |connection: &mut AnyConnection| proxy_session::by_token_hash(connection, hash.as_bytes());
        let Some((row, client_id)) = self.0.store.read(find).await? else { return Ok(None) };
        let grants = self.0.grants.load();
        let client = grants.client(&client_id).filter(|client| client.is_live(now));
        let waiting = row.end(crate::clock::to_micros(now)).is_none();
        Ok(client.filter(|_| waiting).map(|client| (row.id, Arc::clone(client))))
    }
}

/// Repeats the checks in the transaction and ends the session. Of several concurrent requests, one succeeds.
fn open(context: &mut OperationContext<'_>, id: ProxySessionId) -> Result<Done<()>, VaultError> {
    let subject = Subject::ProxySession(id);
    context.found(subject);
    let row = proxy_session::by_id(context.connection(), id)?.ok_or(StoreError::NotFound)?;
    let source = context.source().to_string();
    if row.bound_to.is_some_and(|bound| bound != source) {
        return Err(VaultError::NoAccess(Noun::ProxySessionUrl));
    }
    let credential = credential::by_id(context.connection(), row.credential_id)?.ok_or(StoreError::NotFound)?;
    let device = device::by_id(context.connection(), credential.device_id)?.ok_or(StoreError::NotFound)?;
    let usable = credential.active && device.active && visible_credential(context, credential)?.is_some();
    let now = context.micros();
    if usable && proxy_session::end(context.connection(), id, Some(&source), now)? {
        Ok(Done::new(subject, ()))
    } else {
        Err(VaultError::NotFound(Noun::ProxySessionUrl))
    }
}
