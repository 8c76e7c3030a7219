//! Opens a session of PostgreSQL, and checks that the vault can use it.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Bool, Text};
use diesel::{Connection, ConnectionError, PgConnection, QueryableByName, RunQueryDsl};

use super::TIMEOUTS;
use crate::store::watch::{note_connecting, note_statements, note_waiting};
use crate::store::{Cause, StoreError};

/// Sessions that are compared with the first one. A pooler hands out its idle connections in turn.
const COMPARED_SESSIONS: usize = 4;

/// Properties of a server and of a session.
#[derive(QueryableByName)]
struct Properties {
    #[diesel(sql_type = Bool)]
    is_read_only: bool,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Text)]
    message_language: String,
}

const PROPERTIES: &str = "SELECT current_setting('transaction_read_only')::boolean AS is_read_only, \
    current_setting('server_encoding') AS encoding, current_setting('lc_messages') AS message_language";

/// Opens and configures a connection.
///
/// # Errors
/// [`StoreError::Connection`]; [`StoreError::ReadOnly`] on a standby: a connection to it would outlive the failover that brought
/// it here.
/// [`StoreError::Location`] for a database that cannot store every text.
pub(super) fn open(url: &str) -> Result<PgConnection, StoreError> {
    let mut connection = establish(url)?;
    connection
        .batch_execute(&format!("SET application_name = 'chaveiro'; {TIMEOUTS}; SET client_min_messages = warning"))?;
    let properties: Properties = diesel::sql_query(PROPERTIES).get_result(&mut connection)?;
    if properties.is_read_only {
        return Err(StoreError::ReadOnly(Cause::default()));
    }
    if properties.encoding != "UTF8" {
        return Err(StoreError::Location(format!(
            "the encoding of the PostgreSQL database is {}, which cannot store every text; create it with ENCODING \
             'UTF8'",
            properties.encoding
        )));
    }
    set_message_language(&mut connection, &properties.message_language);
    Ok(connection)
}

fn establish(url: &str) -> Result<PgConnection, StoreError> {
    note_connecting();
    let established = PgConnection::establish(&with_timeouts(url));
    note_waiting(false);
    let mut connection = established.map_err(|error| StoreError::Connection(reason(&error)))?;
    note_statements(&mut connection);
    Ok(connection)
}

/// Timeouts of libpq, as far as the URL sets no other: of connecting to one address (s), of unacknowledged data (ms), and of a
/// peer that is silent while nothing is sent (s).
const CONNECTION_TIMEOUTS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("tcp_user_timeout", "8000"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
];

/// Adds the timeouts that a URL does not set.
fn with_timeouts(url: &str) -> String {
    let (_, parameters) = url.split_once('?').unwrap_or((url, ""));
    let is_set = |name: &str| parameters.split('&').any(|parameter| parameter.split('=').next() == Some(name));
    let mut whole = url.to_string();
    for (name, value) in CONNECTION_TIMEOUTS.into_iter().filter(|(name, _)| !is_set(name)) {
        whole.push(if whole.contains('?') { '&' } else { '?' });
        whole.push_str(&format!("{name}={value}"));
    }
    whole
}

/// Returns the reason of a failed connection without what the message quotes: libpq takes a part of a password with special
/// characters for a host.
fn reason(error: &ConnectionError) -> String {
    let ConnectionError::BadConnection(message) = error else {
        return "its session could not be set up".into();
    };
    let line = message.lines().next().unwrap_or_default();
    if line.starts_with("could not translate host name") {
        return "the name of its host cannot be resolved".into();
    }
    let of_server = line.strip_prefix("connection to server").and_then(|rest| rest.split_once(" failed: "));
    of_server.map_or_else(|| "the database URL is not one that libpq takes".into(), |(_, reason)| reason.into())
}

/// Checks that two connections never share a session, which they do behind a pooler in transaction or statement mode.
pub(super) fn require_sessions(url: &str) -> Result<(), StoreError> {
    #[derive(QueryableByName)]
    struct Session {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        pid: i32,
    }
    let session = |connection: &mut PgConnection| -> Result<i32, StoreError> {
        let session: Session = diesel::sql_query("SELECT pg_backend_pid() AS pid").get_result(connection)?;
        Ok(session.pid)
    };
    let mut first = establish(url)?;
    let first_session = session(&mut first)?;
    for _ in 0..COMPARED_SESSIONS {
        let other_session = session(&mut establish(url)?)?;
        // A pooler that hands out its sessions in turn gives the first connection another one, not the others the first.
        if other_session == first_session || session(&mut first)? != first_session {
            return Err(StoreError::Location(
                "the pooler before PostgreSQL shares a session among connections; use session mode, or connect to \
                 PostgreSQL directly"
                    .into(),
            ));
        }
    }
    Ok(())
}

/// Sets the language of PostgreSQL's error messages to English, because errors are classified by their messages. This
/// needs a superuser, or a role with the privilege to set `lc_messages`; otherwise the server has to be configured
/// so.
fn set_message_language(connection: &mut PgConnection, language: &str) {
    static WARNED: std::sync::Once = std::sync::Once::new();
    let is_english = matches!(language, "" | "C" | "POSIX") || language.starts_with("en") || language.starts_with("C.");
    if !is_english && connection.batch_execute("SET lc_messages = 'C'").is_err() {
        WARNED.call_once(|| {
            log::warn!(
                "PostgreSQL reports errors in the language {language}, so deadlocks cannot be distinguished from \
                 other errors; run: ALTER ROLE <role of chaveiro> SET lc_messages = 'C'"
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gets_the_timeouts_that_it_does_not_set() {
        let all = "connect_timeout=3&tcp_user_timeout=8000&keepalives_idle=5&keepalives_interval=2&keepalives_count=3";
        assert_eq!(with_timeouts("postgres://h/d"), format!("postgres://h/d?{all}"));
        assert_eq!(with_timeouts("postgres://h"), format!("postgres://h?{all}"));
        let set = "postgres:///d?host=/tmp&connect_timeout=60&keepalives_count=9";
        assert_eq!(with_timeouts(set), format!("{set}&tcp_user_timeout=8000&keepalives_idle=5&keepalives_interval=2"));
    }
}
