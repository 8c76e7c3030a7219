//! The first versions of secrets. On PostgreSQL those of several are one statement, since a statement is a round trip.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use diesel::{QueryResult, RunQueryDsl};

use super::{SealedRow, SecretHead, SecretOwner, data_key_of, insert, insert_head, require_first};
use crate::store::connection::found_by_text;
use crate::store::{AnyConnection, StoreError};

/// The first version of a secret of which nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstVersion {
    /// The secret.
    pub owner: SecretOwner,
    /// The version.
    pub row: SealedRow,
    /// When it was stored.
    pub created_at: i64,
    /// The head that names the version.
    pub head: SecretHead,
}

/// Inserts the first versions of secrets, and their heads.
pub fn insert_first(connection: &mut AnyConnection, versions: &[FirstVersion]) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Postgresql(c) => {
            InsertFirst::new(versions)?.execute(c)?;
            Ok(())
        }
        AnyConnection::Sqlite(_) => versions.iter().try_for_each(|first| {
            insert(connection, first.owner, first.row.clone(), first.created_at)?;
            insert_head(connection, first.owner, &first.head, first.created_at)
        }),
    }
}

/// The statement of [`insert_first`], with the versions by column.
#[derive(Default)]
struct InsertFirst<'a> {
    kinds: Vec<&'a str>,
    owners: Vec<i32>,
    versions: Vec<i32>,
    states: Vec<&'static str>,
    sealed: Vec<&'a [u8]>,
    keys: Vec<i32>,
    times: Vec<i64>,
    highest: Vec<i32>,
    current: Vec<Option<i32>>,
    macs: Vec<&'a [u8]>,
}

impl<'a> InsertFirst<'a> {
    fn new(versions: &'a [FirstVersion]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for first in versions {
            require_first(first.row.state)?;
            let (kind, owner) = first.owner.columns();
            columns.kinds.push(kind);
            columns.owners.push(owner);
            columns.versions.push(first.row.version);
            columns.states.push(first.row.state.as_str());
            columns.sealed.push(&first.row.sealed);
            columns.keys.push(data_key_of(&first.row)?);
            columns.times.push(first.created_at);
            columns.highest.push(first.head.highest_version);
            columns.current.push(first.head.current_version);
            columns.macs.push(&first.head.mac);
        }
        Ok(columns)
    }
}

impl QueryFragment<Pg> for InsertFirst<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH asked AS (SELECT * FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        for column in [&self.owners, &self.versions, &self.keys, &self.highest] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Integer>, _>(column)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Integer>>, _>(&self.current)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.states)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        for column in [&self.sealed, &self.macs] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Binary>, _>(column)?;
        }
        out.push_sql(
            ") AS asked (kind, owner_id, version, data_key_id, highest, current, state, created_at, sealed, mac)), \
             added AS (INSERT INTO secret (kind, owner_id, version, state, data_key_id, created_at, sealed) \
             SELECT kind, owner_id, version, state, data_key_id, created_at, sealed FROM asked) \
             INSERT INTO secret_head (kind, owner_id, highest_version, current_version, current_changed_at, mac) \
             SELECT kind, owner_id, highest, current, created_at, mac FROM asked",
        );
        Ok(())
    }
}

found_by_text!(InsertFirst);
