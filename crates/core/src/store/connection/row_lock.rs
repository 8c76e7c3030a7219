//! Queries of several tables that lock rows of some of them.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sqlite::Sqlite;

/// The tables whose rows a query locks.
pub(in crate::store) trait RowLock: 'static {
    /// The locking clause of PostgreSQL, which names the tables.
    const CLAUSE: &'static str;
}

/// A query that locks the rows of the tables of `L` until the transaction ends; diesel's own locks those of all of its tables.
/// SQLite has one writer and needs no lock.
///
/// After a wait, PostgreSQL returns the locked rows as they are by then, joined with the rows of the other tables as they were
/// before it, and with what sub-selects gave then. Rows that do not fit together any more are left out, but stay locked; those of
/// outer joins are missing.
pub(in crate::store) struct LockingQuery<Q, L> {
    query: Q,
    lock: PhantomData<L>,
}

impl<Q, L> LockingQuery<Q, L> {
    pub(in crate::store) fn new(query: Q, _lock: L) -> Self {
        Self { query, lock: PhantomData }
    }
}

impl<Q: QueryFragment<Pg>, L: RowLock> QueryFragment<Pg> for LockingQuery<Q, L> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(L::CLAUSE);
        Ok(())
    }
}

impl<Q: QueryFragment<Sqlite>, L> QueryFragment<Sqlite> for LockingQuery<Q, L> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.query.walk_ast(out)
    }
}

impl<Q: QueryId, L: 'static> QueryId for LockingQuery<Q, L> {
    type QueryId = LockingQuery<Q::QueryId, L>;

    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: Query, L> Query for LockingQuery<Q, L> {
    type SqlType = Q::SqlType;
}

#[cfg(test)]
mod tests {
    use diesel::{ExpressionMethods, QueryDsl, debug_query};

    use super::*;
    use crate::store::schema::credential;

    struct Credential;

    impl RowLock for Credential {
        const CLAUSE: &'static str = " FOR UPDATE OF credential";
    }

    #[test]
    fn the_lock_is_in_the_query_of_postgresql_alone() {
        let query = || credential::table.filter(credential::username.eq("root")).select(credential::id);
        let locking = LockingQuery::new(query(), Credential);
        assert_eq!(debug_query::<Sqlite, _>(&locking).to_string(), debug_query::<Sqlite, _>(&query()).to_string());
        let text = debug_query::<Pg, _>(&locking).to_string();
        assert!(text.contains(r#""username" = $1) FOR UPDATE OF credential -- binds: ["root"]"#), "{text}");
    }

    #[test]
    fn a_query_with_a_lock_is_another_one_than_that_without() {
        fn id_of<Q: QueryId>(_: &Q) -> Option<std::any::TypeId> {
            Q::query_id()
        }
        let query = || credential::table.filter(credential::username.eq("root")).select(credential::id);
        let locking = LockingQuery::new(query(), Credential);
        assert!(id_of(&locking).is_some());
        assert_ne!(id_of(&locking), id_of(&query()));
    }
}
