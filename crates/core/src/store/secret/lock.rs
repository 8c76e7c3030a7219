//! Locks of heads. Every change of a secret begins with one.

use diesel::{ExpressionMethods, NullableExpressionMethods, OptionalExtension, PgConnection, QueryDsl, RunQueryDsl};

use super::{
    HeadColumns, SMALL, SealedRow, SecretHead, SecretOwner, SecretState, SmallColumns, StoredSecret, collected,
    head_with_versions, head_with_versions_of, heads_with_versions, small_sealed,
};
use crate::store::connection::{
    BindValue, Literal, LockingQuery, RowLock, load_for_each_with_cached_sql, load_with_cached_sql,
};
use crate::store::credential_lock::LockedPassword;
use crate::store::credential_lookup::PasswordSecret;
use crate::store::id::CredentialId;
use crate::store::schema::{credential, secret, secret_head};
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

/// As [`Head`], without a wait.
struct FreeHead;

impl RowLock for FreeHead {
    const CLAUSE: &'static str = " FOR UPDATE OF secret_head SKIP LOCKED";
}

/// Locks the heads of passwords, whose rows are locked, and returns what is stored of each, in one statement.
///
/// `None` for a password without a head, with one that another transaction has locked, and with a large version, which would be in
/// memory together with the others.
pub(in crate::store) fn locked_passwords(
    connection: &mut PgConnection,
    credentials: &[CredentialId],
) -> Result<Vec<Option<LockedPassword>>, StoreError> {
    let Some(first) = credentials.first() else { return Ok(Vec::new()) };
    let one = BindValue::BigInt(1);
    let values = |id| vec![BindValue::BigInt(SMALL), BindValue::Credential(id), one, BindValue::Integer(id.get())];
    let sets: Vec<_> = credentials.iter().map(|id| values(*id)).collect();
    let kind: Literal<PasswordSecret> = Literal::new();
    let child = credential::table.filter(credential::parent_id.eq(*first)).select(credential::id).single_value();
    let query = heads_with_versions()
        .filter(secret_head::kind.eq(kind))
        .filter(secret_head::owner_id.eq(first.get()))
        .select((
            (secret_head::highest_version, secret_head::current_version, secret_head::mac),
            (secret::version.nullable(), secret::state.nullable(), small_sealed(SMALL)),
            child,
        ));
    let query = LockingQuery::new(query, FreeHead);
    let found: Vec<Vec<(HeadColumns, SmallColumns, Option<CredentialId>)>> =
        load_for_each_with_cached_sql!(connection, query, &sets)?;
    found.into_iter().map(locked_password).collect()
}

/// Collects the rows of one password, each with its head and one version.
fn locked_password(
    rows: Vec<(HeadColumns, SmallColumns, Option<CredentialId>)>,
) -> Result<Option<LockedPassword>, StoreError> {
    let Some((head, _, child)) = rows.first() else { return Ok(None) };
    let mut stored = StoredSecret { head: Some(head.clone().into()), versions: Vec::new() };
    let has_children = child.is_some();
    for (_, version, _) in rows {
        stored.add(version)?;
    }
    let is_of_one_time = stored.head.as_ref().is_some_and(|head| has_all(head, &stored.versions));
    Ok(is_of_one_time.then_some(LockedPassword { stored, has_children }))
}
