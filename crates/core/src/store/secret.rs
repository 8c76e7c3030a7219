//! Tables of sealed values: every version of every secret with its state, and a head for each secret.
//!
//! The vault verifies heads and chooses what a value is bound to.

mod first;
mod lock;
mod many;
mod owner;
mod replace;
mod state;

use diesel::dsl::{auto_type, case_when};
use diesel::sql_types::{Binary, Nullable};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, OptionalExtension, QueryDsl,
    RunQueryDsl, define_sql_function,
};

pub use first::{FirstVersion, insert_first};
pub(super) use lock::locked_passwords;
pub use lock::{locked_head, locked_head_with_versions};
pub use many::{StoredSecret, current_bytes, stored};
pub use owner::SecretOwner;
pub use replace::{Replacement, replace_current};
pub use state::SecretState;

use super::connection::{BindValue, Part, load_with_cached_sql, on_engine};
use super::schema::{secret, secret_head};
use super::{AnyConnection, StoreError};
use crate::crypto::{SecretKind, sealing_key};

/// A sealed value and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    /// The version number, from 1.
    pub version: i32,
    /// The state of the version.
    pub state: SecretState,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// A version without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionSummary {
    /// The version number, from 1.
    pub version: i32,
    /// The state of the version.
    pub state: SecretState,
    /// The time of creation.
    pub created_at: i64,
}

/// The head of a secret: its highest and its current version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHead {
    /// The highest version that ever existed.
    pub highest_version: i32,
    /// The current version, if there is one.
    pub current_version: Option<i32>,
    /// The MAC over the row.
    pub mac: Vec<u8>,
}

pub(super) type HeadColumns = (i32, Option<i32>, Vec<u8>);
pub(super) type SealedColumns = (i32, String, Vec<u8>);
/// A version that may be missing, and whose value is missing if it is large.
pub(super) type SmallColumns = (Option<i32>, Option<String>, Option<Vec<u8>>);

impl From<HeadColumns> for SecretHead {
    fn from((highest_version, current_version, mac): HeadColumns) -> Self {
        Self { highest_version, current_version, mac }
    }
}

impl TryFrom<SealedColumns> for SealedRow {
    type Error = StoreError;

    fn try_from((version, state, sealed): SealedColumns) -> Result<Self, StoreError> {
        Ok(Self { version, state: state.parse()?, sealed })
    }
}

/// Whether a version is one that the head beside it names: the current or the highest one.
#[auto_type]
pub(super) fn is_named_by_head() -> _ {
    let current = secret::version.nullable().eq(secret_head::current_version);
    let highest = secret::version.nullable().eq(secret_head::highest_version.nullable());
    current.or(highest).assume_not_null()
}

define_sql_function! {
    /// The number of bytes.
    #[sql_name = "length"]
    fn sealed_length(value: Nullable<Binary>) -> Nullable<BigInt>;
}

/// The most bytes of a sealed value that is looked up together with others: they are in memory at once.
pub(super) const SMALL: i64 = 64 * 1024;

/// Selects a sealed value if it has at most `most` bytes. It is no condition, with which PostgreSQL would plan the join of versions
/// otherwise, and the object of a large one would not be found at all.
#[auto_type]
pub(super) fn small_sealed(most: i64) -> _ {
    let sealed = secret::sealed.nullable();
    case_when(sealed_length(sealed).le(most), sealed)
}

/// Whether a version is the current one of the head beside it.
#[auto_type]
fn is_current() -> _ {
    let of_head = secret::kind.eq(secret_head::kind).and(secret::owner_id.eq(secret_head::owner_id));
    of_head.and(secret::version.nullable().eq(secret_head::current_version).assume_not_null())
}

/// Selects the heads, each with the versions that it names: its current and its highest one, as far as they exist.
#[auto_type]
fn heads_with_versions() -> _ {
    let of_head = secret::kind.eq(secret_head::kind).and(secret::owner_id.eq(secret_head::owner_id));
    secret_head::table.left_join(secret::table.on(of_head.and(is_named_by_head())))
}

/// Selects the head of one secret with the versions that it names.
#[auto_type]
fn head_with_versions_of<'a>(kind: &'a str, owner: i32) -> _ {
    let of_secret = secret_head::kind.eq(kind).and(secret_head::owner_id.eq(owner));
    let head = (secret_head::highest_version, secret_head::current_version, secret_head::mac);
    let version = (secret::version, secret::state, secret::sealed);
    heads_with_versions().filter(of_secret).select((head, version.nullable()))
}

