//! Table of accounts that exist on their targets only while the custody of a credential lasts.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, Selectable, SelectableHelper,
};

use super::id::{CredentialId, DeviceId};
use super::schema::jit_account;
use super::{AnyConnection, StoreError};

/// The account of a credential on its target.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = jit_account, treat_none_as_null = true)]
#[expect(missing_docs, reason = "columns")]
pub struct JitAccountRow {
    pub credential_id: CredentialId,
    pub state: String,
    pub mode: String,
    pub plugin: String,
    pub device_id: DeviceId,
    pub username: String,
    pub host: String,
    pub port: Option<i32>,
    pub options: String,
    pub identity: Option<String>,
    pub operator_id: CredentialId,
    pub mark: String,
    pub attempts: i32,
    pub problem: Option<String>,
    pub changed_at: i64,
}

/// Returns the account of a credential.
pub fn find(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<JitAccountRow>, StoreError> {
    let row = jit_account::table.find(credential).select(JitAccountRow::as_select());
    Ok(row.first(connection).optional()?)
}

/// As [`find`], and locks the row until the transaction ends.
pub fn locked(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<JitAccountRow>, StoreError> {
    match connection {
        // SQLite has one writer and needs no lock.
        AnyConnection::Sqlite(_) => find(connection, credential),
        AnyConnection::Postgresql(c) => {
            let row = jit_account::table.find(credential).select(JitAccountRow::as_select());
            Ok(row.for_update().first(c).optional()?)
        }
    }
}

/// Counts the accounts in a state.
pub fn count(connection: &mut AnyConnection, state: &str) -> Result<i64, StoreError> {
    Ok(jit_account::table.filter(jit_account::state.eq(state)).count().get_result(connection)?)
}

/// Counts the accounts in a state after failed attempts.
pub fn count_failed(connection: &mut AnyConnection, state: &str) -> Result<i64, StoreError> {
    let failed = jit_account::state.eq(state).and(jit_account::attempts.gt(0));
    Ok(jit_account::table.filter(failed).count().get_result(connection)?)
}

/// Stores a row in place of the former one.
pub fn store(connection: &mut AnyConnection, row: &JitAccountRow) -> Result<(), StoreError> {
    let updated = diesel::update(jit_account::table.find(row.credential_id)).set(row).execute(connection)?;
    if updated == 0 {
        diesel::insert_into(jit_account::table).values(row).execute(connection)?;
    }
    Ok(())
}
