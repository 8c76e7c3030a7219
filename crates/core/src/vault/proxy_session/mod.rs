//! Proxy sessions, the contract part (contract, section 9).
//!
//! Creates single-use URLs, lists sessions and ends them. There is no proxy engine yet, so a session ends as soon as its URL
//! is opened.
//!
//! A session belongs to its credential: it is visible exactly to principals that see the credential.

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
    /// The platform user for whom it was created.
    pub user: String,
    /// The address that opened its URL, or to which the URL is bound.
    pub origin: Option<String>,
    /// The username of the credential.
    pub username: String,
    /// Host and port.
    pub target: String,
    /// The protocol.
    pub protocol: String,
    /// Time of creation.
    pub start: DateTime<Utc>,
    /// Time of its end; `None` while its URL can be opened.
    pub end: Option<DateTime<Utc>>,
    /// Duration in seconds; up to now while its URL can be opened.
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

/// Formats `host:port`, with brackets around an IPv6 address.
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

    /// Returns one session by its id or public id; `None` if it does not exist or the client does not see it.
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

    /// Ends a session by its public id. Its URL becomes invalid.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], also if the client does not see the session; [`VaultError::Inactive`] if it has ended.
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

/// Returns the credential of a session, if the client sees it.
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