/// Returns the head of a secret with its current and its highest version, as far as they exist, in one snapshot.
pub fn head_with_versions(
    connection: &mut AnyConnection,
    owner: SecretOwner,
) -> Result<Option<(SecretHead, Vec<SealedRow>)>, StoreError> {
    let (kind, owner) = owner.columns();
    let query = head_with_versions_of(kind, owner);
    collected(load_with_cached_sql!(connection, query, [BindValue::Text(kind), BindValue::Integer(owner)])?)
}

/// Collects the rows of one secret, each with its head and one version.
fn collected(
    rows: Vec<(HeadColumns, Option<SealedColumns>)>,
) -> Result<Option<(SecretHead, Vec<SealedRow>)>, StoreError> {
    let Some((head, _)) = rows.first() else { return Ok(None) };
    let head = head.clone().into();
    let versions = rows.into_iter().filter_map(|(_, version)| version.map(SealedRow::try_from));
    Ok(Some((head, versions.collect::<Result<_, _>>()?)))
}

/// Returns the secrets of a kind, each as its owner's id, its head and its current version. Omits those without one.
pub fn all_current(
    connection: &mut AnyConnection,
    kind: SecretKind,
) -> Result<Vec<(i32, SecretHead, SealedRow)>, StoreError> {
    let query = secret_head::table
        .inner_join(secret::table.on(is_current()))
        .filter(secret_head::kind.eq(kind.as_str()))
        .select((
            secret_head::owner_id,
            (secret_head::highest_version, secret_head::current_version, secret_head::mac),
            (secret::version, secret::state, secret::sealed),
        ));
    let rows: Vec<(i32, HeadColumns, SealedColumns)> = on_engine!(connection, c => query.load(c))?;
    rows.into_iter().map(|(owner, head, row)| Ok((owner, head.into(), row.try_into()?))).collect()
}

/// Inserts the head of a new secret.
pub fn insert_head(
    connection: &mut AnyConnection,
    owner: SecretOwner,
    head: &SecretHead,
    now: i64,
) -> Result<(), StoreError> {
    let (kind, owner) = owner.columns();
    let insert = diesel::insert_into(secret_head::table).values((
        secret_head::kind.eq(kind),
        secret_head::owner_id.eq(owner),
        secret_head::highest_version.eq(head.highest_version),
        secret_head::current_version.eq(head.current_version),
        secret_head::current_changed_at.eq(now),
        secret_head::mac.eq(&head.mac),
    ));
    on_engine!(connection, c => insert.execute(c))?;
    Ok(())
}

/// Updates the highest version of a locked head.
pub fn update_highest(connection: &mut AnyConnection, owner: SecretOwner, head: &SecretHead) -> Result<(), StoreError> {
    let (kind, owner) = owner.columns();
    diesel::update(secret_head::table.find((kind, owner)))
        .set((secret_head::highest_version.eq(head.highest_version), secret_head::mac.eq(&head.mac)))
        .execute(connection)?;
    Ok(())
}

/// Updates a locked head whose current version changes at `now`.
pub fn update_current(
    connection: &mut AnyConnection,
    owner: SecretOwner,
    head: &SecretHead,
    now: i64,
) -> Result<(), StoreError> {
    let (kind, owner) = owner.columns();
    connection.run_prepared(&[
        Part::Sql("UPDATE secret_head SET highest_version = "),
        Part::Integer(head.highest_version),
        Part::Sql(", current_version = "),
        Part::NullableInteger(head.current_version),
        Part::Sql(", current_changed_at = "),
        Part::BigInt(now),
        Part::Sql(", mac = "),
        Part::Binary(&head.mac),
        Part::Sql(" WHERE kind = "),
        Part::Text(kind),
        Part::Sql(" AND owner_id = "),
        Part::Integer(owner),
    ])?;
    Ok(())
}

/// Returns a version of a secret, in any state.
pub fn version(
    connection: &mut AnyConnection,
    owner: SecretOwner,
    version: i32,
) -> Result<Option<SealedRow>, StoreError> {
    let (kind, owner) = owner.columns();
    let row = secret::table.find((kind, owner, version)).select((secret::version, secret::state, secret::sealed));
    let row: Option<SealedColumns> = on_engine!(connection, c => row.get_result(c)).optional()?;
    row.map(SealedRow::try_from).transpose()
}

/// Returns the number of the current version by the head, whose MAC is not verified: to show, not to decide.
pub fn current_version(connection: &mut AnyConnection, owner: SecretOwner) -> Result<Option<i32>, StoreError> {
    let head = secret_head::table.find(owner.columns()).select(secret_head::current_version);
    Ok(on_engine!(connection, c => head.get_result::<Option<i32>>(c)).optional()?.flatten())
}

/// Returns the time at which a version was stored.
pub fn created_at(connection: &mut AnyConnection, owner: SecretOwner, version: i32) -> Result<Option<i64>, StoreError> {
    let (kind, owner) = owner.columns();
    let row = secret::table.find((kind, owner, version)).select(secret::created_at);
    Ok(on_engine!(connection, c => row.get_result(c)).optional()?)
}

