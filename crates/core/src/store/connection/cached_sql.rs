//! Queries whose SQL is cached.

use std::any::TypeId;
use std::fmt;
use std::sync::OnceLock;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{QueryResult, RunQueryDsl};

use crate::store::id::{AuthorizationId, CredentialId, DeviceId, InformationId};

/// A bind parameter of a query.
#[derive(Clone, Copy)]
pub(in crate::store) enum BindValue<'a> {
    Authorization(AuthorizationId),
    Credential(CredentialId),
    Device(DeviceId),
    Information(InformationId),
    Integer(i32),
    BigInt(i64),
    Text(&'a str),
}

impl<'a> BindValue<'a> {
    /// Returns the value of a text.
    pub(super) fn text(&self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the value of an integer of 32 bits.
    pub(super) fn integer(&self) -> Option<i32> {
        match self {
            Self::Authorization(id) => Some(id.get()),
            Self::Credential(id) => Some(id.get()),
            Self::Device(id) => Some(id.get()),
            Self::Information(id) => Some(id.get()),
            Self::Integer(value) => Some(*value),
            Self::BigInt(_) | Self::Text(_) => None,
        }
    }
}

/// Loads the rows of a query of the busiest requests, on either engine, with SQL that is cached when it first runs.
///
/// Diesel finds a prepared statement by the type of its query, but walks the whole query twice for each execution, to ask whether it
/// can be cached and for its bind parameters, and each column of a tuple once more. For the lookup of a credential that took a
/// seventh of the CPU time of a read. This walks the bind parameters alone.
///
/// They are those of the query, in the order of its SQL; a debug build compares them at each execution. A query whose SQL depends
/// on its values does not compile.
macro_rules! load_with_cached_sql {
    ($connection:expr, $query:expr, $values:expr) => {
        $crate::store::connection::on_engine!($connection, c => {
            static SQL: $crate::store::connection::CachedSql = $crate::store::connection::CachedSql::new();
            diesel::RunQueryDsl::load($crate::store::connection::QueryWithCachedSql::new(&SQL, &$query, &$values), c)
        })
    };
}
pub(in crate::store) use load_with_cached_sql;

/// The SQL of a query on one engine, in the pieces between its placeholders, with the type of the query.
pub(in crate::store) struct CachedSql(OnceLock<(TypeId, Vec<String>)>);

impl CachedSql {
    pub(in crate::store) const fn new() -> Self {
        Self(OnceLock::new())
    }
}

/// A query with its SQL and its bind parameters; see [`load_with_cached_sql`].
pub(in crate::store) struct QueryWithCachedSql<'a, Q> {
    sql: &'static CachedSql,
    query: &'a Q,
    values: &'a [BindValue<'a>],
}

impl<'a, Q> QueryWithCachedSql<'a, Q> {
    /// Returns the bind parameters.
    pub(super) fn values(&self) -> &'a [BindValue<'a>] {
        self.values
    }
}

impl<'a, Q: QueryId> QueryWithCachedSql<'a, Q> {
    /// `sql` belongs to queries of this type alone.
    pub(in crate::store) fn new(sql: &'static CachedSql, query: &'a Q, values: &'a [BindValue<'a>]) -> Self {
        const { assert!(Q::HAS_STATIC_QUERY_ID, "the SQL of this query depends on its values") };
        Self { sql, query, values }
    }

    /// Returns the SQL in pieces, one more than there are bind parameters.
    pub(super) fn pieces<DB>(&self) -> QueryResult<(&'static str, &'static [String])>
    where
        Q: QueryFragment<DB>,
        DB: Backend + Default,
        DB::QueryBuilder: Default,
    {
        debug_assert!(has_values::<DB>(self.query, self.values), "the values differ from the query's bind parameters");
        let id = TypeId::of::<Q::QueryId>();
        let (of, pieces) = self.sql.0.get_or_init(|| (id, pieces_of(&sql_and_values::<DB>(self.query).0)));
        match pieces.split_first() {
            _ if *of != id => Err(Error::QueryBuilderError("the SQL of another query".into())),
            Some((first, rest)) if rest.len() == self.values.len() => Ok((first, rest)),
            _ => Err(Error::QueryBuilderError("the number of values differs from that of placeholders".into())),
        }
    }
}

/// Returns the SQL of a query, and the list of its bind parameters.
fn sql_and_values<DB>(query: &impl QueryFragment<DB>) -> (String, String)
where
    DB: Backend + Default,
    DB::QueryBuilder: Default,
{
    let text = diesel::debug_query::<DB, _>(query).to_string();
    let (sql, values) = text.split_once(" -- binds: ").unwrap_or((&text, ""));
    (sql.into(), values.into())
}

