//! Constants in the text of a query.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Text;

/// A constant that is a part of the query's text, and not a value beside it.
///
/// SQLite compares the values of a query with the conditions of partial indexes when it plans it. A column of such a condition
/// that is compared with a value makes it prepare the query again each time. The constant is a part of the query's type, so that
/// diesel finds the prepared statement without writing its text.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Literal<T>(PhantomData<T>);

/// The text of a [`Literal`].
pub(in crate::store) trait LiteralText: 'static {
    /// Holds no quote.
    const TEXT: &'static str;
}

/// As [`Literal`], a list of constants for [`IsOneOf`].
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct LiteralList<T>(PhantomData<T>);

/// The texts of a [`LiteralList`].
pub(in crate::store) trait LiteralTexts: 'static {
    /// None holds a quote.
    const TEXTS: &'static [&'static str];
}

diesel::infix_operator!(IsOneOf, " IN ");

impl<T> LiteralList<T> {
    pub(in crate::store) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: LiteralTexts, DB: Backend> QueryFragment<DB> for LiteralList<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (number, text) in T::TEXTS.iter().enumerate() {
            out.push_sql(if number == 0 { "(" } else { ", " });
            push_quoted(&mut out, text);
        }
        out.push_sql(")");
        Ok(())
    }
}

impl<T> Literal<T> {
    pub(in crate::store) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: LiteralText, DB: Backend> QueryFragment<DB> for Literal<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        push_quoted(&mut out, T::TEXT);
        Ok(())
    }
}

/// Writes a constant.
pub(super) fn push_quoted<DB: Backend>(out: &mut AstPass<'_, '_, DB>, text: &'static str) {
    debug_assert!(!text.contains('\''), "a literal with a quote");
    out.push_sql("'");
    out.push_sql(text);
    out.push_sql("'");
}

/// Makes a constant an expression of the type `Text`.
macro_rules! text_expression {
    ($literal:ident, $trait:ident) => {
        impl<T: $trait> QueryId for $literal<T> {
            type QueryId = Self;
        }

        impl<T> Expression for $literal<T> {
            type SqlType = Text;
        }

        impl<T, Table> AppearsOnTable<Table> for $literal<T> {}

        impl<T, Table> SelectableExpression<Table> for $literal<T> {}

        impl<T, Grouping> ValidGrouping<Grouping> for $literal<T> {
            type IsAggregate = is_aggregate::Never;
        }
    };
}

text_expression!(Literal, LiteralText);
text_expression!(LiteralList, LiteralTexts);
