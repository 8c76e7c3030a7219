//! One query for several sets of values, in one statement of PostgreSQL, where each statement is a round trip.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::LoadQuery;
use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Integer, Text};
use diesel::{PgConnection, QueryResult, RunQueryDsl};

use super::cached_sql::{BindValue, QueryWithCachedSql};

/// Loads the rows of a query for each of several sets of bind parameters, with SQL that is cached when it first runs. Returns a
/// list of rows for each set.
///
/// The query is that of the first set. Its numbers of 64 bits, such as limits, are the same for all sets.
macro_rules! load_for_each_with_cached_sql {
    ($connection:expr, $query:expr, $sets:expr) => {{
        static SQL: $crate::store::connection::CachedSql = $crate::store::connection::CachedSql::new();
        let sets: &[Vec<$crate::store::connection::BindValue<'_>>] = $sets;
        let first = sets.first().map(Vec::as_slice).unwrap_or_default();
        let query = $crate::store::connection::QueryWithCachedSql::new(&SQL, &$query, first);
        $crate::store::connection::QueryForEach::new(query, sets).load_for_each($connection)
    }};
}
pub(in crate::store) use load_for_each_with_cached_sql;

/// Returns the first row for each of several keys, of which `load` gets the different ones, if there are any.
pub(in crate::store) fn first_of_each<K: Ord + Clone, T: Clone>(
    keys: &[K],
    load: impl FnOnce(&[K]) -> QueryResult<Vec<Vec<T>>>,
) -> QueryResult<Vec<Option<T>>> {
    let mut different = keys.to_vec();
    different.sort_unstable();
    different.dedup();
    let found = if different.is_empty() { Vec::new() } else { load(&different)? };
    let first = |key| found.get(different.binary_search(key).ok()?)?.first().cloned();
    Ok(keys.iter().map(first).collect())
}

/// A query with several sets of bind parameters; see [`load_for_each_with_cached_sql`].
pub(in crate::store) struct QueryForEach<'a, Q> {
    query: QueryWithCachedSql<'a, Q>,
    /// What stands in place of the query's placeholders.
    operands: Vec<Operand>,
    columns: Vec<Column<'a>>,
    sets: usize,
}

/// What stands in place of a placeholder.
enum Operand {
    /// A column of the table of values.
    Column(usize),
    /// A limit, which cannot be a column, or another number that is the same for all sets.
    Constant(i64),
}

/// The values of all sets for one placeholder.
enum Column<'a> {
    Integers(Vec<i32>),
    Texts(Vec<&'a str>),
}

impl Column<'_> {
    fn len(&self) -> usize {
        match self {
            Column::Integers(values) => values.len(),
            Column::Texts(values) => values.len(),
        }
    }
}

