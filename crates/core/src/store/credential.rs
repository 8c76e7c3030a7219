//! The table of credentials: passwords and SSH keys, in one sequence of ids. [`super::secret`] has their secrets.

mod create;

use diesel::{
    AsChangeset, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::changes::{changed, changed_nullable};
use super::connection::{BindValue, Literal, LiteralText, Part, load_with_cached_sql, on_engine};
use super::id::{CredentialId, DeviceId};
use super::schema::{credential, custody, device};
use super::tag::{self, TaggedObject};
use super::{AnyConnection, MAX_BOUND, StoreError};
use crate::text::case_folded;

pub use create::NewAccount;
pub(super) use create::insert_accounts;

/// The kind of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A username with a password.
    Password,
    /// A username with an SSH key.
    SshKey,
}

impl CredentialKind {
    pub(super) fn from_stored(name: &str) -> Self {
        if name == CredentialKind::SshKey.as_str() { CredentialKind::SshKey } else { CredentialKind::Password }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            CredentialKind::Password => "password",
            CredentialKind::SshKey => "ssh_key",
        }
    }
}

/// The kind of passwords in a query's text.
pub(super) struct PasswordKind;

impl LiteralText for PasswordKind {
    const TEXT: &'static str = CredentialKind::Password.as_str();
}

/// A row of the table, without the secrets.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = credential)]
#[expect(missing_docs, reason = "columns")]
pub struct CredentialRow {
    pub id: CredentialId,
    pub(crate) kind: String,
    pub device_id: DeviceId,
    pub username: String,
    pub identifier: Option<String>,
    pub credential_type: String,
    pub additional: String,
    pub tags: String,
    pub parent_id: Option<CredentialId>,
    pub session_settings: Option<String>,
    pub additional_settings: Option<String>,
    pub domain: String,
    pub active: bool,
    pub changed_at: i64,
    pub viewed_at: Option<i64>,
    pub exclusive_custody: Option<bool>,
}

impl CredentialRow {
    /// Returns the kind of the credential.
    pub fn kind(&self) -> CredentialKind {
        CredentialKind::from_stored(&self.kind)
    }
}

/// The columns to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = credential)]
#[expect(missing_docs, reason = "columns")]
pub struct CredentialChanges {
    pub device_id: Option<DeviceId>,
    pub username: Option<String>,
    pub identifier: Option<String>,
    pub credential_type: Option<String>,
    pub additional: Option<String>,
    pub tags: Option<String>,
    pub domain: Option<String>,
    pub parent_id: Option<Option<CredentialId>>,
    pub session_settings: Option<String>,
    pub additional_settings: Option<String>,
    pub exclusive_custody: Option<bool>,
}

impl CredentialChanges {
    /// Whether a row has all of these values already.
    pub fn are_in(&self, row: &CredentialRow) -> bool {
        self.clone().without_unchanged(row) == Self::default()
    }

    /// Whether they make a row that of another account, on its target or on another one.
    pub fn move_account(&self, row: &CredentialRow) -> bool {
        let moved = Self {
            device_id: self.device_id,
            username: self.username.clone(),
            additional: self.additional.clone(),
            domain: self.domain.clone(),
            ..Self::default()
        };
        !moved.are_in(row)
    }

    /// The number of bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        let texts = [
            &self.username,
            &self.identifier,
            &self.credential_type,
            &self.additional,
            &self.tags,
            &self.domain,
            &self.session_settings,
            &self.additional_settings,
        ];
        texts.into_iter().flatten().map(String::len).sum()
    }

    /// Leaves out the columns that have the value already.
    fn without_unchanged(self, row: &CredentialRow) -> Self {
        Self {
            device_id: changed(self.device_id, &row.device_id),
            username: changed(self.username, &row.username),
            identifier: changed_nullable(self.identifier, &row.identifier),
            credential_type: changed(self.credential_type, &row.credential_type),
            additional: changed(self.additional, &row.additional),
            tags: changed(self.tags, &row.tags),
            domain: changed(self.domain, &row.domain),
            parent_id: changed(self.parent_id, &row.parent_id),
            session_settings: changed_nullable(self.session_settings, &row.session_settings),
            additional_settings: changed_nullable(self.additional_settings, &row.additional_settings),
            exclusive_custody: changed_nullable(self.exclusive_custody, &row.exclusive_custody),
        }
    }
}

