//! Table of accounts that exist on their targets only while the custody of a credential lasts.

use diesel::dsl::count_star;
use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
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

/// Returns the accounts on the targets of a device, in any state.
pub fn at_device(connection: &mut AnyConnection, device: DeviceId) -> Result<Vec<JitAccountRow>, StoreError> {
    let of_device = jit_account::table.filter(jit_account::device_id.eq(device));
    Ok(of_device.select(JitAccountRow::as_select()).load(connection)?)
}

/// Counts the accounts in each state.
pub fn counts(connection: &mut AnyConnection) -> Result<Vec<(String, i64)>, StoreError> {
    let counts = jit_account::table.group_by(jit_account::state).select((jit_account::state, count_star()));
    Ok(counts.load(connection)?)
}

/// Stores a row in place of the former one.
pub fn store(connection: &mut AnyConnection, row: &JitAccountRow) -> Result<(), StoreError> {
    let updated = diesel::update(jit_account::table.find(row.credential_id)).set(row).execute(connection)?;
    if updated == 0 {
        diesel::insert_into(jit_account::table).values(row).execute(connection)?;
    }
    Ok(())
}
