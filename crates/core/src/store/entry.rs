//! The table of entries of local providers. [`crate::store::secret`] has their secrets.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable,
    RunQueryDsl, TextExpressionMethods,
};

use super::condition::{Clause, Condition, Engine, TextTest, text_clause};
use super::pagination::{Listed, Page};
use crate::store::id::{EntryId, ProviderId};
use crate::store::schema::provider_entry;
use crate::store::{AnyConnection, StoreError};
use crate::text::case_folded;

/// A row of the table, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct EntryRow {
    pub id: EntryId,
    pub provider_id: ProviderId,
    pub name: String,
    pub name_key: String,
    pub description: Option<String>,
    pub description_key: Option<String>,
    pub created_at: i64,
    pub changed_at: i64,
}

/// The columns to sort entries by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EntryColumn {
    Name,
    Description,
}

/// A test of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EntryTest {
    Name(TextTest),
    Description(TextTest),
}

/// Returns a page of the entries of a provider.
pub fn list(
    connection: &mut AnyConnection,
    provider: ProviderId,
    condition: Option<&Condition<EntryTest>>,
    page: Page<EntryColumn>,
) -> Result<Listed<EntryRow>, StoreError> {
    let within = || {
        let query = provider_entry::table.filter(provider_entry::provider_id.eq(provider)).into_boxed::<Engine>();
        match condition {
            Some(condition) => query.filter(condition.clause(&clause)),
            None => query,
        }
    };
    let total = within().count().get_result(connection)?;
    let sorted = match (page.sort, page.descending) {
        (EntryColumn::Name, false) => within().order(provider_entry::name_key.asc()),
        (EntryColumn::Name, true) => within().order(provider_entry::name_key.desc()),
        // NULL sorts first on both engines.
        (EntryColumn::Description, false) => {
            within().order((provider_entry::description_key.is_not_null().asc(), provider_entry::description_key.asc()))
        }
        (EntryColumn::Description, true) => within()
            .order((provider_entry::description_key.is_not_null().desc(), provider_entry::description_key.desc())),
    };
    let rows = sorted.then_order_by(provider_entry::id.asc()).offset(page.offset).limit(page.limit).load(connection)?;
    Ok(Listed { rows, total })
}

fn clause(test: &EntryTest) -> Clause<provider_entry::table> {
    match test {
        EntryTest::Name(test) => text_clause!(provider_entry::name_key, test),
        EntryTest::Description(test) => text_clause!(provider_entry::description_key, test),
    }
}

/// Returns the entry of a provider with this name, ignoring case.
pub fn by_name(
    connection: &mut AnyConnection,
    provider: ProviderId,
    name: &str,
) -> Result<Option<EntryRow>, StoreError> {
    Ok(provider_entry::table
        .filter(provider_entry::provider_id.eq(provider))
        .filter(provider_entry::name_key.eq(case_folded(name)))
        .first(connection)
        .optional()?)
}

/// Whether the provider has entries.
pub fn has_any(connection: &mut AnyConnection, provider: ProviderId) -> Result<bool, StoreError> {
    let some = provider_entry::table.filter(provider_entry::provider_id.eq(provider)).select(provider_entry::id);
    Ok(some.limit(1).first::<EntryId>(connection).optional()?.is_some())
}

/// Inserts an entry and returns its id.
pub fn insert(
    connection: &mut AnyConnection,
    provider: ProviderId,
    name: &str,
    description: Option<&str>,
    now: i64,
) -> Result<EntryId, StoreError> {
    Ok(diesel::insert_into(provider_entry::table)
        .values((
            provider_entry::provider_id.eq(provider),
            provider_entry::name.eq(name),
            provider_entry::name_key.eq(case_folded(name)),
            provider_entry::description.eq(description),
            provider_entry::description_key.eq(description.map(case_folded)),
            provider_entry::created_at.eq(now),
            provider_entry::changed_at.eq(now),
        ))
        .returning(provider_entry::id)
        .get_result(connection)?)
}

/// Updates the description.
pub fn describe(
    connection: &mut AnyConnection,
    id: EntryId,
    description: Option<&str>,
    now: i64,
) -> Result<(), StoreError> {
    diesel::update(provider_entry::table.find(id))
        .set((
            provider_entry::description.eq(description),
            provider_entry::description_key.eq(description.map(case_folded)),
            provider_entry::changed_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Deletes an entry.
pub fn delete(connection: &mut AnyConnection, id: EntryId) -> Result<(), StoreError> {
    diesel::delete(provider_entry::table.find(id)).execute(connection)?;
    Ok(())
}
