//! Sessions with hosts whose key is checked before anything else is said.

use std::sync::{Arc, Mutex, PoisonError};

use chaveiro_rotation::{Account, TargetError, TargetIdentity};
use russh::client::{Config, DisconnectReason, Handle, Handler, connect_stream};
use russh::keys::{HashAlg, PublicKeyOrCertificate};

use crate::failure;
use crate::net::{self, CONNECT, within};

const PORT: u16 = 22;
/// What OpenSSH says when it ends a session instead of refusing one more secret.
const TOO_MANY_FAILURES: &str = "Too many authentication failures";

/// What the host has told so far.
#[derive(Debug, Default)]
struct Seen {
    host_key: Option<TargetIdentity>,
    too_many_failures: bool,
}

/// Watches a session for the host's key and for the way in which the host ends it.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pinned: Option<TargetIdentity>,
    seen: Arc<Mutex<Seen>>,
}

impl Watch {
    fn new(pinned: Option<TargetIdentity>) -> Self {
        Self { pinned, seen: Arc::default() }
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Seen) -> T) -> T {
        use_it(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the host has ended the session because a secret was refused.
    pub(super) fn ended_by_refusal(&self) -> bool {
        self.with(|seen| seen.too_many_failures)
    }
}

impl Handler for Watch {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let presented = TargetIdentity(key.fingerprint(HashAlg::Sha256).to_string());
        let is_pinned = self.pinned.as_ref() == Some(&presented);
        self.with(|seen| seen.host_key = Some(presented));
        Ok(is_pinned)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let refused = info.message.starts_with(TOO_MANY_FAILURES);
                self.with(|seen| seen.too_many_failures |= refused);
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

/// A session with the pinned host, before the login.
pub(super) struct Host {
    pub(super) handle: Handle<Watch>,
    pub(super) watch: Watch,
}

/// Connects to the account's host, which must have the pinned key.
pub(super) async fn connect(account: &Account) -> Result<Host, TargetError> {
    if account.identity.is_none() {
        return Err(failure::misconfigured("the key of the host is not pinned"));
    }
    let watch = Watch::new(account.identity.clone());
    let stream = net::connect(account, PORT).await?;
    let handle = within(CONNECT, connect_stream(Arc::new(Config::default()), stream, watch.clone())).await?;
    let handle = handle.map_err(|_| {
        let other = watch.with(|seen| seen.host_key.is_some() && seen.host_key != watch.pinned);
        if other {
            failure::identity_changed("the key of the host is not the pinned one")
        } else {
            failure::unreachable("the handshake of SSH failed")
        }
    })?;
    Ok(Host { handle, watch })
}

/// Returns the fingerprint of the host's key. The session ends before a login.
pub(super) async fn identify(account: &Account) -> Result<Option<TargetIdentity>, TargetError> {
    let watch = Watch::new(None);
    let stream = net::connect(account, PORT).await?;
    // Ends in an error: no key is accepted here.
    let _ = within(CONNECT, connect_stream(Arc::new(Config::default()), stream, watch.clone())).await?;
    let presented = watch.with(|seen| seen.host_key.clone());
    presented.map(Some).ok_or(failure::unreachable("the handshake of SSH failed"))
}
