//! The table of protected information. The texts themselves are in [`super::secret`].

use diesel::{AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl};

use super::id::InformationId;
use super::schema::information;
use super::{AnyConnection, StoreError};

/// A protected information, without its text.
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

/// What may be written of it; `None` leaves a column as it is.
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

/// The information with that number, held against changes by others until the transaction ends.
///
/// SQLite has one writer and needs no lock.
pub fn locked(connection: &mut AnyConnection, id: InformationId) -> Result<Option<InformationRow>, StoreError> {
    let row = information::table.find(id);
    match connection {
        AnyConnection::Sqlite(c) => Ok(row.first(c).optional()?),
        AnyConnection::Postgresql(c) => Ok(row.for_update().first(c).optional()?),
    }
}

/// The information with that number.
pub fn by_id(connection: &mut AnyConnection, id: InformationId) -> Result<Option<InformationRow>, StoreError> {
    Ok(information::table.find(id).first(connection).optional()?)
}

/// The information with that identifier, to the letter.
pub fn by_identifier(connection: &mut AnyConnection, identifier: &str) -> Result<Option<InformationRow>, StoreError> {
    Ok(information::table.filter(information::identifier.eq(identifier)).first(connection).optional()?)
}

/// Keeps a new, active information and returns its id. Columns without a value are empty.
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

/// Writes the columns that have a value.
pub fn update(
    connection: &mut AnyConnection,
    id: InformationId,
    changes: &InformationChanges,
    now: i64,
) -> Result<(), StoreError> {
    diesel::update(information::table.find(id)).set((changes, information::changed_at.eq(now))).execute(connection)?;
    Ok(())
}

/// Switches it on or off.
pub fn set_active(connection: &mut AnyConnection, id: InformationId, active: bool, now: i64) -> Result<(), StoreError> {
    diesel::update(information::table.find(id))
        .set((information::active.eq(active), information::changed_at.eq(now)))
        .execute(connection)?;
    Ok(())
}