impl<'a, Q> QueryForEach<'a, Q> {
    pub(in crate::store) fn new(query: QueryWithCachedSql<'a, Q>, sets: &[Vec<BindValue<'a>>]) -> Self {
        let (mut operands, mut columns, mut authorization) = (Vec::new(), Vec::new(), None);
        for (place, value) in query.values().iter().enumerate() {
            let of_all = || sets.iter().filter_map(move |set| set.get(place));
            let column = match value {
                BindValue::BigInt(number) => {
                    debug_assert!(of_all().all(|other| matches!(other, BindValue::BigInt(n) if n == number)));
                    operands.push(Operand::Constant(*number));
                    continue;
                }
                // A set has one authorization, which its query names several times.
                BindValue::Authorization(_) => *authorization.get_or_insert(columns.len()),
                _ => columns.len(),
            };
            operands.push(Operand::Column(column));
            if column == columns.len() {
                columns.push(match value {
                    BindValue::Text(_) => Column::Texts(of_all().filter_map(BindValue::text).collect()),
                    _ => Column::Integers(of_all().filter_map(BindValue::integer).collect()),
                });
            }
        }
        Self { query, operands, columns, sets: sets.len() }
    }

    /// Returns the rows for each set.
    pub(in crate::store) fn load_for_each<'q, T>(self, connection: &mut PgConnection) -> QueryResult<Vec<Vec<T>>>
    where
        Self: LoadQuery<'q, PgConnection, (i64, T)>,
    {
        let mut rows: Vec<Vec<T>> = (0..self.sets).map(|_| Vec::new()).collect();
        for (number, row) in self.load::<(i64, T)>(connection)? {
            // PostgreSQL counts from 1.
            let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            if let Some(rows) = place.and_then(|place| rows.get_mut(place)) {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

impl<Q> QueryFragment<Pg> for QueryForEach<'_, Q>
where
    Q: QueryFragment<Pg> + QueryId,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (first, rest) = self.query.pieces::<Pg>()?;
        out.push_sql("SELECT asked.number, found.* FROM unnest(");
        for (number, column) in self.columns.iter().enumerate() {
            if number > 0 {
                out.push_sql(", ");
            }
            if column.len() != self.sets {
                return Err(Error::QueryBuilderError("the sets of values differ in their types".into()));
            }
            match column {
                Column::Integers(values) => out.push_bind_param::<Array<Integer>, _>(values)?,
                Column::Texts(values) => out.push_bind_param::<Array<Text>, _>(values)?,
            }
        }
        out.push_sql(") WITH ORDINALITY AS asked (");
        for number in 0..self.columns.len() {
            out.push_sql(&format!("value_{number}, "));
        }
        out.push_sql("number) CROSS JOIN LATERAL (");
        out.push_sql(first);
        for (operand, piece) in self.operands.iter().zip(rest) {
            match operand {
                Operand::Column(number) => out.push_sql(&format!("asked.value_{number}")),
                Operand::Constant(number) => out.push_bind_param::<BigInt, _>(number)?,
            }
            out.push_sql(piece);
        }
        out.push_sql(") AS found");
        Ok(())
    }
}

impl<Q: QueryId> QueryId for QueryForEach<'_, Q>
where
    Q::QueryId: 'static,
{
    type QueryId = QueryForEach<'static, Q::QueryId>;

    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: Query> Query for QueryForEach<'_, Q> {
    type SqlType = (BigInt, Q::SqlType);
}

impl<Q> RunQueryDsl<PgConnection> for QueryForEach<'_, Q> {}

#[cfg(test)]
mod tests {
    use diesel::{ExpressionMethods, JoinOnDsl, QueryDsl, debug_query};

    use super::*;
    use crate::store::connection::CachedSql;
    use crate::store::id::{AuthorizationId, CredentialId};
    use crate::store::schema::{credential, custody};

    #[test]
    fn values_are_columns_and_limits_are_not() {
        static SQL: CachedSql = CachedSql::new();
        let (who, id) = (AuthorizationId::new(5), CredentialId::new(7));
        let query = credential::table
            .inner_join(custody::table.on(custody::credential_id.eq(credential::id)))
            .filter(custody::authorization_id.eq(who))
            .filter(credential::id.eq(id))
            .filter(credential::username.eq("root"))
            .filter(custody::authorization_id.ne(who))
            .limit(3)
            .select(credential::id);
        let set = |who: i32, id, name| {
            let who = BindValue::Authorization(AuthorizationId::new(who));
            vec![who, BindValue::Credential(CredentialId::new(id)), BindValue::Text(name), who, BindValue::BigInt(3)]
        };
        let sets = [set(5, 7, "root"), set(6, 8, "admin")];
        let cached = QueryWithCachedSql::new(&SQL, &query, &sets[0]);
        let text = debug_query::<Pg, _>(&QueryForEach::new(cached, &sets)).to_string();
        let (sql, values) = text.split_once(" -- binds: ").unwrap();
        let beginning = "SELECT asked.number, found.* FROM unnest($1, $2, $3) \
            WITH ORDINALITY AS asked (value_0, value_1, value_2, number) CROSS JOIN LATERAL (SELECT ";
        assert!(sql.starts_with(beginning), "{sql}");
        for (column, value) in
            [("authorization_id\" =", 0), ("id\" =", 1), ("username\" =", 2), ("authorization_id\" !=", 0)]
        {
            assert!(sql.contains(&format!("{column} asked.value_{value})")), "{column}: {sql}");
        }
        assert!(sql.ends_with(" LIMIT $4) AS found"), "{sql}");
        assert_eq!(values, "[[5, 6], [7, 8], [\"root\", \"admin\"], 3]");
    }
}
