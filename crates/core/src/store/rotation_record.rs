//! Tables of rotations: the state of each, and its last events.

use diesel::sql_types::Bool;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, IntoSql, JoinOnDsl, NullableExpressionMethods,
    OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::connection::on_engine;
use super::id::CredentialId;
use super::schema::{credential, device, jit_policy, rotation_event, rotation_policy, rotation_record};
use super::{AnyConnection, StoreError};

/// The number of events that are kept of a credential.
pub const KEPT_EVENTS: i64 = 50;

/// The state of the rotation of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = rotation_record, treat_none_as_null = true)]
#[expect(missing_docs, reason = "columns")]
pub struct RotationRecordRow {
    pub credential_id: CredentialId,
    pub revision: i64,
    pub phase: String,
    pub cause: Option<String>,
    pub attempts: i32,
    pub checks: i32,
    pub rejections: i32,
    pub sends: i32,
    pub in_doubt: bool,
    pub due_at: Option<i64>,
    pub problem: Option<String>,
    pub waiting_releases: i32,
    pub waiting_cause: Option<String>,
    pub changed_at: Option<i64>,
    pub is_behind: bool,
    pub former_version: Option<i32>,
    pub former_passphrase_version: Option<i32>,
}

/// A credential that is changed automatically, with what its policy is chosen by.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct AgedRow {
    pub credential_id: CredentialId,
    pub changed_at: i64,
    pub identifier: Option<String>,
    pub username: String,
    pub tags: String,
    pub hostname: String,
    pub device_tags: String,
    pub device_type: String,
    pub plugin: Option<String>,
    pub template: Option<String>,
}

/// An event of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = rotation_event)]
#[expect(missing_docs, reason = "columns")]
pub struct RotationEventRow {
    pub credential_id: CredentialId,
    pub revision: i64,
    pub at: i64,
    pub event: String,
    pub problem: Option<String>,
}

/// Returns the state of the rotation of a credential.
pub fn find(connection: &mut AnyConnection, credential: CredentialId) -> Result<Option<RotationRecordRow>, StoreError> {
    let row = rotation_record::table.find(credential).select(RotationRecordRow::as_select());
    Ok(row.first(connection).optional()?)
}

/// As [`find`], and locks the row until the transaction ends.
pub fn locked(
    connection: &mut AnyConnection,
    credential: CredentialId,
) -> Result<Option<RotationRecordRow>, StoreError> {
    let row = rotation_record::table.find(credential);
    match connection {
        // SQLite has one writer and needs no lock.
        AnyConnection::Sqlite(c) => Ok(row.select(RotationRecordRow::as_select()).first(c).optional()?),
        AnyConnection::Postgresql(c) => {
            Ok(row.select(RotationRecordRow::as_select()).for_update().first(c).optional()?)
        }
    }
}

/// Inserts a row.
pub fn insert(connection: &mut AnyConnection, row: &RotationRecordRow) -> Result<(), StoreError> {
    diesel::insert_into(rotation_record::table).values(row).execute(connection)?;
    Ok(())
}

/// Replaces the columns of a row.
pub fn update(connection: &mut AnyConnection, row: &RotationRecordRow) -> Result<(), StoreError> {
    diesel::update(rotation_record::table.find(row.credential_id)).set(row).execute(connection)?;
    Ok(())
}

/// Whether the target of a child does not have the value of its parent yet, so that the child's own value is the one in force.
pub fn is_behind(connection: &mut AnyConnection, credential: CredentialId) -> Result<bool, StoreError> {
    let row = rotation_record::table.find(credential).select(rotation_record::is_behind);
    Ok(on_engine!(connection, c => row.first(c)).optional()?.unwrap_or(false))
}

/// Returns every child whose target does not have the value of its parent yet.
pub fn all_behind(connection: &mut AnyConnection) -> Result<Vec<CredentialId>, StoreError> {
    let behind = rotation_record::table.filter(rotation_record::is_behind);
    Ok(behind.select(rotation_record::credential_id).load(connection)?)
}

/// Counts the rotations of active credentials that go on by a person's decision alone.
pub fn count_undecided(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    Ok(rotation_record::table
        .inner_join(credential::table.on(credential::id.eq(rotation_record::credential_id)))
        .filter(rotation_record::phase.ne("idle"))
        .filter(rotation_record::due_at.is_null())
        .filter(credential::active)
        .count()
        .get_result(connection)?)
}

/// Returns the active credentials with automatic change whose last change ended at or before `time`, after the one that was `last`.
///
/// Those that have waited longest come first; those of which a rotation is open or requested are left out.
pub fn changed_before(
    connection: &mut AnyConnection,
    time: i64,
    last: Option<(i64, CredentialId)>,
    most: i64,
    has_just_in_time: bool,
) -> Result<Vec<AgedRow>, StoreError> {
    let (last_time, last_id) = last.unwrap_or((i64::MIN, CredentialId::new(0)));
    let changed_at = rotation_record::changed_at;
    let is_later = changed_at
        .gt(last_time)
        .assume_not_null()
        .or(changed_at.eq(last_time).assume_not_null().and(rotation_record::credential_id.gt(last_id)));
    let of_credential = rotation_policy::credential_id.eq(rotation_record::credential_id);
    let has_mode = jit_policy::create_and_delete.or(jit_policy::enable_and_disable);
    let just_in_time = jit_policy::table
        .filter(jit_policy::enabled.and(has_mode).and(has_just_in_time.into_sql::<Bool>()))
        .select(jit_policy::credential_id);
    Ok(rotation_record::table
        .inner_join(rotation_policy::table.on(of_credential))
        .inner_join(credential::table.on(credential::id.eq(rotation_record::credential_id)))
        .inner_join(device::table.on(device::id.eq(credential::device_id)))
        .filter(changed_at.le(time).assume_not_null())
        .filter(is_later)
        .filter(rotation_record::phase.eq("idle"))
        .filter(rotation_record::waiting_cause.is_null())
        .filter(rotation_policy::automatic_change)
        .filter(credential::active)
        // A child follows its parent.
        .filter(credential::parent_id.is_null())
        // An account that exists just in time gets a new password each time.
        .filter(rotation_record::credential_id.ne_all(just_in_time))
        .order((changed_at, rotation_record::credential_id))
        .limit(most)
        .select((
            rotation_record::credential_id,
            changed_at.assume_not_null(),
            credential::identifier,
            credential::username,
            credential::tags,
            device::hostname,
            device::tags,
            device::kind,
            rotation_policy::plugin,
            rotation_policy::template,
        ))
        .load(connection)?)
}

/// Inserts an event, and deletes those of the credential that are no longer kept.
pub fn insert_event(connection: &mut AnyConnection, row: &RotationEventRow) -> Result<(), StoreError> {
    let old = rotation_event::table
        .filter(rotation_event::credential_id.eq(row.credential_id))
        .filter(rotation_event::revision.le(row.revision - KEPT_EVENTS));
    diesel::delete(old).execute(connection)?;
    diesel::insert_into(rotation_event::table).values(row).execute(connection)?;
    Ok(())
}

/// Returns the kept events of a credential, newest first.
pub fn events(connection: &mut AnyConnection, credential: CredentialId) -> Result<Vec<RotationEventRow>, StoreError> {
    Ok(rotation_event::table
        .filter(rotation_event::credential_id.eq(credential))
        .order(rotation_event::revision.desc())
        .limit(KEPT_EVENTS)
        .select(RotationEventRow::as_select())
        .load(connection)?)
}
