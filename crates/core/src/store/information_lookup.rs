//! The lookup of a protected-information record by its key for a read, in one query.

use std::iter::once;

use diesel::dsl::auto_type;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, PgConnection, QueryDsl,
    QueryResult, Table,
};

use super::connection::{BindValue, Literal, LiteralText, load_for_each_with_cached_sql, load_with_cached_sql};
use super::id::{AuthorizationId, InformationId};
use super::information::InformationRow;
use super::object_lookup::{ANOTHER_OBJECT, LookupQuery, only_secret};
use super::schema::{information, secret, secret_head};
use super::secret::{HeadColumns, SMALL, SmallColumns, StoredSecret, is_named_by_head, small_sealed};
use super::visibility::{one_information_is_seen, values_of_one_information};
use super::{AnyConnection, StoreError};
use crate::crypto::SecretKind;

/// The rows that tell one match from several: a record has a row for its current and one for its highest version.
const MAX_ROWS: i64 = 3;

/// The lookup of a key on behalf of an authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformationLookup {
    /// The key as an identifier.
    pub identifier: String,
    /// The key as an id.
    pub id: Option<InformationId>,
    /// The authorization.
    pub authorization: AuthorizationId,
}

/// A record as an authorization reads it.
#[derive(Debug)]
pub struct FoundInformation {
    /// The record.
    pub row: InformationRow,
    /// The authorization, which sees it.
    pub authorization: AuthorizationId,
    /// Its text, which has a head.
    pub content: StoredSecret,
}

type Columns = (InformationRow, Option<HeadColumns>, SmallColumns);

/// The kind of texts in the query's text.
#[derive(Clone, Copy)]
struct InformationSecret;

impl LiteralText for InformationSecret {
    const TEXT: &'static str = SecretKind::Information.as_str();
}

/// Joins records with their texts.
#[auto_type]
fn joined() -> _ {
    let kind: Literal<InformationSecret> = Literal::new();
    let head = secret_head::kind.eq(kind).and(secret_head::owner_id.eq(information::id));
    // By the owner of the head: by that of the record, PostgreSQL would search an empty table by kind and version alone.
    let of_head = secret::kind.eq(kind).and(secret::owner_id.eq(secret_head::owner_id));
    information::table
        .left_join(secret_head::table.on(head))
        .left_join(secret::table.on(of_head.and(is_named_by_head())))
}

/// Evaluates an expression with the query of a lookup, which has one of two types.
macro_rules! with_query {
    ($lookup:expr, $query:ident => $expression:expr) => {{
        let InformationLookup { identifier, id, authorization } = $lookup;
        let identified = information::identifier.eq(identifier).assume_not_null();
        macro_rules! query {
            ($filter:expr) => {
                joined().filter($filter.and(one_information_is_seen(*authorization))).limit(MAX_ROWS).select((
                    information::table::all_columns(),
                    (secret_head::highest_version, secret_head::current_version, secret_head::mac).nullable(),
                    (secret::version.nullable(), secret::state.nullable(), small_sealed(SMALL)),
                ))
            };
        }
        match id {
            None => {
                let $query = query!(identified);
                $expression
            }
            Some(id) => {
                let $query = query!(information::id.eq(id).or(identified));
                $expression
            }
        }
    }};
}

/// The only record that the key matches and that the authorization sees, if it has a text that is not large.
impl LookupQuery for InformationLookup {
    type Columns = Columns;

    /// In the order: of the selected columns, of the filter, of the visibility, and the limit.
    fn values(&self) -> Vec<BindValue<'_>> {
        let mut values = vec![BindValue::BigInt(SMALL)];
        values.extend(self.id.map(BindValue::Information));
        values.push(BindValue::Text(&self.identifier));
        values.extend(values_of_one_information(self.authorization));
        values.push(BindValue::BigInt(MAX_ROWS));
        values
    }

    fn is_like(&self, other: &Self) -> bool {
        self.id.is_some() == other.id.is_some()
    }

    fn rows(&self, connection: &mut AnyConnection) -> QueryResult<Vec<Columns>> {
        with_query!(self, query => load_with_cached_sql!(connection, query, self.values()))
    }

    fn rows_of_each(
        &self,
        connection: &mut PgConnection,
        sets: &[Vec<BindValue<'_>>],
    ) -> QueryResult<Vec<Vec<Columns>>> {
        with_query!(self, query => load_for_each_with_cached_sql!(connection, query, sets))
    }

    fn only(&self, rows: Vec<Columns>) -> Result<Option<FoundInformation>, StoreError> {
        let mut rows = rows.into_iter();
        let Some((row, Some(head), version)) = rows.next() else { return Ok(None) };
        if row.identifier.as_ref() != Some(&self.identifier) && Some(row.id) != self.id {
            return Err(ANOTHER_OBJECT);
        }
        let versions = rows.map(|(other, _, version)| (other.id, version));
        let content = only_secret(head, row.id, once((row.id, version)).chain(versions))?;
        Ok(content.map(|content| FoundInformation { row, authorization: self.authorization, content }))
    }
}