/// Returns the existing versions, newest first.
pub fn versions(connection: &mut AnyConnection, owner: SecretOwner) -> Result<Vec<VersionSummary>, StoreError> {
    let (kind, owner) = owner.columns();
    let rows: Vec<(i32, String, i64)> = secret::table
        .filter(secret::kind.eq(kind))
        .filter(secret::owner_id.eq(owner))
        .order(secret::version.desc())
        .select((secret::version, secret::state, secret::created_at))
        .load(connection)?;
    let summary = |(version, state, created_at): (i32, String, i64)| {
        Ok(VersionSummary { version, state: state.parse()?, created_at })
    };
    rows.into_iter().map(summary).collect()
}

/// Inserts a new version. The data key that it is sealed under has to exist.
pub fn insert(
    connection: &mut AnyConnection,
    owner: SecretOwner,
    row: SealedRow,
    created_at: i64,
) -> Result<(), StoreError> {
    let (kind, owner) = owner.columns();
    require_first(row.state)?;
    let key = data_key_of(&row)?;
    let insert = diesel::insert_into(secret::table).values((
        secret::kind.eq(kind),
        secret::owner_id.eq(owner),
        secret::version.eq(row.version),
        secret::state.eq(row.state.as_str()),
        secret::sealed.eq(row.sealed),
        secret::data_key_id.eq(key),
        secret::created_at.eq(created_at),
    ));
    on_engine!(connection, c => insert.execute(c))?;
    Ok(())
}

/// Requires that a new version may have this state.
fn require_first(state: SecretState) -> Result<(), StoreError> {
    if state.may_be_first() { Ok(()) } else { Err(StoreError::Query("a secret's version cannot begin in this state")) }
}

/// Returns the id of the data key that a version is sealed under.
fn data_key_of(row: &SealedRow) -> Result<i32, StoreError> {
    sealing_key(&row.sealed).map_err(|_| StoreError::Query("a sealed value has no header"))
}

/// Changes the state of a version from one to another.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such version in the state `from`; [`StoreError::Query`] when a version
/// in that state may not become `to`.
pub fn change_state(
    connection: &mut AnyConnection,
    owner: SecretOwner,
    version: i32,
    (from, to): (SecretState, SecretState),
) -> Result<(), StoreError> {
    let (kind, owner) = owner.columns();
    if !from.may_become(to) {
        return Err(StoreError::Query("a secret's version cannot change to this state"));
    }
    let changed = connection.run_prepared(&[
        Part::Sql("UPDATE secret SET state = "),
        Part::Text(to.as_str()),
        Part::Sql(" WHERE kind = "),
        Part::Text(kind),
        Part::Sql(" AND owner_id = "),
        Part::Integer(owner),
        Part::Sql(" AND version = "),
        Part::Integer(version),
        Part::Sql(" AND state = "),
        Part::Constant(from.as_str()),
    ])?;
    if changed > 0 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Deletes the previous versions up to and including `version`.
///
/// Versions that are, or may become, current stay, and those that an external system may know: of a password or key that is being
/// changed, every version.
pub fn prune(connection: &mut AnyConnection, owner: SecretOwner, version: i32) -> Result<(), StoreError> {
    let is_rotated = owner.is_rotated();
    let (kind, owner) = owner.columns();
    let mut statement = vec![
        Part::Sql("DELETE FROM secret WHERE kind = "),
        Part::Text(kind),
        Part::Sql(" AND owner_id = "),
        Part::Integer(owner),
        Part::Sql(" AND version <= "),
        Part::Integer(version),
        Part::Sql(" AND state = "),
        Part::Constant(SecretState::Previous.as_str()),
    ];
    if is_rotated {
        statement.extend([
            Part::Sql(" AND NOT EXISTS (SELECT 1 FROM rotation_record WHERE credential_id = "),
            Part::Integer(owner),
            Part::Sql(" AND phase <> "),
            Part::Constant("idle"),
            Part::Sql(")"),
        ]);
    }
    connection.run_prepared(&statement)?;
    Ok(())
}

/// Deletes all versions and the head of a secret.
pub fn delete_all(connection: &mut AnyConnection, owner: SecretOwner) -> Result<(), StoreError> {
    let (kind, owner) = owner.columns();
    let versions = secret::table.filter(secret::kind.eq(kind)).filter(secret::owner_id.eq(owner));
    diesel::delete(versions).execute(connection)?;
    diesel::delete(secret_head::table.find((kind, owner))).execute(connection)?;
    Ok(())
}

#[cfg(test)]
mod tests;
