//! Proxy sessions, the contract part (contract, section 9): a single-use URL for a session, the list of sessions, and
//! dropping one. No engine proxies anything yet, so a session is over as soon as its URL is opened.
//!
//! A session belongs to its credential: who sees the credential sees its sessions, and nobody else does.

mod create;
mod error;
mod open;
mod parameters;
mod protocol;

use std::net::IpAddr;

use chrono::{DateTime, Utc};

pub use create::{CreatedSession, SessionLink, URL_PARAMETER, URL_PATH};
pub use error::SessionError;
pub use parameters::SessionInput;
pub use protocol::Protocol;

use super::input::{is_storable, key_number};
use super::{Action, Call, Object, Vault, VaultError, Work};
use crate::clock::{from_micros, to_micros};
use crate::store::session::{self, SessionRow};
use crate::store::{AnyConnection, StoreError, credential, visibility};

/// A session, as it is listed.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its number.
    pub id: i32,
    /// Its public id: 40 hexadecimal digits.
    pub session_id: String,
    /// The platform user in whose name it was asked for.
    pub user: String,
    /// Where its URL was opened, or is to be opened.
    pub origin: Option<String>,
    /// The username of the credential.
    pub username: String,
    /// Host and port.
    pub target: String,
    /// The protocol.
    pub protocol: String,
    /// When its URL was given out.
    pub start: DateTime<Utc>,
    /// When it was over; `None` while its URL can be opened.
    pub end: Option<DateTime<Utc>>,
    /// How many seconds it took, or has taken so far.
    pub seconds: i64,
}

impl Session {
    fn of(row: SessionRow, now: DateTime<Utc>) -> Self {
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

/// `host:port`, with the brackets of an IPv6 address.
fn target(host: &str, port: i32) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}

impl Vault {
    /// The sessions of credentials that the client sees, oldest first.
    pub async fn list_sessions(&self, call: &Call) -> Result<Vec<Session>, VaultError> {
        let now = self.0.clock.now();
        let query = move |connection: &mut AnyConnection, call: &Call| {
            let rows = session::visible_to(connection, call.client.id)?;
            Ok((rows.into_iter().map(|row| Session::of(row, now)).collect(), None))
        };
        self.look(call, Action::SessionList, query).await
    }

    /// One session, by its number or its public id, if there is one that the client sees.
    pub async fn read_session(&self, call: &Call, key: String) -> Result<Option<Session>, VaultError> {
        let now = self.0.clock.now();
        let query = move |connection: &mut AnyConnection, call: &Call| {
            let row = match key_number(&key) {
                Some(id) => session::by_id(connection, id)?,
                None => by_session_id(connection, &key)?,
            };
            let seen = match row {
                Some(row) if is_visible(connection, call.client.id, &row)? => Some(row),
                _ => None,
            };
            let object = seen.as_ref().map(|row| Object::Session(row.id));
            Ok((seen.map(|row| Session::of(row, now)), object))
        };
        self.look(call, Action::SessionRead, query).await
    }

    /// Ends a session, and with it its URL, by the public id.
    ///
    /// # Errors
    /// [`SessionError::NotFound`], also for one that the client does not see; [`SessionError::Over`].
    pub async fn drop_session(&self, call: &Call, session_id: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = by_session_id(work.connection(), &session_id)?.ok_or(SessionError::NotFound)?;
            work.touches(Object::Session(row.id));
            let (authorization, now) = (work.authorization(), work.micros());
            if !is_visible(work.connection(), authorization, &row)? {
                return Err(SessionError::NotFound.into());
            }
            match session::end(work.connection(), row.id, None, now)? {
                true => Ok(()),
                false => Err(SessionError::Over.into()),
            }
        };
        self.perform(call, Action::SessionDrop, rule).await
    }
}

fn by_session_id(connection: &mut AnyConnection, session_id: &str) -> Result<Option<SessionRow>, StoreError> {
    if is_storable(session_id) { session::by_session_id(connection, session_id) } else { Ok(None) }
}

fn is_visible(connection: &mut AnyConnection, authorization: i32, row: &SessionRow) -> Result<bool, VaultError> {
    let credential = credential::by_id(connection, row.credential_id)?.ok_or(StoreError::NotFound)?;
    Ok(visibility::sees_credential(connection, authorization, &credential)?)
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
