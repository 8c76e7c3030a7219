//! Constants in the text of a query.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Text;

/// A constant that is a part of the query's text, and not a value beside it. The text must hold no quote.
///
/// SQLite compares the values of a query with the conditions of partial indexes when it plans it. A column of such a condition
/// that is compared with a value makes it prepare the query again each time.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Literal(pub(in crate::store) &'static str);

impl<DB: Backend> QueryFragment<DB> for Literal {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        push_quoted(&mut out, self.0);
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

impl QueryId for Literal {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for Literal {
    type SqlType = Text;
}

impl<Table> AppearsOnTable<Table> for Literal {}

impl<Table> SelectableExpression<Table> for Literal {}

impl<Grouping> ValidGrouping<Grouping> for Literal {
    type IsAggregate = is_aggregate::Never;
}
