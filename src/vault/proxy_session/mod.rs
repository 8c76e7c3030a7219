//! Proxy sessions, the contract part (contract, section 9).
//!
//! A single-use URL for a session, the list of sessions, and ending one. No engine proxies anything yet, so a session ends as soon as its URL is opened.
//!
//! A session belongs to its credential: whoever sees the credential sees its sessions, and nobody else does.

mod create;
mod open;
mod parameters;
mod protocol;
mod targets;

use std::net::IpAddr;

use chrono::{DateTime, Utc};

pub use create::{CreatedProxySession, ProxySessionLink, URL_PARAMETER, URL_PATH};
pub use parameters::{CredentialChoice, ProxySessionInput};
pub use protocol::Protocol;

use super::access::{Visible, visible_credential};
use super::operation::{Done, OperationContext, Permit, Subject};
use super::{Noun, Switchable, Vault, VaultError};
use crate::clock::{from_micros, to_micros};
use crate::store::credential::{self, CredentialRow};
use crate::store::id::ProxySessionId;
use crate::store::proxy_session::{self, ProxySessionRow};
use crate::store::{AnyConnection, StoreError};
use crate::text::{canonical_number, is_storable};

/// A session in a list.
#[derive(Clone, Debug)]
pub struct ProxySession {
    /// Its id.
    pub id: ProxySessionId,
    /// Its public id: 40 hexadecimal digits.
    pub session_id: String,
    /// The platform user in whose name it was created.
    pub user: String,
    /// Where its URL was opened, or is to be opened.
    pub origin: Option<String>,
    /// The username of the credential.
    pub username: String,
    /// Host and port.
    pub target: String,
    /// The protocol.
    pub protocol: String,
    /// When it was created.
    pub start: DateTime<Utc>,
    /// When it ended; `None` while its URL can be opened.
    pub end: Option<DateTime<Utc>>,
    /// How many seconds it lasted, or has lasted so far.
    pub seconds: i64,
}

impl ProxySession {
    fn from_row(row: ProxySessionRow, now: DateTime<Utc>) -> Self {
        let start = from_micros(row.started_at);
        let end = row.end(to_micros(now)).map(from_micros);
        Self {
            target: target(&row.host, row.port),
            id: row.id,
            session_id: row.session_id,
            user: row.user_name,
            origin: row.opened_from.or(row.bound_to),
            username: row.username,
            protocol: row.protocol,
            start,
            end,
            seconds: (end.unwrap_or(now) - start).num_seconds().max(0),
        }
    }
}

/// Writes `host:port`, with the brackets of an IPv6 address.
fn target(host: &str, port: i32) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}

impl Vault {
    /// Lists the sessions of credentials that the client sees, oldest first.
    pub async fn list_proxy_sessions(&self, permit: Permit) -> Result<Vec<ProxySession>, VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let (authorization, now) = (context.authorization()?, context.now());
            let rows = proxy_session::visible_to(context.connection(), authorization)?;
            let list = rows.into_iter().map(|row| ProxySession::from_row(row, now)).collect();
            Ok(Done::new(Subject::Collection, list))
        };
        self.query(permit, query).await
    }

    /// Returns one session by its id or public id, or nothing if there is none that the client sees.
    pub async fn read_proxy_session(&self, permit: Permit, key: String) -> Result<Option<ProxySession>, VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let row = match canonical_number(&key) {
                Some(number) => proxy_session::by_id(context.connection(), ProxySessionId::new(number))?,
                None => by_session_id(context.connection(), &key)?,
            };
            let Some(row) = row else { return Ok(Done::new(Subject::Collection, None)) };
            let subject = Subject::ProxySession(row.id);
            context.found(subject);
            let seen = visible_target(context, &row)?.is_some();
            let now = context.now();
            Ok(Done::new(subject, seen.then(|| ProxySession::from_row(row, now))))
        };
        self.query(permit, query).await
    }

    /// Ends a session, and with it its URL, by the public id.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], also for one that the client does not see; [`VaultError::Inactive`] for one that has ended.
    pub async fn drop_proxy_session(&self, permit: Permit, session_id: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let missing = || VaultError::NotFound(Noun::ProxySession);
            let row = by_session_id(context.connection(), &session_id)?.ok_or_else(missing)?;
            context.found(Subject::ProxySession(row.id));
            visible_target(context, &row)?.ok_or_else(missing)?;
            let now = context.micros();
            if !proxy_session::end(context.connection(), row.id, None, now)? {
                return Err(VaultError::Inactive(Switchable::ProxySession));
            }
            Ok(Done::new(Subject::ProxySession(row.id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

fn by_session_id(connection: &mut AnyConnection, session_id: &str) -> Result<Option<ProxySessionRow>, StoreError> {
    if is_storable(session_id) { proxy_session::by_session_id(connection, session_id) } else { Ok(None) }
}

/// The credential of a session, if the client sees it.
fn visible_target(
    context: &mut OperationContext<'_>,
    row: &ProxySessionRow,
) -> Result<Option<Visible<CredentialRow>>, VaultError> {
    let credential = credential::by_id(context.connection(), row.credential_id)?.ok_or(StoreError::NotFound)?;
    visible_credential(context, credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_host_and_port() {
        assert_eq!(target("10.0.0.1", 22), "10.0.0.1:22");
        assert_eq!(target("2001:db8::1", 443), "[2001:db8::1]:443");
        assert_eq!(target("host.example", 3389), "host.example:3389");
    }
}
