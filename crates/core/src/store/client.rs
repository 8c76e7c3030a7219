//! Tables of applications, their authorizations (API clients), client secrets, and revoked tokens.

use diesel::{ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::{ApplicationId, AuthorizationId, ClientSecretId};
use super::schema::{application, authorization, client_secret, revoked_token};
use super::{AnyConnection, Cause, StoreError, meta};

/// An application.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ApplicationRow {
    pub id: ApplicationId,
    pub name: String,
    pub active: bool,
    pub created_at: i64,
}

/// Inserts an active application and returns its id.
///
/// # Errors
/// [`StoreError::Conflict`] when the name is taken.
pub fn insert_application(connection: &mut AnyConnection, name: &str, now: i64) -> Result<ApplicationId, StoreError> {
    if application_by_name(connection, name)?.is_some() {
        return Err(StoreError::Conflict(Cause::default()));
    }
    Ok(diesel::insert_into(application::table)
        .values((application::name.eq(name), application::active.eq(true), application::created_at.eq(now)))
        .returning(application::id)
        .get_result(connection)?)
}

/// Returns the application with this name.
pub fn application_by_name(connection: &mut AnyConnection, name: &str) -> Result<Option<ApplicationRow>, StoreError> {
    Ok(application::table.filter(application::name.eq(name)).first(connection).optional()?)
}

/// Returns all applications, by name.
pub fn applications(connection: &mut AnyConnection) -> Result<Vec<ApplicationRow>, StoreError> {
    Ok(application::table.order(application::name).load(connection)?)
}

/// Activates or deactivates an application.
pub fn set_application_active(
    connection: &mut AnyConnection,
    id: ApplicationId,
    active: bool,
) -> Result<(), StoreError> {
    diesel::update(application::table.find(id)).set(application::active.eq(active)).execute(connection)?;
    Ok(())
}

/// An authorization: an API client and its rights.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct AuthorizationRow {
    pub id: AuthorizationId,
    pub application_id: ApplicationId,
    pub client_id: String,
    pub access: String,
    pub resources: String,
    pub allowed_ips: String,
    pub expires_at: Option<i64>,
    pub active: bool,
    pub created_at: i64,
    pub referers: String,
    pub certificates: String,
    pub sender_constraint: Option<String>,
}

/// The columns of a new authorization.
#[derive(Insertable)]
#[diesel(table_name = authorization)]
#[expect(missing_docs, reason = "columns")]
pub struct NewAuthorization<'a> {
    pub application_id: ApplicationId,
    pub client_id: &'a str,
    pub access: &'a str,
    pub resources: &'a str,
    pub allowed_ips: &'a str,
    pub referers: &'a str,
    pub certificates: &'a str,
    pub sender_constraint: Option<&'a str>,
    pub expires_at: Option<i64>,
    pub active: bool,
    pub created_at: i64,
}

/// Inserts an authorization and returns its id.
pub fn insert_authorization(
    connection: &mut AnyConnection,
    row: &NewAuthorization<'_>,
) -> Result<AuthorizationId, StoreError> {
    Ok(diesel::insert_into(authorization::table)
        .values((
            authorization::application_id.eq(row.application_id),
            authorization::client_id.eq(row.client_id),
            authorization::access.eq(row.access),
            authorization::resources.eq(row.resources),
            authorization::allowed_ips.eq(row.allowed_ips),
            authorization::referers.eq(row.referers),
            authorization::certificates.eq(row.certificates),
            authorization::sender_constraint.eq(row.sender_constraint),
            authorization::expires_at.eq(row.expires_at),
            authorization::active.eq(row.active),
            authorization::created_at.eq(row.created_at),
        ))
        .returning(authorization::id)
        .get_result(connection)?)
}

/// Returns all authorizations, oldest first.
pub fn authorizations(connection: &mut AnyConnection) -> Result<Vec<AuthorizationRow>, StoreError> {
    Ok(authorization::table.order(authorization::id).load(connection)?)
}

/// Returns the authorization with this client id.
pub fn authorization_by_client(
    connection: &mut AnyConnection,
    client_id: &str,
) -> Result<Option<AuthorizationRow>, StoreError> {
    Ok(authorization::table.filter(authorization::client_id.eq(client_id)).first(connection).optional()?)
}

/// Returns the authorization with this id.
pub fn authorization_by_id(
    connection: &mut AnyConnection,
    id: AuthorizationId,
) -> Result<Option<AuthorizationRow>, StoreError> {
    Ok(authorization::table.find(id).first(connection).optional()?)
}

