//! Opening the URL of a session: once, in time, and from the address to which it is bound.

use std::sync::Arc;

use super::SessionError;
use crate::crypto::SecretText;
use crate::store::{AnyConnection, StoreError, credential, device, session, visibility};
use crate::token::Verifier;
use crate::vault::access::Client;
use crate::vault::origin::Origin;
use crate::vault::{Action, Call, Dialect, Object, Vault, VaultError, Work};

impl Vault {
    /// Uses up the URL of a session. There is no engine to go on with, so the session ends with it. The record names
    /// the client that asked for the session.
    ///
    /// # Errors
    /// [`SessionError::UrlNotGood`], [`SessionError::UrlBoundElsewhere`]. They are one to whoever opened the URL.
    pub async fn open_session(&self, token: &SecretText, origin: Origin) -> Result<(), VaultError> {
        let Some((id, client)) = self.session_behind(token).await? else {
            // Counted like other failed authentications: who has no good URL must not be able to flood the log.
            self.0.failures.add(origin.source, SessionError::UrlNotGood.reason());
            return Err(SessionError::UrlNotGood.into());
        };
        let call = Call::plain(client, origin, Dialect::Modern);
        self.perform(&call, Action::SessionOpen, move |work| open(work, id)).await
    }

    /// The session of a token that may still be opened, and the client that asked for it, if that is still live.
    async fn session_behind(&self, token: &SecretText) -> Result<Option<(i32, Arc<Client>)>, StoreError> {
        let (verifier, now) = (Verifier::of(token), self.0.clock.now());
        let find = move |connection: &mut AnyConnection| session::by_token_hash(connection, verifier.as_bytes());
        let Some((row, client_id)) = self.0.store.read(find).await? else { return Ok(None) };
        let grants = self.0.grants.load();
        let client = grants.client(&client_id).filter(|client| client.is_live(now));
        let waiting = row.end(crate::clock::to_micros(now)).is_none();
        Ok(client.filter(|_| waiting).map(|client| (row.id, Arc::clone(client))))
    }
}

/// Asks everything again that may have changed since it was looked up, and takes the URL: of several at once, one.
fn open(work: &mut Work<'_, '_>, id: i32) -> Result<(), VaultError> {
    work.touches(Object::Session(id));
    let row = session::by_id(work.connection(), id)?.ok_or(StoreError::NotFound)?;
    let source = work.call.origin.source.to_string();
    if row.bound_to.is_some_and(|bound| bound != source) {
        return Err(SessionError::UrlBoundElsewhere.into());
    }
    let credential = credential::by_id(work.connection(), row.credential_id)?.ok_or(StoreError::NotFound)?;
    let device = device::by_id(work.connection(), credential.device_id)?.ok_or(StoreError::NotFound)?;
    let (authorization, now) = (work.authorization(), work.micros());
    let seen = visibility::sees_credential(work.connection(), authorization, &credential)?;
    if seen && credential.active && device.active && session::end(work.connection(), id, Some(&source), now)? {
        Ok(())
    } else {
        Err(SessionError::UrlNotGood.into())
    }
}