/// Returns the credential with this id.
pub fn by_id(connection: &mut AnyConnection, id: CredentialId) -> Result<Option<CredentialRow>, StoreError> {
    let row = credential::table.find(id);
    Ok(on_engine!(connection, c => row.select(CredentialRow::as_select()).get_result(c)).optional()?)
}

/// Returns the credential with this id and locks it until the transaction ends. SQLite has one writer and needs no
/// lock.
pub fn locked(connection: &mut AnyConnection, id: CredentialId) -> Result<Option<CredentialRow>, StoreError> {
    match connection {
        AnyConnection::Sqlite(c) => {
            Ok(credential::table.find(id).select(CredentialRow::as_select()).first(c).optional()?)
        }
        AnyConnection::Postgresql(c) => {
            Ok(credential::table.find(id).select(CredentialRow::as_select()).for_update().first(c).optional()?)
        }
    }
}

/// Returns the credential with this identifier (exact match).
pub fn by_identifier(connection: &mut AnyConnection, identifier: &str) -> Result<Option<CredentialRow>, StoreError> {
    let named = credential::table.filter(credential::identifier.eq(identifier));
    let rows: Vec<CredentialRow> =
        load_with_cached_sql!(connection, named.select(CredentialRow::as_select()), [BindValue::Text(identifier)])?;
    Ok(rows.into_iter().next())
}

/// As [`by_identifier`], and locks the row until the transaction ends.
pub fn locked_by_identifier(
    connection: &mut AnyConnection,
    identifier: &str,
) -> Result<Option<CredentialRow>, StoreError> {
    let named = credential::table.filter(credential::identifier.eq(identifier)).select(CredentialRow::as_select());
    match connection {
        AnyConnection::Sqlite(_) => by_identifier(connection, identifier),
        AnyConnection::Postgresql(c) => Ok(named.for_update().get_result(c).optional()?),
    }
}

/// As [`by_username`], of a password, and locks the row until the transaction ends.
pub fn locked_by_username(
    connection: &mut AnyConnection,
    device_id: DeviceId,
    username: &str,
) -> Result<Option<CredentialRow>, StoreError> {
    let named = credential::table
        .filter(credential::device_id.eq(device_id))
        .filter(credential::username.eq(username))
        .filter(credential::kind.eq(Literal::<PasswordKind>::new()))
        .select(CredentialRow::as_select());
    match connection {
        AnyConnection::Sqlite(_) => by_username(connection, device_id, username, CredentialKind::Password),
        AnyConnection::Postgresql(c) => Ok(named.for_update().get_result(c).optional()?),
    }
}

/// Returns the credential with this username (exact match) on a device.
pub fn by_username(
    connection: &mut AnyConnection,
    device_id: DeviceId,
    username: &str,
    kind: CredentialKind,
) -> Result<Option<CredentialRow>, StoreError> {
    let named = credential::table.filter(credential::device_id.eq(device_id)).filter(credential::username.eq(username));
    let row = match kind {
        // The literal lets SQLite use the index of accounts.
        CredentialKind::Password => {
            let query = named.filter(credential::kind.eq(Literal::<PasswordKind>::new()));
            on_engine!(connection, c => query.select(CredentialRow::as_select()).get_result(c))
        }
        CredentialKind::SshKey => {
            let query = named.filter(credential::kind.eq(kind.as_str()));
            on_engine!(connection, c => query.select(CredentialRow::as_select()).get_result(c))
        }
    };
    Ok(row.optional()?)
}

/// Returns the first two credentials of a username on the device of that hostname: its password, if it has one, and SSH keys.
pub fn all_by_username_at(
    connection: &mut AnyConnection,
    username: &str,
    hostname: &str,
) -> Result<Vec<CredentialRow>, StoreError> {
    Ok(credential::table
        .inner_join(device::table)
        .filter(device::hostname_key.eq(case_folded(hostname)))
        .filter(credential::username.eq(username))
        .order((credential::kind, credential::id))
        .limit(2)
        .select(CredentialRow::as_select())
        .load(connection)?)
}