/// Activates or deactivates an authorization.
pub fn set_authorization_active(
    connection: &mut AnyConnection,
    id: AuthorizationId,
    active: bool,
) -> Result<(), StoreError> {
    diesel::update(authorization::table.find(id)).set(authorization::active.eq(active)).execute(connection)?;
    Ok(())
}

/// The hash of a client secret.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ClientSecretRow {
    pub id: ClientSecretId,
    pub authorization_id: AuthorizationId,
    pub hash: Vec<u8>,
    pub expires_at: Option<i64>,
    pub created_at: i64,
}

/// Inserts the hash of a new client secret, which does not expire.
pub fn insert_client_secret(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    hash: &[u8],
    now: i64,
) -> Result<(), StoreError> {
    insert_expiring_secret(connection, authorization, hash, None, now)
}

/// Inserts the hash of a new client secret.
pub fn insert_expiring_secret(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    hash: &[u8],
    expires_at: Option<i64>,
    now: i64,
) -> Result<(), StoreError> {
    diesel::insert_into(client_secret::table)
        .values((
            client_secret::authorization_id.eq(authorization),
            client_secret::hash.eq(hash),
            client_secret::expires_at.eq(expires_at),
            client_secret::created_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Returns the hashes of all client secrets, oldest first.
pub fn client_secrets(connection: &mut AnyConnection) -> Result<Vec<ClientSecretRow>, StoreError> {
    Ok(client_secret::table.order(client_secret::id).load(connection)?)
}

/// Returns the hashes of the client secrets of an authorization, oldest first.
pub fn client_secrets_by_authorization(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
) -> Result<Vec<ClientSecretRow>, StoreError> {
    Ok(client_secret::table
        .filter(client_secret::authorization_id.eq(authorization))
        .order(client_secret::id)
        .load(connection)?)
}

/// Sets the expiry of a client secret.
pub fn set_secret_expiry(
    connection: &mut AnyConnection,
    id: ClientSecretId,
    expires_at: i64,
) -> Result<(), StoreError> {
    diesel::update(client_secret::table.find(id))
        .set(client_secret::expires_at.eq(Some(expires_at)))
        .execute(connection)?;
    Ok(())
}

/// Deletes a client secret.
pub fn delete_client_secret(connection: &mut AnyConnection, id: ClientSecretId) -> Result<(), StoreError> {
    diesel::delete(client_secret::table.find(id)).execute(connection)?;
    Ok(())
}

/// A revoked token.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct RevokedTokenRow {
    pub jti: String,
    pub expires_at: i64,
    pub mark: i64,
}

/// Inserts the id of a revoked token under the next revocation mark: every node then knows it within a second.
pub fn revoke_token(connection: &mut AnyConnection, jti: &str, expires_at: i64) -> Result<(), StoreError> {
    let mark = meta::next_revocation_mark(connection)?;
    diesel::delete(revoked_token::table.find(jti)).execute(connection)?;
    diesel::insert_into(revoked_token::table)
        .values((revoked_token::jti.eq(jti), revoked_token::expires_at.eq(expires_at), revoked_token::mark.eq(mark)))
        .execute(connection)?;
    Ok(())
}

/// Returns the revoked tokens with a higher mark that have not expired.
pub fn revoked_since(connection: &mut AnyConnection, mark: i64, now: i64) -> Result<Vec<RevokedTokenRow>, StoreError> {
    let newer = revoked_token::table.filter(revoked_token::mark.gt(mark));
    Ok(newer.filter(revoked_token::expires_at.gt(now)).load(connection)?)
}

/// Deletes about `most` of the revoked tokens that have expired at `now`, oldest first. Returns whether there may be more.
pub fn delete_expired_revocations(connection: &mut AnyConnection, now: i64, most: i64) -> Result<bool, StoreError> {
    let last_of_batch: Option<i64> = revoked_token::table
        .filter(revoked_token::expires_at.le(now))
        .order(revoked_token::expires_at)
        .offset(most - 1)
        .select(revoked_token::expires_at)
        .first(connection)
        .optional()?;
    let batch = revoked_token::table.filter(revoked_token::expires_at.le(last_of_batch.unwrap_or(now)));
    diesel::delete(batch).execute(connection)?;
    Ok(last_of_batch.is_some())
}
