//! The current versions of many secrets, in a constant number of queries.

use std::collections::HashMap;

use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl, RunQueryDsl};

use super::{HeadColumns, SealedColumns, SealedRow, SecretHead, SecretOwner};
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
) -> Result<HashMap<SecretOwner, StoredSecret>, StoreError> {
    let mut found: HashMap<SecretOwner, StoredSecret> = HashMap::with_capacity(owners.len());
    for owners in owners.chunks(MAX_BOUND) {
        let by_key: HashMap<(&str, i32), SecretOwner> = owners.iter().map(|owner| (owner.columns(), *owner)).collect();
        let (mut kinds, ids): (Vec<&str>, Vec<i32>) = owners.iter().map(|owner| owner.columns()).unzip();
        kinds.sort_unstable();
        kinds.dedup();
        for (kind, owner, head) in heads(connection, &kinds, &ids)? {
            if let Some(owner) = by_key.get(&(kind.as_str(), owner)) {
                found.entry(*owner).or_default().head = Some(head.into());
            }
        }
        for (kind, owner, version) in versions(connection, &kinds, &ids)? {
            if let Some(owner) = by_key.get(&(kind.as_str(), owner)) {
                found.entry(*owner).or_default().versions.push(version.try_into()?);
            }
        }
    }
    Ok(found)
}

fn heads(
    connection: &mut AnyConnection,
    kinds: &[&str],
    owners: &[i32],
) -> Result<Vec<(String, i32, HeadColumns)>, StoreError> {
    let head = (secret_head::highest_version, secret_head::current_version, secret_head::mac);
    Ok(secret_head::table
        .filter(secret_head::kind.eq_any(kinds.to_vec()))
        .filter(secret_head::owner_id.eq_any(owners.to_vec()))
        .select((secret_head::kind, secret_head::owner_id, head))
        .load(connection)?)
}

fn versions(
    connection: &mut AnyConnection,
    kinds: &[&str],
    owners: &[i32],
) -> Result<Vec<(String, i32, SealedColumns)>, StoreError> {
    let of_head = secret::kind.eq(secret_head::kind).and(secret::owner_id.eq(secret_head::owner_id));
    let named = secret::version
        .nullable()
        .eq(secret_head::current_version.nullable())
        .or(secret::version.nullable().eq(secret_head::highest_version.nullable()))
        .or(secret_head::mac.nullable().is_null());
    Ok(secret::table
        .left_join(secret_head::table.on(of_head))
        .filter(secret::kind.eq_any(kinds.to_vec()))
        .filter(secret::owner_id.eq_any(owners.to_vec()))
        .filter(named)
        .select((secret::kind, secret::owner_id, (secret::version, secret::state, secret::sealed)))
        .load(connection)?)
}
