//! Tables of the types of PAM providers and their parameters.

use diesel::{ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use crate::store::id::{ParameterId, ProviderId};
use crate::store::schema::{provider, provider_type, provider_type_parameter};
use crate::store::{AnyConnection, StoreError};
use crate::text::case_folded;

/// A provider type.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ProviderTypeRow {
    pub id: String,
    pub name: String,
    pub name_key: String,
    pub built_in: bool,
    pub created_at: i64,
}

/// A parameter of a provider type.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ParameterRow {
    pub id: ParameterId,
    pub type_id: String,
    pub name: String,
    pub name_key: String,
    pub display_name: Option<String>,
    pub data_type: i32,
    pub instance_level: bool,
}

/// The columns of a new parameter.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = provider_type_parameter)]
#[expect(missing_docs, reason = "columns")]
pub struct NewParameter<'a> {
    pub type_id: &'a str,
    pub name: &'a str,
    pub name_key: String,
    pub display_name: Option<&'a str>,
    pub data_type: i32,
    pub instance_level: bool,
}

/// Returns all types, by name.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<ProviderTypeRow>, StoreError> {
    Ok(provider_type::table.order(provider_type::name_key).load(connection)?)
}

/// Returns the type with this id.
pub fn by_id(connection: &mut AnyConnection, id: &str) -> Result<Option<ProviderTypeRow>, StoreError> {
    Ok(provider_type::table.find(id).first(connection).optional()?)
}

/// Whether a type has this name, ignoring case.
pub fn is_taken(connection: &mut AnyConnection, name: &str) -> Result<bool, StoreError> {
    let same = provider_type::table.filter(provider_type::name_key.eq(case_folded(name))).select(provider_type::id);
    Ok(same.first::<String>(connection).optional()?.is_some())
}

/// Returns the parameters of all types, in the order of their creation.
pub fn parameters(connection: &mut AnyConnection) -> Result<Vec<ParameterRow>, StoreError> {
    Ok(provider_type_parameter::table.order(provider_type_parameter::id).load(connection)?)
}

/// Returns the parameters of a type, in the order of their creation.
pub fn parameters_by_type(connection: &mut AnyConnection, type_id: &str) -> Result<Vec<ParameterRow>, StoreError> {
    Ok(provider_type_parameter::table
        .filter(provider_type_parameter::type_id.eq(type_id))
        .order(provider_type_parameter::id)
        .load(connection)?)
}

/// Inserts a type.
pub fn insert(connection: &mut AnyConnection, id: &str, name: &str, now: i64) -> Result<(), StoreError> {
    diesel::insert_into(provider_type::table)
        .values((
            provider_type::id.eq(id),
            provider_type::name.eq(name),
            provider_type::name_key.eq(case_folded(name)),
            provider_type::built_in.eq(false),
            provider_type::created_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Inserts a parameter.
pub fn insert_parameter(connection: &mut AnyConnection, parameter: &NewParameter<'_>) -> Result<(), StoreError> {
    diesel::insert_into(provider_type_parameter::table).values(parameter).execute(connection)?;
    Ok(())
}

/// Whether a provider has this type.
pub fn is_used(connection: &mut AnyConnection, id: &str) -> Result<bool, StoreError> {
    let users = provider::table.filter(provider::type_id.eq(id)).select(provider::id).limit(1);
    Ok(users.first::<ProviderId>(connection).optional()?.is_some())
}

/// Deletes a type and its parameters.
pub fn delete(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    diesel::delete(provider_type_parameter::table.filter(provider_type_parameter::type_id.eq(id)))
        .execute(connection)?;
    diesel::delete(provider_type::table.find(id)).execute(connection)?;
    Ok(())
}
