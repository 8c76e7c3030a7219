//! The table of protected-information records. [`super::secret`] has their texts.

use diesel::{AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::InformationId;
use super::schema::information;
use super::{AnyConnection, StoreError};

/// A protected-information record, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct InformationRow {
    pub id: InformationId,
    pub identifier: Option<String>,
    pub name: String,
    pub kind: String,
    pub service: String,
    pub url: String,
    pub users_allowed: String,
    pub active: bool,
    pub created_at: i64,
    pub changed_at: i64,
}

/// The columns to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = information)]
#[expect(missing_docs, reason = "columns")]
pub struct InformationChanges {
    pub name: Option<String>,
    pub kind: Option<String>,
    pub service: Option<String>,
    pub url: Option<String>,
    pub users_allowed: Option<String>,
}

/// Returns the record with this id and locks it until the transaction ends. SQLite has one writer and needs no lock.
pub fn locked(connection: &mut AnyConnection, id: InformationId) -> Result<Option<InformationRow>, StoreError> {
    let row = information::table.find(id);
    match connection {
        AnyConnection::Sqlite(c) => Ok(row.first(c).optional()?),
        AnyConnection::Postgresql(c) => Ok(row.for_update().first(c).optional()?),
    }
}

/// Returns the record with this id.
pub fn by_id(connection: &mut AnyConnection, id: InformationId) -> Result<Option<InformationRow>, StoreError> {
    Ok(information::table.find(id).first(connection).optional()?)
}

/// Returns the record with this identifier (exact match).
pub fn by_identifier(connection: &mut AnyConnection, identifier: &str) -> Result<Option<InformationRow>, StoreError> {
    Ok(information::table.filter(information::identifier.eq(identifier)).first(connection).optional()?)
}

/// Inserts an active record and returns its id. Columns without a value are empty.
pub fn insert(
    connection: &mut AnyConnection,
    identifier: Option<&str>,
    changes: &InformationChanges,
    now: i64,
) -> Result<InformationId, StoreError> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    Ok(diesel::insert_into(information::table)
        .values((
            information::identifier.eq(identifier),
            information::name.eq(text(&changes.name)),
            information::kind.eq(text(&changes.kind)),
            information::service.eq(text(&changes.service)),
            information::url.eq(text(&changes.url)),
            information::users_allowed.eq(text(&changes.users_allowed)),
            information::active.eq(true),
            information::created_at.eq(now),
            information::changed_at.eq(now),
        ))
        .returning(information::id)
        .get_result(connection)?)
}

/// Updates the columns that have a value.
pub fn update(
    connection: &mut AnyConnection,
    id: InformationId,
    changes: &InformationChanges,
    now: i64,
) -> Result<(), StoreError> {
    diesel::update(information::table.find(id)).set((changes, information::changed_at.eq(now))).execute(connection)?;
    Ok(())
}

/// Activates or deactivates a record.
pub fn set_active(connection: &mut AnyConnection, id: InformationId, active: bool, now: i64) -> Result<(), StoreError> {
    diesel::update(information::table.find(id))
        .set((information::active.eq(active), information::changed_at.eq(now)))
        .execute(connection)?;
    Ok(())
}
