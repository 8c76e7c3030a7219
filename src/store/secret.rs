//! The table of sealed values: every secret of every kind, in every version that is kept.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};

use super::connection::on_engine;
use super::schema::secret;
use super::{AnyConnection, StoreError};

/// A sealed value and the version it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    /// The number of the version, from 1.
    pub version: i32,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// The newest version of a secret.
pub fn current(connection: &mut AnyConnection, kind: &str, owner: i32) -> Result<Option<SealedRow>, StoreError> {
    let newest = secret::table
        .filter(secret::kind.eq(kind))
        .filter(secret::owner_id.eq(owner))
        .order(secret::version.desc())
        .limit(1)
        .select((secret::version, secret::sealed));
    let row: Option<(i32, Vec<u8>)> = on_engine!(connection, c => newest.get_result(c)).optional()?;
    Ok(row.map(|(version, sealed)| SealedRow { version, sealed }))
}

/// One version of a secret.
pub fn version(
    connection: &mut AnyConnection,
    kind: &str,
    owner: i32,
    version: i32,
) -> Result<Option<SealedRow>, StoreError> {
    let sealed = secret::table.find((kind, owner, version)).select(secret::sealed);
    let sealed: Option<Vec<u8>> = sealed.first(connection).optional()?;
    Ok(sealed.map(|sealed| SealedRow { version, sealed }))
}

/// The versions that are kept: number and time, newest first.
pub fn versions(connection: &mut AnyConnection, kind: &str, owner: i32) -> Result<Vec<(i32, i64)>, StoreError> {
    Ok(secret::table
        .filter(secret::kind.eq(kind))
        .filter(secret::owner_id.eq(owner))
        .order(secret::version.desc())
        .select((secret::version, secret::created_at))
        .load(connection)?)
}

/// Keeps a new version.
pub fn insert(
    connection: &mut AnyConnection,
    kind: &str,
    owner: i32,
    row: SealedRow,
    created_at: i64,
) -> Result<(), StoreError> {
    let insert = diesel::insert_into(secret::table).values((
        secret::kind.eq(kind),
        secret::owner_id.eq(owner),
        secret::version.eq(row.version),
        secret::sealed.eq(row.sealed),
        secret::created_at.eq(created_at),
    ));
    on_engine!(connection, c => insert.execute(c))?;
    Ok(())
}

/// Forgets the versions up to and including `version`.
pub fn delete_up_to(connection: &mut AnyConnection, kind: &str, owner: i32, version: i32) -> Result<(), StoreError> {
    diesel::delete(
        secret::table
            .filter(secret::kind.eq(kind))
            .filter(secret::owner_id.eq(owner))
            .filter(secret::version.le(version)),
    )
    .execute(connection)?;
    Ok(())
}
