//! Queries whose text is written once.

use std::sync::OnceLock;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{QueryResult, RunQueryDsl};

/// A value of a query.
#[derive(Clone, Copy)]
pub(in crate::store) enum Value<'a> {
    BigInt(i64),
    Integer(i32),
    Text(&'a str),
}

/// Loads the rows of a query of the busiest requests, on either engine. Its text is written when it first runs: for each execution
/// diesel walks through all parts of a query three times, which for the lookup of a credential took a seventh of a read's CPU time.
///
/// The values are those of the query, in the order of its text. Another number of them is an error; other ones are found by any
/// test that runs the query, since a debug build compares them.
macro_rules! load_written {
    ($connection:expr, $query:expr, $values:expr) => {
        $crate::store::connection::on_engine!($connection, c => {
            static TEXT: $crate::store::connection::WrittenText = $crate::store::connection::WrittenText::new();
            diesel::RunQueryDsl::load($crate::store::connection::WrittenOnce::new(&TEXT, &$query, &$values), c)
        })
    };
}
pub(in crate::store) use load_written;

/// The text of a query on one engine, in the pieces between its values.
pub(in crate::store) struct WrittenText(OnceLock<Vec<String>>);

impl WrittenText {
    pub(in crate::store) const fn new() -> Self {
        Self(OnceLock::new())
    }
}

/// A query with its text and its values; see [`load_written`].
pub(in crate::store) struct WrittenOnce<'a, Q> {
    text: &'static WrittenText,
    query: &'a Q,
    values: &'a [Value<'a>],
}

impl<'a, Q> WrittenOnce<'a, Q> {
    /// `text` belongs to this query alone.
    pub(in crate::store) fn new(text: &'static WrittenText, query: &'a Q, values: &'a [Value<'a>]) -> Self {
        Self { text, query, values }
    }

    fn pieces<DB>(&self) -> QueryResult<&'static [String]>
    where
        Q: QueryFragment<DB>,
        DB: Backend + Default,
        DB::QueryBuilder: Default,
    {
        if let Some(pieces) = self.text.0.get() {
            return Ok(pieces);
        }
        debug_assert!(
            listed(self.values) == listed_by_diesel::<DB>(self.query),
            "other values than those of the query"
        );
        let mut text = DB::QueryBuilder::default();
        self.query.to_sql(&mut text, &DB::default())?;
        Ok(self.text.0.get_or_init(|| pieces_of(&text.finish())))
    }
}

/// Splits a text at its placeholders: `?` for SQLite, `$1` for PostgreSQL. No literal and no name of ours holds either.
fn pieces_of(text: &str) -> Vec<String> {
    let mut pieces = text.split(['?', '$']);
    let first = pieces.next().unwrap_or_default().to_string();
    // The number of a `$1`.
    let rest = pieces.map(|piece| piece.trim_start_matches(|c: char| c.is_ascii_digit()).to_string());
    std::iter::once(first).chain(rest).collect()
}

/// The values as diesel lists them, without the names of the types of ids.
fn listed(values: &[Value<'_>]) -> String {
    let listed = values.iter().map(|value| match value {
        Value::BigInt(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Text(value) => format!("{value:?}"),
    });
    format!("[{}]", listed.collect::<Vec<_>>().join(", "))
}

fn listed_by_diesel<DB>(query: &impl QueryFragment<DB>) -> String
where
    DB: Backend + Default,
    DB::QueryBuilder: Default,
{
    let text = diesel::debug_query::<DB, _>(query).to_string();
    let values = text.rsplit_once("-- binds: ").map_or("", |(_, values)| values);
    // An id is listed as `CredentialId(1)`.
    let mut pieces = values.split("Id(");
    let mut listed = pieces.next().unwrap_or_default().trim_end_matches(char::is_alphabetic).to_string();
    for piece in pieces {
        let (number, rest) = piece.split_once(')').unwrap_or((piece, ""));
        listed.push_str(number);
        listed.push_str(rest.trim_end_matches(char::is_alphabetic));
    }
    listed
}

impl<Q, DB> QueryFragment<DB> for WrittenOnce<'_, Q>
where
    Q: QueryFragment<DB>,
    DB: Backend + Default,
    DB::QueryBuilder: Default,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let (first, pieces) = match self.pieces()?.split_first() {
            Some((first, pieces)) if pieces.len() == self.values.len() => (first, pieces),
            _ => return Err(Error::QueryBuilderError("another number of values".into())),
        };
        out.push_sql(first);
        for (value, piece) in self.values.iter().zip(pieces) {
            match value {
                Value::BigInt(value) => out.push_bind_param::<BigInt, _>(value)?,
                Value::Integer(value) => out.push_bind_param::<Integer, _>(value)?,
                Value::Text(value) => out.push_bind_param::<Text, str>(value)?,
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

impl<Q: QueryId> QueryId for WrittenOnce<'_, Q> {
    type QueryId = Q::QueryId;

    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: Query> Query for WrittenOnce<'_, Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for WrittenOnce<'_, Q> {}

#[cfg(test)]
mod tests {
    use diesel::sqlite::Sqlite;
    use diesel::{ExpressionMethods, QueryDsl};

    use super::{Value, listed, listed_by_diesel, pieces_of};
    use crate::store::id::CredentialId;
    use crate::store::schema::credential;

    #[test]
    fn a_text_is_split_at_its_placeholders() {
        let expected = ["a = ", " AND b = 1", " LIMIT ", ""];
        assert_eq!(pieces_of("a = ? AND b = 1? LIMIT ?"), expected);
        assert_eq!(pieces_of("a = $1 AND b = 1$2 LIMIT $13"), expected);
        assert_eq!(pieces_of("a = 1"), ["a = 1"]);
    }

    #[test]
    fn values_are_compared_with_those_of_the_query() {
        let query = credential::table
            .filter(credential::id.eq(CredentialId::new(8)))
            .filter(credential::username.eq("it's"))
            .filter(credential::id.gt(CredentialId::new(-1)))
            .limit(3)
            .select(credential::id);
        let values = |limit| [Value::Integer(8), Value::Text("it's"), Value::Integer(-1), Value::BigInt(limit)];
        assert_eq!(listed(&values(3)), listed_by_diesel::<Sqlite>(&query));
        assert_ne!(listed(&values(4)), listed_by_diesel::<Sqlite>(&query));
        assert_eq!(listed(&[]), "[]");
    }
}
