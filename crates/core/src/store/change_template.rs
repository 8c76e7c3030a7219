//! Table of change templates.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::ChangeTemplateId;
use super::schema::change_template;
use super::{AnyConnection, StoreError};

/// A change template.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct ChangeTemplateRow {
    pub id: ChangeTemplateId,
    pub executor: String,
    pub name: String,
    pub name_key: String,
    pub source: String,
    pub mac: Vec<u8>,
    pub updated_at: i64,
}

/// The columns of a change template to write.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "columns")]
pub struct ChangeTemplateFields<'a> {
    pub executor: &'a str,
    pub name: &'a str,
    pub name_key: &'a str,
    pub source: &'a str,
    pub mac: &'a [u8],
    pub updated_at: i64,
}

/// Inserts a template and returns its id.
///
/// # Errors
/// [`StoreError::Conflict`] when the executor has a template of this name.
pub fn insert(
    connection: &mut AnyConnection,
    fields: &ChangeTemplateFields<'_>,
) -> Result<ChangeTemplateId, StoreError> {
    Ok(diesel::insert_into(change_template::table)
        .values((
            change_template::executor.eq(fields.executor),
            change_template::name.eq(fields.name),
            change_template::name_key.eq(fields.name_key),
            change_template::source.eq(fields.source),
            change_template::mac.eq(fields.mac),
            change_template::updated_at.eq(fields.updated_at),
        ))
        .returning(change_template::id)
        .get_result(connection)?)
}

/// Replaces the columns of a template.
pub fn update(
    connection: &mut AnyConnection,
    id: ChangeTemplateId,
    fields: &ChangeTemplateFields<'_>,
) -> Result<(), StoreError> {
    diesel::update(change_template::table.find(id))
        .set((
            change_template::name.eq(fields.name),
            change_template::source.eq(fields.source),
            change_template::mac.eq(fields.mac),
            change_template::updated_at.eq(fields.updated_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Returns the template of an executor with this case-folded name.
pub fn find(
    connection: &mut AnyConnection,
    executor: &str,
    name_key: &str,
) -> Result<Option<ChangeTemplateRow>, StoreError> {
    let named = change_template::table
        .filter(change_template::executor.eq(executor))
        .filter(change_template::name_key.eq(name_key));
    Ok(named.first(connection).optional()?)
}

/// Returns executor, name and time of the last change of all templates, by executor and name.
pub fn names(connection: &mut AnyConnection) -> Result<Vec<(String, String, i64)>, StoreError> {
    Ok(change_template::table
        .order((change_template::executor, change_template::name_key))
        .select((change_template::executor, change_template::name, change_template::updated_at))
        .load(connection)?)
}

/// Deletes a template.
pub fn delete(connection: &mut AnyConnection, id: ChangeTemplateId) -> Result<(), StoreError> {
    diesel::delete(change_template::table.find(id)).execute(connection)?;
    Ok(())
}
