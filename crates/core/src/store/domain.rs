//! The table of registered domains, the only ones that devices and credentials may name.

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::id::DomainId;
use super::schema::domain;
use super::{AnyConnection, Cause, StoreError};
use crate::text::case_folded;

/// Inserts a domain with its name and optional short name, and returns its id.
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
            domain::name_key.eq(case_folded(name)),
            domain::short_name.eq(short_name),
            domain::short_name_key.eq(short_name.map(case_folded)),
        ))
        .returning(domain::id)
        .get_result(connection)?)
}

/// Returns the full name of the domain with this name or short name, ignoring case.
pub fn find(connection: &mut AnyConnection, name: &str) -> Result<Option<String>, StoreError> {
    let key = case_folded(name);
    Ok(domain::table
        .filter(domain::name_key.eq(&key).or(domain::short_name_key.eq(&key)))
        .select(domain::name)
        .first(connection)
        .optional()?)
}

/// Returns all domains: name and short name, by name.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<(String, Option<String>)>, StoreError> {
    Ok(domain::table.order(domain::name_key).select((domain::name, domain::short_name)).load(connection)?)
}
