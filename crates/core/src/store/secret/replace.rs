//! New versions in place of the current ones. On PostgreSQL those of several secrets are one statement, since a statement is a round
//! trip.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Text};
use diesel::{QueryResult, RunQueryDsl};

use super::{
    SealedRow, SecretHead, SecretOwner, SecretState, change_state, data_key_of, insert, prune, update_current,
};
use crate::store::connection::found_by_text;
use crate::store::{AnyConnection, StoreError};

/// A new current version of a secret in place of another one, under the locked head of the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The secret.
    pub owner: SecretOwner,
    /// The version that is current until now, and becomes a previous one.
    pub replaced: i32,
    /// The new version.
    pub row: SealedRow,
    /// When it was stored.
    pub created_at: i64,
    /// The head that names the new version.
    pub head: SecretHead,
    /// Previous versions up to this one are deleted, as by [`super::prune`]. Less than `replaced`.
    pub prune_to: i32,
}

impl Replacement {
    /// Whether the new version is current, also by the head, and the replaced one is not deleted.
    fn is_valid(&self) -> bool {
        let version = self.row.version;
        let head_names_it = self.head.highest_version == version && self.head.current_version == Some(version);
        head_names_it && self.row.state == SecretState::Current && self.prune_to < self.replaced
    }
}

/// Replaces the current versions of secrets, each of another owner.
///
/// # Errors
/// [`StoreError::NotFound`] when a version to be replaced is not the current one. On PostgreSQL the others are replaced nevertheless.
pub fn replace_current(connection: &mut AnyConnection, replacements: &[Replacement]) -> Result<(), StoreError> {
    if !replacements.iter().all(Replacement::is_valid) {
        return Err(StoreError::Query("only a current version replaces one, which stays as a previous one"));
    }
    match connection {
        AnyConnection::Postgresql(c) => {
            let changed = ReplaceCurrent::new(replacements)?.execute(c)?;
            if changed == replacements.len() { Ok(()) } else { Err(StoreError::NotFound) }
        }
        AnyConnection::Sqlite(_) => replacements.iter().try_for_each(|new| replace_one(connection, new)),
    }
}

fn replace_one(connection: &mut AnyConnection, new: &Replacement) -> Result<(), StoreError> {
    let owner = new.owner;
    change_state(connection, owner, new.replaced, (SecretState::Current, SecretState::Previous))?;
    insert(connection, owner, new.row.clone(), new.created_at)?;
    update_current(connection, owner, &new.head, new.created_at)?;
    if new.prune_to > 0 { prune(connection, owner, new.prune_to) } else { Ok(()) }
}

/// The statement of [`replace_current`], with the replacements by column.
#[derive(Default)]
struct ReplaceCurrent<'a> {
    kinds: Vec<&'a str>,
    owners: Vec<i32>,
    rotated: Vec<bool>,
    replaced: Vec<i32>,
    versions: Vec<i32>,
    sealed: Vec<&'a [u8]>,
    keys: Vec<i32>,
    times: Vec<i64>,
    macs: Vec<&'a [u8]>,
    prune_to: Vec<i32>,
}

impl<'a> ReplaceCurrent<'a> {
    fn new(replacements: &'a [Replacement]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for new in replacements {
            let (kind, owner) = new.owner.columns();
            columns.kinds.push(kind);
            columns.owners.push(owner);
            columns.rotated.push(new.owner.is_rotated());
            columns.replaced.push(new.replaced);
            columns.versions.push(new.row.version);
            columns.sealed.push(&new.row.sealed);
            columns.keys.push(data_key_of(&new.row)?);
            columns.times.push(new.created_at);
            columns.macs.push(&new.head.mac);
            columns.prune_to.push(new.prune_to);
        }
        Ok(columns)
    }

    /// Whether old versions are deleted, which is a part of the statement that costs even if there are none.
    fn prunes(&self) -> bool {
        self.prune_to.iter().any(|version| *version > 0)
    }
}

/// Each part reads what the first one returns: of a secret without the replaced version, nothing is written.
impl QueryFragment<Pg> for ReplaceCurrent<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH replaced AS (UPDATE secret SET state = 'previous' FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        for column in [&self.owners, &self.replaced, &self.versions, &self.keys, &self.prune_to] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Integer>, _>(column)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Bool>, _>(&self.rotated)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        for column in [&self.sealed, &self.macs] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Binary>, _>(column)?;
        }
        out.push_sql(
            ") AS asked (kind, owner_id, replaced, version, data_key_id, prune_to, is_rotated, created_at, sealed, mac) \
             WHERE secret.kind = asked.kind AND secret.owner_id = asked.owner_id AND secret.version = asked.replaced \
             AND secret.state = 'current' RETURNING asked.*), \
             added AS (INSERT INTO secret (kind, owner_id, version, state, data_key_id, created_at, sealed) \
             SELECT kind, owner_id, version, 'current', data_key_id, created_at, sealed FROM replaced)",
        );
        if self.prunes() {
            out.push_sql(
                ", pruned AS (DELETE FROM secret USING replaced WHERE secret.kind = replaced.kind \
                 AND secret.owner_id = replaced.owner_id AND secret.version <= replaced.prune_to \
                 AND secret.state = 'previous' AND NOT (replaced.is_rotated AND EXISTS (SELECT FROM rotation_record \
                 WHERE credential_id = replaced.owner_id AND phase <> 'idle')))",
            );
        }
        out.push_sql(
            " UPDATE secret_head SET highest_version = replaced.version, current_version = replaced.version, \
             current_changed_at = replaced.created_at, mac = replaced.mac FROM replaced \
             WHERE secret_head.kind = replaced.kind AND secret_head.owner_id = replaced.owner_id",
        );
        Ok(())
    }
}

