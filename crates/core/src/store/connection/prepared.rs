//! Statements that stay prepared.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};

use super::literal::push_quoted;

/// A part of a statement: its text, a constant in it, or a value.
pub(in crate::store) enum Part<'a> {
    Sql(&'static str),
    /// As `Literal`.
    Constant(&'static str),
    BigInt(i64),
    Integer(i32),
    NullableInteger(Option<i32>),
    Text(&'a str),
    Binary(&'a [u8]),
}

/// A statement of the busiest requests. It stays prepared on its connection, and is found by its text.
///
/// Diesel prepares each `UPDATE` anew, since the columns that it sets may differ, and each text of `sql_query`. Use this only
/// for texts that are written down: nothing removes a prepared statement.
pub(in crate::store) struct PreparedStatement<'a>(pub(in crate::store) &'a [Part<'a>]);

impl<DB> QueryFragment<DB> for PreparedStatement<'_>
where
    DB: Backend,
    i64: ToSql<BigInt, DB>,
    i32: ToSql<Integer, DB>,
    Option<i32>: ToSql<Nullable<Integer>, DB>,
    str: ToSql<Text, DB>,
    [u8]: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for part in self.0 {
            match part {
                Part::Sql(text) => out.push_sql(text),
                Part::Constant(text) => push_quoted(&mut out, text),
                Part::BigInt(value) => out.push_bind_param::<BigInt, _>(value)?,
                Part::Integer(value) => out.push_bind_param::<Integer, _>(value)?,
                Part::NullableInteger(value) => out.push_bind_param::<Nullable<Integer>, _>(value)?,
                Part::Text(value) => out.push_bind_param::<Text, str>(value)?,
                Part::Binary(value) => out.push_bind_param::<Binary, [u8]>(value)?,
            }
        }
        Ok(())
    }
}

/// Makes a type a statement that runs, and that diesel finds prepared by its text: its type does not tell the text.
macro_rules! found_by_text {
    ($statement:ident) => {
        impl diesel::query_builder::QueryId for $statement<'_> {
            type QueryId = ();

            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl<C> diesel::RunQueryDsl<C> for $statement<'_> {}
    };
}
pub(in crate::store) use found_by_text;

found_by_text!(PreparedStatement);
