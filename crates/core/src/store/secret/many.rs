//! The current versions of many secrets, in a constant number of queries.

use std::collections::BTreeMap;

use diesel::dsl::sum;
use diesel::sql_types::Binary;
use diesel::{ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl, RunQueryDsl, define_sql_function};

use super::{
    HeadColumns, SealedColumns, SealedRow, SecretHead, SecretOwner, SmallColumns, heads_with_versions, is_current,
};
use crate::store::connection::on_engine;
use crate::store::schema::{secret, secret_head};
use crate::store::{AnyConnection, MAX_BOUND, StoreError};

define_sql_function! {
    /// The number of bytes.
    #[sql_name = "length"]
    fn byte_length(value: Binary) -> Integer;
}

/// Returns the bytes of the current versions of secrets, which are not read for it.
pub fn current_bytes(connection: &mut AnyConnection, owners: &[SecretOwner]) -> Result<i64, StoreError> {
    let mut bytes = 0;
    for (kind, keys) in by_kind(owners) {
        for keys in keys.chunks(MAX_BOUND) {
            let ids: Vec<i32> = keys.iter().map(|(id, _)| *id).collect();
            let query = secret_head::table
                .inner_join(secret::table.on(is_current()))
                .filter(secret_head::kind.eq(kind))
                .filter(secret_head::owner_id.eq_any(ids))
                .select(sum(byte_length(secret::sealed)));
            let some: Option<i64> = on_engine!(connection, c => query.first(c))?;
            bytes += some.unwrap_or_default();
        }
    }
    Ok(bytes)
}

/// Returns the owners by kind, in the order of the index, in which the database finds them fastest.
fn by_kind(owners: &[SecretOwner]) -> BTreeMap<&'static str, Vec<(i32, SecretOwner)>> {
    let mut kinds: BTreeMap<&'static str, Vec<(i32, SecretOwner)>> = BTreeMap::new();
    for owner in owners {
        let (kind, id) = owner.columns();
        kinds.entry(kind).or_default().push((id, *owner));
    }
    kinds.values_mut().for_each(|keys| keys.sort_unstable_by_key(|(id, _)| *id));
    kinds
}

/// What is stored of a secret: its head, and its current and its highest version. Every version without a head.
#[derive(Debug, Default)]
pub struct StoredSecret {
    /// The head.
    pub head: Option<SecretHead>,
    /// The versions.
    pub versions: Vec<SealedRow>,
}

impl StoredSecret {
    /// Whether there is a head, with the versions that it names.
    pub(in crate::store) fn is_whole(&self) -> bool {
        self.head.as_ref().is_some_and(|head| {
            let mut named = [Some(head.highest_version), head.current_version].into_iter().flatten();
            named.all(|version| self.versions.iter().any(|row| row.version == version))
        })
    }

    /// Adds a version, if there is one and its value is not large.
    pub(in crate::store) fn add(&mut self, columns: SmallColumns) -> Result<(), StoreError> {
        if let (Some(version), Some(state), Some(sealed)) = columns {
            self.versions.push(SealedRow::try_from((version, state, sealed))?);
        }
        Ok(())
    }
}

/// Returns what is stored of secrets. A secret of which nothing is stored is missing.
pub fn stored(
    connection: &mut AnyConnection,
    owners: &[SecretOwner],
) -> Result<Vec<(SecretOwner, StoredSecret)>, StoreError> {
    let mut found = Vec::with_capacity(owners.len());
    for (kind, keys) in by_kind(owners) {
        for keys in keys.chunks(MAX_BOUND) {
            let ids: Vec<i32> = keys.iter().map(|(id, _)| *id).collect();
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
    let query = heads_with_versions()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diesel::Connection;
    use diesel::connection::InstrumentationEvent;

    use super::*;
    use crate::store::id::CredentialId;
    use crate::store::secret::{SecretState, insert, insert_head};
    use crate::store::tests::{insert_data_key, on_each_engine, sealed_bytes};

    fn password(number: i32) -> SecretOwner {
        SecretOwner::Password(CredentialId::new(number))
    }

    /// Stores versions 1 to 3 of a secret, of which 2 is current, with or without a head.
    fn store(connection: &mut AnyConnection, owner: SecretOwner, with_head: bool) {
        for (version, state) in [(1, "previous"), (2, "current"), (3, "candidate")] {
            let state: SecretState = state.parse().unwrap();
            let row = SealedRow { version, state: SecretState::Candidate, sealed: sealed_bytes(1, version) };
            insert(connection, owner, row, 0).unwrap();
            let stored = secret::table.find((owner.columns().0, owner.columns().1, version));
            diesel::update(stored).set(secret::state.eq(state.as_str())).execute(connection).unwrap();
        }
        if with_head {
            let head = SecretHead { highest_version: 3, current_version: Some(2), mac: vec![1] };
            insert_head(connection, owner, &head, 0).unwrap();
        }
    }

    fn versions(found: &[(SecretOwner, StoredSecret)], owner: SecretOwner) -> Vec<i32> {
        let of_owner = found.iter().filter(|(other, _)| *other == owner);
        let mut versions: Vec<i32> =
            of_owner.flat_map(|(_, stored)| stored.versions.iter().map(|row| row.version)).collect();
        versions.sort_unstable();
        versions
    }

    #[test]
    fn a_head_comes_with_the_versions_that_it_names_and_all_versions_without_one() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            insert_data_key(connection, 1);
            let key = SecretOwner::SshPrivateKey(CredentialId::new(1));
            for (owner, with_head) in [(password(1), true), (password(2), false), (key, true), (password(4), true)] {
                store(connection, owner, with_head);
            }
            let found = stored(connection, &[key, password(3), password(2), password(1)]).unwrap();
            assert_eq!(versions(&found, password(1)), [2, 3]);
            assert_eq!(versions(&found, key), [2, 3]);
            assert_eq!(versions(&found, password(2)), [1, 2, 3]);
            let head = |owner| found.iter().any(|(other, stored)| *other == owner && stored.head.is_some());
            assert!(head(password(1)) && head(key) && !head(password(2)));
            assert!(versions(&found, password(3)).is_empty() && versions(&found, password(4)).is_empty());
        });
    }

    #[test]
    fn the_bytes_of_current_versions_are_counted() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            insert_data_key(connection, 1);
            let key = SecretOwner::SshPrivateKey(CredentialId::new(1));
            for owner in [password(1), password(2), password(3), key] {
                store(connection, owner, true);
            }
            // Somebody marks another version as current. The head decides.
            diesel::update(secret::table).set(secret::state.eq("current")).execute(connection).unwrap();
            assert_eq!(current_bytes(connection, &[key, password(3), password(1), password(9)]).unwrap(), 3 * 33);
            assert_eq!(current_bytes(connection, &[]).unwrap(), 0);
        });
    }

    #[test]
    fn the_number_of_queries_does_not_depend_on_the_number_of_secrets() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            insert_data_key(connection, 1);
            let owners: Vec<SecretOwner> = (1..=40).map(password).collect();
            owners.iter().for_each(|owner| store(connection, *owner, true));
            for owners in [&owners[..1], &owners] {
                let count = Arc::new(AtomicUsize::new(0));
                let counting = Arc::clone(&count);
                connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                    if let InstrumentationEvent::StartQuery { .. } = event {
                        counting.fetch_add(1, Ordering::Relaxed);
                    }
                });
                assert_eq!(stored(connection, owners).unwrap().len(), owners.len());
                assert_eq!(count.load(Ordering::Relaxed), 1);
            }
        });
    }
}