/// Whether these are the bind parameters of a query.
fn has_values<DB>(query: &impl QueryFragment<DB>, values: &[BindValue<'_>]) -> bool
where
    DB: Backend + Default,
    DB::QueryBuilder: Default,
{
    sql_and_values::<DB>(query).1 == format!("{values:?}")
}

/// Splits SQL at its placeholders: `?` for SQLite, `$1` for PostgreSQL. Neither is in a literal or a name of ours.
fn pieces_of(sql: &str) -> Vec<String> {
    let mut pieces = sql.split(['?', '$']);
    let first = pieces.next().unwrap_or_default().to_string();
    // The number of a `$1`.
    let rest = pieces.map(|piece| piece.trim_start_matches(|c: char| c.is_ascii_digit()).to_string());
    std::iter::once(first).chain(rest).collect()
}

impl<Q, DB> QueryFragment<DB> for QueryWithCachedSql<'_, Q>
where
    Q: QueryFragment<DB> + QueryId,
    DB: Backend + Default,
    DB::QueryBuilder: Default,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let (first, rest) = self.pieces()?;
        out.push_sql(first);
        for (value, piece) in self.values.iter().zip(rest) {
            match value {
                BindValue::Authorization(value) => out.push_bind_param::<Integer, _>(value)?,
                BindValue::Credential(value) => out.push_bind_param::<Integer, _>(value)?,
                BindValue::Device(value) => out.push_bind_param::<Integer, _>(value)?,
                BindValue::Information(value) => out.push_bind_param::<Integer, _>(value)?,
                BindValue::Integer(value) => out.push_bind_param::<Integer, _>(value)?,
                BindValue::BigInt(value) => out.push_bind_param::<BigInt, _>(value)?,
                BindValue::Text(value) => out.push_bind_param::<Text, str>(value)?,
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

/// As diesel lists the bind parameters of a query.
impl fmt::Debug for BindValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindValue::Authorization(value) => value.fmt(f),
            BindValue::Credential(value) => value.fmt(f),
            BindValue::Device(value) => value.fmt(f),
            BindValue::Information(value) => value.fmt(f),
            BindValue::Integer(value) => value.fmt(f),
            BindValue::BigInt(value) => value.fmt(f),
            BindValue::Text(value) => value.fmt(f),
        }
    }
}

impl<Q: QueryId> QueryId for QueryWithCachedSql<'_, Q> {
    type QueryId = Q::QueryId;

    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: Query> Query for QueryWithCachedSql<'_, Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for QueryWithCachedSql<'_, Q> {}

#[cfg(test)]
mod tests {
    use diesel::debug_query;
    use diesel::pg::Pg;
    use diesel::sqlite::Sqlite;
    use diesel::{ExpressionMethods, QueryDsl};

    use super::*;
    use crate::store::schema::credential;

    #[test]
    fn sql_is_split_at_its_placeholders() {
        let expected = ["a = ", " AND b = 1", " LIMIT ", ""];
        assert_eq!(pieces_of("a = ? AND b = 1? LIMIT ?"), expected);
        assert_eq!(pieces_of("a = $1 AND b = 1$2 LIMIT $13"), expected);
        assert_eq!(pieces_of("a = 1"), ["a = 1"]);
    }

    #[test]
    fn sql_and_values_are_those_of_the_query_on_both_engines() {
        static SQLITE: CachedSql = CachedSql::new();
        static POSTGRESQL: CachedSql = CachedSql::new();
        for (id, name) in [(8, "it's"), (-9, " -- binds: $1?")] {
            let id = CredentialId::new(id);
            let query = credential::table
                .filter(credential::id.eq(id))
                .filter(credential::username.eq(name))
                .limit(3)
                .select(credential::id);
            let values = [BindValue::Credential(id), BindValue::Text(name), BindValue::BigInt(3)];
            let cached = QueryWithCachedSql::new(&SQLITE, &query, &values);
            assert_eq!(debug_query::<Sqlite, _>(&cached).to_string(), debug_query::<Sqlite, _>(&query).to_string());
            let cached = QueryWithCachedSql::new(&POSTGRESQL, &query, &values);
            assert_eq!(debug_query::<Pg, _>(&cached).to_string(), debug_query::<Pg, _>(&query).to_string());
            let [first, second, third] = values;
            assert!(!has_values::<Sqlite>(&query, &[second, first, third]));
            assert!(!has_values::<Sqlite>(&query, &[first, second, BindValue::BigInt(4)]));
        }
    }

    #[test]
    fn the_sql_of_another_query_is_an_error() {
        static SQL: CachedSql = CachedSql::new();
        let values = [BindValue::Text("root")];
        let pieces =
            |query| QueryWithCachedSql::new(&SQL, query, &values).pieces::<Sqlite>().map(|(_, rest)| rest.len());
        let of_user = credential::table.filter(credential::username.eq("root")).select(credential::id);
        assert_eq!(pieces(&of_user).ok(), Some(1));
        let of_domain = credential::table.filter(credential::domain.eq("root")).select(credential::id);
        assert!(QueryWithCachedSql::new(&SQL, &of_domain, &values).pieces::<Sqlite>().is_err());
    }
}