/// Inserts an active credential and returns its id. `device_id` and `username` come from `changes`.
pub fn insert(
    connection: &mut AnyConnection,
    kind: CredentialKind,
    changes: &CredentialChanges,
    now: i64,
) -> Result<CredentialId, StoreError> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let device_id = changes.device_id.ok_or(StoreError::Query("a new credential has no device"))?;
    let insert = diesel::insert_into(credential::table)
        .values((
            credential::kind.eq(kind.as_str()),
            credential::device_id.eq(device_id),
            credential::username.eq(text(&changes.username)),
            credential::identifier.eq(&changes.identifier),
            credential::credential_type.eq(text(&changes.credential_type)),
            credential::additional.eq(text(&changes.additional)),
            credential::tags.eq(text(&changes.tags)),
            credential::domain.eq(text(&changes.domain)),
            credential::parent_id.eq(changes.parent_id.flatten()),
            credential::session_settings.eq(&changes.session_settings),
            credential::additional_settings.eq(&changes.additional_settings),
            credential::exclusive_custody.eq(changes.exclusive_custody),
            credential::active.eq(true),
            credential::created_at.eq(now),
            credential::changed_at.eq(now),
        ))
        .returning(credential::id);
    let id = on_engine!(connection, c => insert.get_result(c))?;
    if let Some(tags) = &changes.tags {
        tag::index_new(connection, TaggedObject::Credential(id), tags)?;
    }
    Ok(id)
}

/// Updates the columns that have another value than `row` has. Returns whether there are any: most updates change the password
/// only, whose time is in its head.
pub fn update(
    connection: &mut AnyConnection,
    row: &CredentialRow,
    changes: &CredentialChanges,
    now: i64,
) -> Result<bool, StoreError> {
    let (id, changes) = (row.id, changes.clone().without_unchanged(row));
    if changes == CredentialChanges::default() {
        return Ok(false);
    }
    diesel::update(credential::table.find(id)).set((&changes, credential::changed_at.eq(now))).execute(connection)?;
    if let Some(tags) = &changes.tags {
        tag::index(connection, TaggedObject::Credential(id), tags)?;
    }
    Ok(true)
}

/// Sets the time of the last change, of something that is stored in other tables.
pub fn set_changed(connection: &mut AnyConnection, id: CredentialId, now: i64) -> Result<(), StoreError> {
    diesel::update(credential::table.find(id)).set(credential::changed_at.eq(now)).execute(connection)?;
    Ok(())
}

/// Sets the times at which secrets were last shown, one statement each.
pub(super) fn set_viewed(connection: &mut AnyConnection, views: &[(CredentialId, i64)]) -> Result<(), StoreError> {
    for (id, at) in views {
        connection.run_prepared(&[
            Part::Sql("UPDATE credential SET viewed_at = "),
            Part::BigInt(*at),
            Part::Sql(" WHERE id = "),
            Part::Integer(id.get()),
        ])?;
    }
    Ok(())
}

/// Activates or deactivates a credential.
pub fn set_active(connection: &mut AnyConnection, id: CredentialId, active: bool, now: i64) -> Result<(), StoreError> {
    diesel::update(credential::table.find(id))
        .set((credential::active.eq(active), credential::changed_at.eq(now)))
        .execute(connection)?;
    Ok(())
}

/// Deactivates every credential of a device, then ends their custodies, and returns how many were active.
///
/// In this order, a read that is about to take custody of one has either done so before, or finds it inactive.
pub fn deactivate_by_device(
    connection: &mut AnyConnection,
    device_id: DeviceId,
    now: i64,
) -> Result<usize, StoreError> {
    let of_device = credential::table.filter(credential::device_id.eq(device_id));
    let suspended = diesel::update(of_device.filter(credential::active.eq(true)))
        .set((credential::active.eq(false), credential::changed_at.eq(now)))
        .execute(connection)?;
    diesel::delete(custody::table.filter(custody::credential_id.eq_any(of_device.select(credential::id))))
        .execute(connection)?;
    Ok(suspended)
}

/// A credential whose password may be that of others too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
#[expect(missing_docs, reason = "columns")]
pub struct SharingRow {
    pub id: CredentialId,
    pub exclusive_custody: Option<bool>,
}

/// Returns the credentials whose parent is one of these.
pub fn children_of(connection: &mut AnyConnection, parents: &[CredentialId]) -> Result<Vec<SharingRow>, StoreError> {
    let columns = (credential::id, credential::exclusive_custody);
    // Part of each update of a password. SQLite writes `IN` with a placeholder for each value, which diesel does not keep prepared.
    if let [parent] = parents {
        let of_this = credential::table.filter(credential::parent_id.eq(parent)).select(columns);
        return Ok(on_engine!(connection, c => of_this.load::<SharingRow>(c))?);
    }
    let mut children = Vec::new();
    for parents in parents.chunks(MAX_BOUND) {
        let of_these = credential::table.filter(credential::parent_id.eq_any(parents.to_vec()));
        children.extend(of_these.select(columns).load::<SharingRow>(connection)?);
    }
    Ok(children)
}
