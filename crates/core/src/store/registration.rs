//! The table of registrations: the system and the environment that an authorization is for.

use diesel::{AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};
use serde::{Deserialize, Serialize};

use super::id::AuthorizationId;
use super::schema::{application, authorization, registration};
use super::{AnyConnection, StoreError};

/// A registration.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns")]
pub struct RegistrationRow {
    pub authorization_id: AuthorizationId,
    pub registered_by: AuthorizationId,
    pub system: String,
    pub environment: String,
    pub unique_key: Option<String>,
    pub description: Option<String>,
    /// A JSON array.
    pub tags: String,
}

/// The columns to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = registration)]
#[expect(missing_docs, reason = "columns")]
pub struct RegistrationChanges {
    pub description: Option<String>,
    pub tags: Option<String>,
}

/// Returns the registration of an authorization.
pub fn find(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
) -> Result<Option<RegistrationRow>, StoreError> {
    Ok(registration::table.find(authorization).first(connection).optional()?)
}

/// Returns what an authorization has registered of an application, oldest first.
pub fn by_registrar(
    connection: &mut AnyConnection,
    registrar: AuthorizationId,
    application: &str,
) -> Result<Vec<RegistrationRow>, StoreError> {
    Ok(registration::table
        .inner_join(authorization::table.inner_join(application::table))
        .filter(registration::registered_by.eq(registrar))
        .filter(application::name.eq(application))
        .order(registration::authorization_id)
        .select(registration::all_columns)
        .load(connection)?)
}

/// Returns the number of authorizations that an authorization has registered.
pub fn count(connection: &mut AnyConnection, registrar: AuthorizationId) -> Result<i64, StoreError> {
    Ok(registration::table.filter(registration::registered_by.eq(registrar)).count().get_result(connection)?)
}

/// Inserts a registration.
pub fn insert(connection: &mut AnyConnection, row: &RegistrationRow) -> Result<(), StoreError> {
    diesel::insert_into(registration::table)
        .values((
            registration::authorization_id.eq(row.authorization_id),
            registration::registered_by.eq(row.registered_by),
            registration::system.eq(&row.system),
            registration::environment.eq(&row.environment),
            registration::unique_key.eq(&row.unique_key),
            registration::description.eq(&row.description),
            registration::tags.eq(&row.tags),
        ))
        .execute(connection)?;
    Ok(())
}

/// Changes columns of a registration. Changes without a value are none.
pub fn update(
    connection: &mut AnyConnection,
    authorization: AuthorizationId,
    changes: &RegistrationChanges,
) -> Result<(), StoreError> {
    if changes.description.is_some() || changes.tags.is_some() {
        diesel::update(registration::table.find(authorization)).set(changes).execute(connection)?;
    }
    Ok(())
}
