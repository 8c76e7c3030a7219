//! Tables of PAM providers and the values of their parameters. [`crate::store::secret`] has the secret values.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, NullableExpressionMethods, OptionalExtension,
    QueryDsl, Queryable, RunQueryDsl, TextExpressionMethods,
};

use super::condition::{Clause, Condition, Engine, NumberTest, TextTest, number_clause, text_clause};
use super::pagination::{Listed, Page};
use crate::store::id::{ParameterId, ProviderId, ProviderValueId};
use crate::store::schema::{provider, provider_type, provider_type_parameter, provider_value};
use crate::store::{AnyConnection, StoreError};
use crate::text::case_folded;

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ProviderRow {
    pub id: ProviderId,
    pub name: String,
    pub name_key: String,
    pub type_id: String,
    pub area: i32,
    pub secured_area_id: Option<i32>,
    pub remote: bool,
    pub created_at: i64,
    pub changed_at: i64,
}

/// The writable columns of a provider.
#[derive(Clone, Debug, Insertable, AsChangeset)]
#[diesel(table_name = provider, treat_none_as_null = true)]
#[expect(missing_docs, reason = "columns")]
pub struct ProviderFields {
    pub name: String,
    pub name_key: String,
    pub type_id: String,
    pub area: i32,
    pub secured_area_id: Option<i32>,
    pub remote: bool,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ValueRow {
    pub id: ProviderValueId,
    pub provider_id: ProviderId,
    pub parameter_id: ParameterId,
    pub value: Option<String>,
    pub instance_id: Option<i32>,
    pub instance_guid: Option<String>,
}

/// The writable columns of a value.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, AsChangeset)]
#[diesel(table_name = provider_value, treat_none_as_null = true)]
#[expect(missing_docs, reason = "columns")]
pub struct ValueFields {
    pub value: Option<String>,
    pub instance_id: Option<i32>,
    pub instance_guid: Option<String>,
}

/// The columns to sort providers by; the type sorts by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ProviderColumn {
    Id,
    Name,
    Area,
    Type,
    SecuredArea,
    Remote,
}

/// A test of a provider; a type is tested by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ProviderTest {
    Name(TextTest),
    Type(TextTest),
    Area(NumberTest),
    SecuredArea(NumberTest),
}

/// The selection of a list of providers.
#[derive(Clone, Debug)]
pub struct ProviderScope {
    /// Only these ids; `None` means all.
    pub ids: Option<Vec<ProviderId>>,
    /// Only providers that meet this condition.
    pub condition: Option<Condition<ProviderTest>>,
}

type Joined = diesel::dsl::InnerJoinQuerySource<provider::table, provider_type::table>;

/// Returns a page of the selected providers.
pub fn list(
    connection: &mut AnyConnection,
    scope: &ProviderScope,
    page: Page<ProviderColumn>,
) -> Result<Listed<ProviderRow>, StoreError> {
    let within = || {
        let mut query = provider::table.inner_join(provider_type::table).into_boxed::<Engine>();
        if let Some(ids) = &scope.ids {
            query = query.filter(provider::id.eq_any(ids.clone()));
        }
        match &scope.condition {
            Some(condition) => query.filter(condition.clause(&clause)),
            None => query,
        }
    };
    let total = within().count().get_result(connection)?;
    let query = within().select(provider::all_columns);
    let sorted = match (page.sort, page.descending) {
        (ProviderColumn::Id, false) => query.order(provider::id.asc()),
        (ProviderColumn::Id, true) => query.order(provider::id.desc()),
        (ProviderColumn::Name, false) => query.order(provider::name_key.asc()),
        (ProviderColumn::Name, true) => query.order(provider::name_key.desc()),
        (ProviderColumn::Area, false) => query.order(provider::area.asc()),
        (ProviderColumn::Area, true) => query.order(provider::area.desc()),
        (ProviderColumn::Type, false) => query.order(provider_type::name_key.asc()),
        (ProviderColumn::Type, true) => query.order(provider_type::name_key.desc()),
        // NULL sorts first on both engines.
        (ProviderColumn::SecuredArea, false) => {
            query.order((provider::secured_area_id.is_not_null().asc(), provider::secured_area_id.asc()))
        }
        (ProviderColumn::SecuredArea, true) => {
            query.order((provider::secured_area_id.is_not_null().desc(), provider::secured_area_id.desc()))
        }
        (ProviderColumn::Remote, false) => query.order(provider::remote.asc()),
        (ProviderColumn::Remote, true) => query.order(provider::remote.desc()),
    };
    let rows = sorted.then_order_by(provider::id.asc()).offset(page.offset).limit(page.limit).load(connection)?;
    Ok(Listed { rows, total })
}

