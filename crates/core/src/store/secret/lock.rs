//! Locks of heads. Every change of a secret begins with one.

use diesel::{OptionalExtension, QueryDsl, RunQueryDsl};

use super::{
    HeadColumns, SealedRow, SecretHead, SecretOwner, SecretState, collected, head_with_versions, head_with_versions_of,
};
use crate::store::connection::{BindValue, LockingQuery, RowLock, load_with_cached_sql};
use crate::store::schema::secret_head;
use crate::store::{AnyConnection, StoreError};

/// Returns the head of a secret and locks it until the transaction ends.
pub fn locked_head(connection: &mut AnyConnection, owner: SecretOwner) -> Result<Option<SecretHead>, StoreError> {
    let (kind, owner) = owner.columns();
    let row = secret_head::table.find((kind, owner)).select((
        secret_head::highest_version,
        secret_head::current_version,
        secret_head::mac,
    ));
    let found: Option<HeadColumns> = match connection {
        // SQLite has one writer and needs no lock.
        AnyConnection::Sqlite(c) => row.get_result(c).optional()?,
        AnyConnection::Postgresql(c) => row.for_update().get_result(c).optional()?,
    };
    Ok(found.map(SecretHead::from))
}

/// The lock of the head alone: its versions change with it.
struct Head;

impl RowLock for Head {
    const CLAUSE: &'static str = " FOR UPDATE OF secret_head";
}

/// As [`locked_head`], with the current and the highest version, as far as they exist.
pub fn locked_head_with_versions(
    connection: &mut AnyConnection,
    owner: SecretOwner,
) -> Result<Option<(SecretHead, Vec<SealedRow>)>, StoreError> {
    let (kind, id) = owner.columns();
    let query = LockingQuery::new(head_with_versions_of(kind, id), Head);
    let found = load_with_cached_sql!(connection, query, [BindValue::Text(kind), BindValue::Integer(id)])?;
    match collected(found)? {
        // The head has changed during a wait for it; the next snapshot has the versions that it names by now.
        Some((head, versions)) if connection.is_remote() && !has_all(&head, &versions) => {
            head_with_versions(connection, owner)
        }
        found => Ok(found),
    }
}

/// Whether the highest and the current version of a head are among these, the current one as current.
fn has_all(head: &SecretHead, versions: &[SealedRow]) -> bool {
    let find = |version: i32| versions.iter().find(|row| row.version == version);
    let is_current = |version: i32| find(version).is_some_and(|row| row.state == SecretState::Current);
    find(head.highest_version).is_some() && head.current_version.is_none_or(is_current)
}
