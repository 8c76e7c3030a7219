//! The table of the secrets of authorizations. Their values are in the table of sealed values.

use diesel::dsl::{count_star, sum};
use diesel::{AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};
use serde::{Deserialize, Serialize};

use super::connection::on_engine;
use super::id::{ApplicationSecretId, AuthorizationId};
use super::schema::application_secret;
use super::{AnyConnection, StoreError};

/// A secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns")]
pub struct ApplicationSecretRow {
    pub id: ApplicationSecretId,
    pub authorization_id: AuthorizationId,
    pub identity: String,
    pub name: String,
    pub description: String,
    pub expiration_date: String,
    pub engine: String,
    /// The bytes of its values.
    pub size: i32,
    pub created_at: i64,
    pub changed_at: i64,
}

/// The columns to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = application_secret)]
#[expect(missing_docs, reason = "columns")]
pub struct ApplicationSecretChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub expiration_date: Option<String>,
    pub engine: Option<String>,
}

/// Returns the secret of an authorization with this identity.
pub fn by_identity(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    identity: &str,
) -> Result<Option<ApplicationSecretRow>, StoreError> {
    let row = application_secret::table
        .filter(application_secret::authorization_id.eq(authorization))
        .filter(application_secret::identity.eq(identity));
    Ok(row.first(connection).optional()?)
}

/// Returns at most `limit` secrets of an authorization, oldest first.
pub fn by_authorization(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    limit: i64,
) -> Result<Vec<ApplicationSecretRow>, StoreError> {
    let rows = application_secret::table.filter(application_secret::authorization_id.eq(authorization));
    let query = rows.order(application_secret::id).limit(limit);
    Ok(on_engine!(connection, c => query.load(c))?)
}

/// Returns the number of secrets of an authorization, and the bytes of their values.
pub fn usage(connection: &mut AnyConnection, authorization: AuthorizationId) -> Result<(i64, i64), StoreError> {
    let rows = application_secret::table.filter(application_secret::authorization_id.eq(authorization));
    let totals = rows.select((count_star(), sum(application_secret::size)));
    let (count, bytes): (i64, Option<i64>) = totals.first(connection)?;
    Ok((count, bytes.unwrap_or_default()))
}

/// Sets the bytes of the values of a secret.
pub fn set_size(connection: &mut AnyConnection, id: ApplicationSecretId, size: i32) -> Result<(), StoreError> {
    diesel::update(application_secret::table.find(id)).set(application_secret::size.eq(size)).execute(connection)?;
    Ok(())
}

/// Inserts a secret, which is named after its identity, and returns its id.
pub fn insert(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    identity: &str,
    engine: &str,
    now: i64,
) -> Result<ApplicationSecretId, StoreError> {
    Ok(diesel::insert_into(application_secret::table)
        .values((
            application_secret::authorization_id.eq(authorization),
            application_secret::identity.eq(identity),
            application_secret::name.eq(identity),
            application_secret::description.eq(""),
            application_secret::expiration_date.eq(""),
            application_secret::engine.eq(engine),
            application_secret::size.eq(0),
            application_secret::created_at.eq(now),
            application_secret::changed_at.eq(now),
        ))
        .returning(application_secret::id)
        .get_result(connection)?)
}

/// Changes columns of a secret, and returns it.
pub fn update(
    connection: &mut AnyConnection,
    id: ApplicationSecretId,
    changes: &ApplicationSecretChanges,
    now: i64,
) -> Result<ApplicationSecretRow, StoreError> {
    diesel::update(application_secret::table.find(id))
        .set((changes, application_secret::changed_at.eq(now)))
        .execute(connection)?;
    Ok(application_secret::table.find(id).first(connection)?)
}
