//! The table of proxy sessions: running, waiting for their URL to be opened, and ended.

use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::id::{AuthorizationId, CredentialId, DeviceId, ProxySessionId};
use super::schema::{authorization, credential, proxy_session};
use super::visibility::seen_credentials;
use super::{AnyConnection, StoreError};

/// A proxy session.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = proxy_session)]
#[expect(missing_docs, reason = "columns")]
pub struct ProxySessionRow {
    pub id: ProxySessionId,
    pub session_id: String,
    pub credential_id: CredentialId,
    pub user_name: String,
    pub username: String,
    pub host: String,
    pub port: i32,
    pub protocol: String,
    pub bound_to: Option<String>,
    pub started_at: i64,
    pub url_expires_at: i64,
    pub opened_from: Option<String>,
    pub ended_at: Option<i64>,
}

impl ProxySessionRow {
    /// Returns the end of the session, if it has ended at `now`. A session whose URL was not opened ends when the URL
    /// expires.
    pub fn end(&self, now: i64) -> Option<i64> {
        let ran_out = (self.url_expires_at <= now).then_some(self.url_expires_at);
        self.ended_at.or(ran_out)
    }
}

/// The columns of a new session.
#[derive(Insertable)]
#[diesel(table_name = proxy_session)]
#[expect(missing_docs, reason = "columns")]
pub struct NewProxySession<'a> {
    pub session_id: &'a str,
    pub token_hash: &'a [u8],
    pub authorization_id: AuthorizationId,
    pub credential_id: CredentialId,
    pub remote_device_id: Option<DeviceId>,
    pub user_name: &'a str,
    pub username: &'a str,
    pub host: &'a str,
    pub port: i32,
    pub protocol: &'a str,
    pub remote_app: Option<i32>,
    pub screen_size: &'a str,
    pub bound_to: Option<String>,
    pub started_at: i64,
    pub url_expires_at: i64,
}

/// Inserts a session and returns its id.
pub fn insert(connection: &mut AnyConnection, row: NewProxySession<'_>) -> Result<ProxySessionId, StoreError> {
    Ok(diesel::insert_into(proxy_session::table).values(row).returning(proxy_session::id).get_result(connection)?)
}

/// Returns the session with this id.
pub fn by_id(connection: &mut AnyConnection, id: ProxySessionId) -> Result<Option<ProxySessionRow>, StoreError> {
    Ok(proxy_session::table.find(id).select(ProxySessionRow::as_select()).first(connection).optional()?)
}

/// Returns the session with this public id.
pub fn by_session_id(connection: &mut AnyConnection, session_id: &str) -> Result<Option<ProxySessionRow>, StoreError> {
    let named = proxy_session::table.filter(proxy_session::session_id.eq(session_id));
    Ok(named.select(ProxySessionRow::as_select()).first(connection).optional()?)
}

/// Returns the session whose URL has the token with this hash, and the client that requested it.
pub fn by_token_hash(
    connection: &mut AnyConnection,
    token_hash: &[u8],
) -> Result<Option<(ProxySessionRow, String)>, StoreError> {
    Ok(proxy_session::table
        .inner_join(authorization::table)
        .filter(proxy_session::token_hash.eq(token_hash))
        .select((ProxySessionRow::as_select(), authorization::client_id))
        .first(connection)
        .optional()?)
}

/// Returns the sessions of the credentials that the authorization sees, active or not; oldest first.
pub fn visible_to(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
) -> Result<Vec<ProxySessionRow>, StoreError> {
    Ok(proxy_session::table
        .inner_join(credential::table)
        .filter(seen_credentials(authorization))
        .order(proxy_session::id)
        .select(ProxySessionRow::as_select())
        .load(connection)?)
}

/// Whether a session of the credential has not ended at `now`.
pub fn in_use(connection: &mut AnyConnection, credential: CredentialId, now: i64) -> Result<bool, StoreError> {
    let live: i64 = proxy_session::table
        .filter(proxy_session::credential_id.eq(credential))
        .filter(proxy_session::ended_at.is_null())
        .filter(proxy_session::url_expires_at.gt(now))
        .count()
        .get_result(connection)?;
    Ok(live > 0)
}

/// Ends a session. Returns whether this call did: of several concurrent calls, one does. `opened_from` is the address
/// that opened the URL, if that ends the session.
pub fn end(
    connection: &mut AnyConnection,
    id: ProxySessionId,
    opened_from: Option<&str>,
    now: i64,
) -> Result<bool, StoreError> {
    let live = proxy_session::table
        .find(id)
        .filter(proxy_session::ended_at.is_null())
        .filter(proxy_session::url_expires_at.gt(now));
    let ended = diesel::update(live)
        .set((proxy_session::ended_at.eq(now), proxy_session::opened_from.eq(opened_from)))
        .execute(connection)?;
    Ok(ended == 1)
}