fn clause(test: &ProviderTest) -> Clause<Joined> {
    match test {
        ProviderTest::Name(test) => text_clause!(provider::name_key, test),
        ProviderTest::Type(test) => text_clause!(provider_type::name_key, test),
        ProviderTest::Area(test) => number_clause!(provider::area, test),
        ProviderTest::SecuredArea(test) => number_clause!(provider::secured_area_id, test),
    }
}

/// Returns the provider with this id.
pub fn by_id(connection: &mut AnyConnection, id: ProviderId) -> Result<Option<ProviderRow>, StoreError> {
    Ok(provider::table.find(id).first(connection).optional()?)
}

/// Returns the id of the provider with this name, ignoring case.
pub fn id_by_name(connection: &mut AnyConnection, name: &str) -> Result<Option<ProviderId>, StoreError> {
    let same = provider::table.filter(provider::name_key.eq(case_folded(name))).select(provider::id);
    Ok(same.first(connection).optional()?)
}

/// Inserts a provider and returns its id.
pub fn insert(connection: &mut AnyConnection, fields: &ProviderFields, now: i64) -> Result<ProviderId, StoreError> {
    Ok(diesel::insert_into(provider::table)
        .values((fields, provider::created_at.eq(now), provider::changed_at.eq(now)))
        .returning(provider::id)
        .get_result(connection)?)
}

/// Updates all fields of a provider.
pub fn update(
    connection: &mut AnyConnection,
    id: ProviderId,
    fields: &ProviderFields,
    now: i64,
) -> Result<(), StoreError> {
    diesel::update(provider::table.find(id)).set((fields, provider::changed_at.eq(now))).execute(connection)?;
    Ok(())
}

/// Deletes a provider without values.
pub fn delete(connection: &mut AnyConnection, id: ProviderId) -> Result<(), StoreError> {
    diesel::delete(provider::table.find(id)).execute(connection)?;
    Ok(())
}

/// Returns the values of a provider, by parameter.
pub fn values_by_provider(connection: &mut AnyConnection, provider: ProviderId) -> Result<Vec<ValueRow>, StoreError> {
    Ok(provider_value::table
        .filter(provider_value::provider_id.eq(provider))
        .order(provider_value::parameter_id)
        .load(connection)?)
}

/// Returns the values of several providers, by parameter.
pub fn values_by_providers(
    connection: &mut AnyConnection,
    providers: &[ProviderId],
) -> Result<Vec<ValueRow>, StoreError> {
    Ok(provider_value::table
        .filter(provider_value::provider_id.eq_any(providers.to_vec()))
        .order((provider_value::provider_id, provider_value::parameter_id))
        .load(connection)?)
}

/// Returns the value that this reference of a secret stands for, of any provider. Text values have no references, and a GUID of
/// theirs is the client's own.
pub fn value_by_reference(
    connection: &mut AnyConnection,
    reference: &str,
    text_type: i32,
) -> Result<Option<ProviderValueId>, StoreError> {
    let secrets = provider_type_parameter::table
        .filter(provider_type_parameter::data_type.ne(text_type))
        .select(provider_type_parameter::id);
    Ok(provider_value::table
        .filter(provider_value::instance_guid.eq(reference))
        .filter(provider_value::parameter_id.eq_any(secrets))
        .select(provider_value::id)
        .first(connection)
        .optional()?)
}

/// Inserts a value and returns its id.
pub fn insert_value(
    connection: &mut AnyConnection,
    provider: ProviderId,
    parameter: ParameterId,
    fields: &ValueFields,
) -> Result<ProviderValueId, StoreError> {
    let keys = (provider_value::provider_id.eq(provider), provider_value::parameter_id.eq(parameter));
    Ok(diesel::insert_into(provider_value::table)
        .values((keys, fields))
        .returning(provider_value::id)
        .get_result(connection)?)
}

/// Updates all fields of a value.
pub fn update_value(
    connection: &mut AnyConnection,
    id: ProviderValueId,
    fields: &ValueFields,
) -> Result<(), StoreError> {
    diesel::update(provider_value::table.find(id)).set(fields).execute(connection)?;
    Ok(())
}

/// Deletes a value.
pub fn delete_value(connection: &mut AnyConnection, id: ProviderValueId) -> Result<(), StoreError> {
    diesel::delete(provider_value::table.find(id)).execute(connection)?;
    Ok(())
}
