//! The table of platform users: the people for whom a proxy session can be requested. Names are compared exactly.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::id::UserId;
use super::schema::platform_user;
use super::{AnyConnection, Cause, StoreError};

/// Inserts a user and returns its id.
///
/// # Errors
/// [`StoreError::Conflict`] when the name is taken.
pub fn insert(connection: &mut AnyConnection, name: &str, now: i64) -> Result<UserId, StoreError> {
    if exists(connection, name)? {
        return Err(StoreError::Conflict(Cause::default()));
    }
    Ok(diesel::insert_into(platform_user::table)
        .values((platform_user::name.eq(name), platform_user::created_at.eq(now)))
        .returning(platform_user::id)
        .get_result(connection)?)
}

/// Whether a user has this name.
pub fn exists(connection: &mut AnyConnection, name: &str) -> Result<bool, StoreError> {
    let named = platform_user::table.filter(platform_user::name.eq(name)).select(platform_user::id);
    let found: Option<UserId> = named.first(connection).optional()?;
    Ok(found.is_some())
}

/// Returns the name of the user with this id.
pub fn name(connection: &mut AnyConnection, id: UserId) -> Result<Option<String>, StoreError> {
    Ok(platform_user::table.find(id).select(platform_user::name).first(connection).optional()?)
}

/// Returns the ids of the users with these names, beside the names.
pub fn ids(connection: &mut AnyConnection, names: Vec<&str>) -> Result<Vec<(String, UserId)>, StoreError> {
    let named = platform_user::table.filter(platform_user::name.eq_any(names));
    Ok(named.select((platform_user::name, platform_user::id)).load(connection)?)
}

/// Returns the names of all users, sorted.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    Ok(platform_user::table.order(platform_user::name).select(platform_user::name).load(connection)?)
}
