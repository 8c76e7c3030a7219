//! The table of security identities.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::condition::Engine;
use super::id::IdentityId;
use super::pagination::{Listed, Page};
use crate::store::schema::{identity, identity_role};
use crate::store::{AnyConnection, StoreError};
use crate::text::case_folded;

/// An identity.
#[derive(Clone, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct IdentityRow {
    pub id: IdentityId,
    pub account_name: String,
    pub account_key: String,
    pub identity_type: String,
    pub password: Option<String>,
    pub mac: Vec<u8>,
    pub created_at: i64,
}

impl std::fmt::Debug for IdentityRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityRow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The columns to sort identities by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum IdentityColumn {
    Id,
    AccountName,
    IdentityType,
}

/// Returns a page of the identities.
pub fn list(connection: &mut AnyConnection, page: Page<IdentityColumn>) -> Result<Listed<IdentityRow>, StoreError> {
    let total = identity::table.count().get_result(connection)?;
    let all = identity::table.into_boxed::<Engine>();
    let sorted = match (page.sort, page.descending) {
        (IdentityColumn::Id, false) => all.order(identity::id.asc()),
        (IdentityColumn::Id, true) => all.order(identity::id.desc()),
        (IdentityColumn::AccountName, false) => all.order(identity::account_key.asc()),
        (IdentityColumn::AccountName, true) => all.order(identity::account_key.desc()),
        (IdentityColumn::IdentityType, false) => all.order(identity::identity_type.asc()),
        (IdentityColumn::IdentityType, true) => all.order(identity::identity_type.desc()),
    };
    let rows = sorted.then_order_by(identity::id.asc()).offset(page.offset).limit(page.limit).load(connection)?;
    Ok(Listed { rows, total })
}

/// Returns the identity with this id.
pub fn by_id(connection: &mut AnyConnection, id: IdentityId) -> Result<Option<IdentityRow>, StoreError> {
    Ok(identity::table.find(id).first(connection).optional()?)
}

/// Returns the identity of this account, ignoring case.
pub fn by_account(connection: &mut AnyConnection, account: &str) -> Result<Option<IdentityRow>, StoreError> {
    Ok(identity::table.filter(identity::account_key.eq(case_folded(account))).first(connection).optional()?)
}

/// Returns the ids of the identities of these accounts, ignoring case; each identity once.
pub fn ids_by_account<'a>(
    connection: &mut AnyConnection,
    accounts: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, IdentityId)>, StoreError> {
    let keys: Vec<String> = accounts.map(case_folded).collect();
    let named = identity::table.filter(identity::account_key.eq_any(keys));
    Ok(named.select((identity::account_key, identity::id)).load(connection)?)
}

/// Returns all identities.
pub fn all(connection: &mut AnyConnection) -> Result<Vec<IdentityRow>, StoreError> {
    Ok(identity::table.order(identity::id).load(connection)?)
}

/// Returns all identities that have a password.
pub fn with_password(connection: &mut AnyConnection) -> Result<Vec<IdentityRow>, StoreError> {
    Ok(identity::table.filter(identity::password.is_not_null()).order(identity::id).load(connection)?)
}

/// Inserts an identity, without a MAC yet, and returns its id.
pub fn insert(
    connection: &mut AnyConnection,
    account_name: &str,
    identity_type: &str,
    now: i64,
) -> Result<IdentityId, StoreError> {
    Ok(diesel::insert_into(identity::table)
        .values((
            identity::account_name.eq(account_name),
            identity::account_key.eq(case_folded(account_name)),
            identity::identity_type.eq(identity_type),
            identity::mac.eq(Vec::<u8>::new()),
            identity::created_at.eq(now),
        ))
        .returning(identity::id)
        .get_result(connection)?)
}

/// Sets the password hash of an identity; `None` removes it.
pub fn set_password(connection: &mut AnyConnection, id: IdentityId, password: Option<&str>) -> Result<(), StoreError> {
    diesel::update(identity::table.find(id)).set(identity::password.eq(password)).execute(connection)?;
    Ok(())
}

/// Sets the MAC.
pub fn set_mac(connection: &mut AnyConnection, id: IdentityId, mac: &[u8]) -> Result<(), StoreError> {
    diesel::update(identity::table.find(id)).set(identity::mac.eq(mac)).execute(connection)?;
    Ok(())
}

/// Deletes an identity without roles.
pub fn delete(connection: &mut AnyConnection, id: IdentityId) -> Result<(), StoreError> {
    diesel::delete(identity_role::table.filter(identity_role::identity_id.eq(id))).execute(connection)?;
    diesel::delete(identity::table.find(id)).execute(connection)?;
    Ok(())
}