found_by_text!(ReplaceCurrent);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::id::CredentialId;
    use crate::store::secret::{FirstVersion, insert_first, versions};
    use crate::store::tests::{
        insert_data_key, on_each_engine, rows_read, run_sql, sealed_bytes, with_plans_of_empty_tables,
    };

    fn owner(id: i32) -> SecretOwner {
        SecretOwner::Password(CredentialId::new(id))
    }

    fn row(version: i32) -> SealedRow {
        SealedRow { version, state: SecretState::Current, sealed: sealed_bytes(1, version) }
    }

    fn head(version: i32) -> SecretHead {
        SecretHead { highest_version: version, current_version: Some(version), mac: vec![1] }
    }

    fn first(id: i32) -> FirstVersion {
        FirstVersion { owner: owner(id), row: row(1), created_at: 0, head: head(1) }
    }

    fn replacement(id: i32, version: i32, prune_to: i32) -> Replacement {
        let (owner, row, head) = (owner(id), row(version), head(version));
        Replacement { owner, replaced: version - 1, row, created_at: 7, head, prune_to }
    }

    /// The versions of a password and their states, newest first.
    fn states(connection: &mut AnyConnection, id: i32) -> Vec<(i32, SecretState)> {
        versions(connection, owner(id)).unwrap().into_iter().map(|row| (row.version, row.state)).collect()
    }

    #[test]
    fn several_versions_are_replaced_and_old_ones_are_deleted() {
        use SecretState::{Current, Previous};
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            insert_data_key(connection, 1);
            for id in [1, 2, 3] {
                insert_first(connection, &[first(id)]).unwrap();
            }
            replace_current(connection, &[replacement(2, 2, 0), replacement(1, 2, 0)]).unwrap();
            replace_current(connection, &[replacement(1, 3, 1), replacement(2, 3, 0)]).unwrap();
            assert_eq!(states(connection, 1), [(3, Current), (2, Previous)]);
            assert_eq!(states(connection, 2), [(3, Current), (2, Previous), (1, Previous)]);
            assert_eq!(states(connection, 3), [(1, Current)]);
            let (found, _) = super::super::head_with_versions(connection, owner(1)).unwrap().unwrap();
            assert_eq!(found, head(3));
        });
    }

    #[test]
    fn every_version_of_a_password_that_is_being_changed_stays() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            insert_data_key(connection, 1);
            run_sql(
                connection,
                "INSERT INTO device (id, hostname, hostname_key, ip, ip_key, kind, vendor, model, site, domains, tags, connectivities,
                    session_remote_config, active, created_at, changed_at)
                    VALUES (1, '', '', '', '', '', '', '', '', '', '', '', '', TRUE, 0, 0);
                 INSERT INTO credential (id, kind, device_id, username, credential_type, additional, tags, domain, active, created_at,
                    changed_at) VALUES (1, 'password', 1, '', '', '', '', '', TRUE, 0, 0);
                 INSERT INTO rotation_record (credential_id, revision, phase, attempts, checks, rejections, sends, in_doubt,
                    waiting_releases, is_behind) VALUES (1, 0, 'sent', 0, 0, 0, 0, FALSE, 0, FALSE)",
            );
            for id in [1, 2] {
                insert_first(connection, &[first(id)]).unwrap();
            }
            replace_current(connection, &[replacement(1, 2, 0), replacement(2, 2, 0)]).unwrap();
            replace_current(connection, &[replacement(1, 3, 1), replacement(2, 3, 1)]).unwrap();
            assert_eq!([states(connection, 1).len(), states(connection, 2).len()], [3, 2]);
        });
    }

    #[test]
    fn a_version_that_is_not_current_is_not_replaced() {
        on_each_engine(|database| {
            database.migrate().unwrap();
            let connection = database.connection();
            insert_data_key(connection, 1);
            insert_first(connection, &[first(1)]).unwrap();
            for wrong in [replacement(1, 3, 0), replacement(2, 2, 0)] {
                assert_eq!(replace_current(connection, &[wrong]), Err(StoreError::NotFound));
            }
            let mut candidate = replacement(1, 2, 0);
            candidate.row.state = SecretState::Candidate;
            let mut of_another_head = replacement(1, 2, 0);
            of_another_head.head = head(3);
            for refused in [candidate, of_another_head, replacement(1, 2, 1)] {
                assert!(matches!(replace_current(connection, &[refused]), Err(StoreError::Query(_))));
            }
            assert_eq!(states(connection, 1), [(1, SecretState::Current)]);
        });
    }

    #[test]
    fn few_rows_are_read_also_by_a_plan_of_the_time_when_the_tables_were_empty() {
        with_plans_of_empty_tables(|connection| {
            insert_data_key(connection, 1);
            for prune_to in [0, 1] {
                assert_eq!(replace_current(connection, &[replacement(1, 3, prune_to)]), Err(StoreError::NotFound));
            }
            run_sql(
                connection,
                "INSERT INTO secret (kind, owner_id, version, state, sealed, data_key_id, created_at)
                    SELECT 'credential.password', n, 1, 'current', '', 1, 0 FROM generate_series(1, 3000) n;
                 INSERT INTO secret_head (kind, owner_id, highest_version, current_version, current_changed_at, mac)
                    SELECT 'credential.password', n, 1, 1, 0, '' FROM generate_series(1, 3000) n",
            );
            for (version, prune_to) in [(2, 0), (3, 1)] {
                let new = [7, 8, 9].map(|id| replacement(id, version, prune_to));
                let read = rows_read(connection, |connection| replace_current(connection, &new).unwrap());
                assert!((6..40).contains(&read), "version {version}: {read} rows");
            }
        });
    }
}
