//! The current versions of many secrets, in a constant number of queries.

use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl, RunQueryDsl};

use super::{HeadColumns, SealedColumns, SealedRow, SecretHead, SecretOwner};
use crate::store::connection::on_engine;
use crate::store::schema::{secret, secret_head};
use crate::store::{AnyConnection, MAX_BOUND, StoreError};

/// What is stored of a secret: its head, and its current and its highest version. Every version without a head.
#[derive(Debug, Default)]
pub struct StoredSecret {
    /// The head.
    pub head: Option<SecretHead>,
    /// The versions.
    pub versions: Vec<SealedRow>,
}

/// Returns what is stored of secrets. A secret of which nothing is stored is missing.
pub fn stored(
    connection: &mut AnyConnection,
    owners: &[SecretOwner],
) -> Result<Vec<(SecretOwner, StoredSecret)>, StoreError> {
    // In the order of the index, in which the database finds them fastest.
    let mut keys: Vec<((&'static str, i32), SecretOwner)> =
        owners.iter().map(|owner| (owner.columns(), *owner)).collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    let mut found = Vec::with_capacity(keys.len());
    for keys in keys.chunk_by(|((kind, _), _), ((other, _), _)| kind == other) {
        for keys in keys.chunks(MAX_BOUND) {
            let Some(((kind, _), _)) = keys.first() else { continue };
            let ids: Vec<i32> = keys.iter().map(|((_, id), _)| *id).collect();
            for (id, stored) in of_kind(connection, kind, &ids)? {
                let owner = ids.binary_search(&id).ok().and_then(|index| keys.get(index));
                found.extend(owner.map(|(_, owner)| (*owner, stored)));
            }
        }
    }
    Ok(found)
}

/// Returns what is stored of secrets of one kind, by the sorted ids of their owners.
fn of_kind(
    connection: &mut AnyConnection,
    kind: &'static str,
    ids: &[i32],
) -> Result<Vec<(i32, StoredSecret)>, StoreError> {
    let mut found: Vec<(i32, StoredSecret)> = Vec::with_capacity(ids.len());
    for (id, head, version) in with_heads(connection, kind, ids)? {
        let version = version.map(SealedRow::try_from).transpose()?;
        match found.last_mut() {
            Some((last, stored)) if *last == id => stored.versions.extend(version),
            _ => {
                let versions = version.into_iter().collect();
                found.push((id, StoredSecret { head: Some(head.into()), versions }));
            }
        }
    }
    let has_head = |id: &i32| found.binary_search_by_key(id, |(found, _)| *found).is_ok();
    let headless: Vec<i32> = ids.iter().copied().filter(|id| !has_head(id)).collect();
    if !headless.is_empty() {
        for (id, version) in all_versions(connection, kind, &headless)? {
            found.push((id, StoredSecret { head: None, versions: vec![version.try_into()?] }));
        }
    }
    Ok(found)
}

type HeadRow = (i32, HeadColumns, Option<SealedColumns>);

/// Returns the heads, each once for every version that it names, by the ids of their owners.
fn with_heads(connection: &mut AnyConnection, kind: &'static str, ids: &[i32]) -> Result<Vec<HeadRow>, StoreError> {
    let named = secret::version
        .nullable()
        .eq(secret_head::current_version)
        .or(secret::version.nullable().eq(secret_head::highest_version.nullable()));
    let of_head = secret::kind.eq(secret_head::kind).and(secret::owner_id.eq(secret_head::owner_id));
    let query = secret_head::table
        .left_join(secret::table.on(of_head.and(named.assume_not_null())))
        .filter(secret_head::kind.eq(kind))
        .filter(secret_head::owner_id.eq_any(ids.to_vec()))
        .select((
            secret_head::owner_id,
            (secret_head::highest_version, secret_head::current_version, secret_head::mac),
            (secret::version, secret::state, secret::sealed).nullable(),
        ))
        .order(secret_head::owner_id);
    Ok(on_engine!(connection, c => query.load(c))?)
}

fn all_versions(
    connection: &mut AnyConnection,
    kind: &'static str,
    ids: &[i32],
) -> Result<Vec<(i32, SealedColumns)>, StoreError> {
    let query = secret::table
        .filter(secret::kind.eq(kind))
        .filter(secret::owner_id.eq_any(ids.to_vec()))
        .select((secret::owner_id, (secret::version, secret::state, secret::sealed)));
    Ok(on_engine!(connection, c => query.load(c))?)
}
