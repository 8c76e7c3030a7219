//! Registered domains. Devices and credentials may name these and no others.

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::id::DomainId;
use super::schema::domain;
use super::{AnyConnection, Cause, StoreError, folded};

/// Registers a domain under its name and, if it has one, its short name, and returns its id.
///
/// # Errors
/// [`StoreError::Conflict`] when either name is taken.
pub fn insert(connection: &mut AnyConnection, name: &str, short_name: Option<&str>) -> Result<DomainId, StoreError> {
    for taken in [Some(name), short_name].into_iter().flatten() {
        if find(connection, taken)?.is_some() {
            return Err(StoreError::Conflict(Cause::default()));
        }
    }
    Ok(diesel::insert_into(domain::table)
        .values((
            domain::name.eq(name),
            domain::name_key.eq(folded(name)),
            domain::short_name.eq(short_name),
            domain::short_name_key.eq(short_name.map(folded)),
        ))
        .returning(domain::id)
        .get_result(connection)?)
}

/// The full name of the domain that `name` names, ignoring case, by its name or its short name.
pub fn find(connection: &mut AnyConnection, name: &str) -> Result<Option<String>, StoreError> {
    let key = folded(name);
    Ok(domain::table
        .filter(domain::name_key.eq(&key).or(domain::short_name_key.eq(&key)))
        .select(domain::name)
        .first(connection)
        .optional()?)
}

/// Every domain: name and short name, by name.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<(String, Option<String>)>, StoreError> {
    Ok(domain::table.order(domain::name_key).select((domain::name, domain::short_name)).load(connection)?)
}
