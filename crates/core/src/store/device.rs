//! The table of devices.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper,
};

use super::changes::changed;
use super::connection::{BindValue, load_with_cached_sql, on_engine};
use super::id::DeviceId;
use super::object_lookup::columns;
use super::schema::device;
use super::tag::{self, TaggedObject};
use super::{AnyConnection, StoreError};
use crate::network::address_key;
use crate::text::{case_folded, is_same_name};

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = device)]
#[expect(missing_docs, reason = "columns")]
pub struct DeviceRow {
    pub id: DeviceId,
    pub hostname: String,
    pub ip: String,
    pub kind: String,
    pub vendor: String,
    pub model: String,
    pub site: String,
    pub domains: String,
    pub tags: String,
    pub connectivities: String,
    pub session_remote_config: String,
    pub active: bool,
}

impl DeviceRow {
    /// Whether this is the address of the device, in any spelling.
    pub fn is_at(&self, ip: &str) -> bool {
        address_key(&self.ip) == address_key(ip)
    }

    /// Whether it has all of these values; lookup values and domains in any case. The row repeats their first spelling.
    pub fn has(&self, values: &DeviceChanges) -> bool {
        let DeviceChanges { ip, kind, vendor, model, site, domains, tags, connectivities, session_remote_config } =
            values;
        let names = [
            (kind, &self.kind),
            (vendor, &self.vendor),
            (model, &self.model),
            (site, &self.site),
            (domains, &self.domains),
        ];
        let texts = [
            (tags, &self.tags),
            (connectivities, &self.connectivities),
            (session_remote_config, &self.session_remote_config),
        ];
        ip.as_deref().is_none_or(|ip| self.is_at(ip))
            && names.into_iter().all(|(value, own)| value.as_deref().is_none_or(|value| is_same_name(value, own)))
            && texts.into_iter().all(|(value, own)| value.as_ref().is_none_or(|value| value == own))
    }
}

/// The columns to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = device)]
#[expect(missing_docs, reason = "columns")]
pub struct DeviceChanges {
    pub ip: Option<String>,
    pub kind: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub site: Option<String>,
    pub domains: Option<String>,
    pub tags: Option<String>,
    pub connectivities: Option<String>,
    pub session_remote_config: Option<String>,
}

impl DeviceChanges {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Leaves out the columns that have the value already.
    fn without_unchanged(self, row: &DeviceRow) -> Self {
        Self {
            ip: changed(self.ip, &row.ip),
            kind: changed(self.kind, &row.kind),
            vendor: changed(self.vendor, &row.vendor),
            model: changed(self.model, &row.model),
            site: changed(self.site, &row.site),
            domains: changed(self.domains, &row.domains),
            tags: changed(self.tags, &row.tags),
            connectivities: changed(self.connectivities, &row.connectivities),
            session_remote_config: changed(self.session_remote_config, &row.session_remote_config),
        }
    }
}

/// Returns a row under a lock of PostgreSQL. SQLite has one writer and needs no lock: there it is what `$unlocked` returns.
macro_rules! locked_row {
    ($connection:expr, $row:expr, $lock:ident, $unlocked:expr) => {
        match $connection {
            AnyConnection::Sqlite(_) => $unlocked,
            AnyConnection::Postgresql(c) => Ok($row.select(DeviceRow::as_select()).$lock().get_result(c).optional()?),
        }
    };
}

/// Returns the device with this id, and locks it against other changes until the transaction ends.
pub fn locked(connection: &mut AnyConnection, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
    locked_row!(connection, device::table.find(id), for_no_key_update, by_id(connection, id))
}

/// As [`locked`], by its hostname, ignoring case.
pub fn locked_by_hostname(connection: &mut AnyConnection, hostname: &str) -> Result<Option<DeviceRow>, StoreError> {
    let named = device::table.filter(device::hostname_key.eq(case_folded(hostname)));
    locked_row!(connection, named, for_no_key_update, by_hostname(connection, hostname))
}

/// As [`locked`], and waits for all who have the device by [`key_share_locked`], as a deactivation has to.
pub fn locked_to_deactivate(connection: &mut AnyConnection, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
    locked_row!(connection, device::table.find(id), for_update, by_id(connection, id))
}

/// Returns the device with this id, which nobody deactivates until the transaction ends, if it is active. Its other columns may be
/// changed.
pub fn key_share_locked(connection: &mut AnyConnection, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
    locked_row!(connection, device::table.find(id), for_key_share, by_id(connection, id))
}

/// As [`key_share_locked`], by its hostname, ignoring case.
pub fn key_share_locked_by_hostname(
    connection: &mut AnyConnection,
    hostname: &str,
) -> Result<Option<DeviceRow>, StoreError> {
    let named = device::table.filter(device::hostname_key.eq(case_folded(hostname)));
    locked_row!(connection, named, for_key_share, by_hostname(connection, hostname))
}

/// Returns the device with this id.
pub fn by_id(connection: &mut AnyConnection, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
    let row = device::table.find(id);
    Ok(on_engine!(connection, c => row.select(DeviceRow::as_select()).get_result(c)).optional()?)
}

/// Returns the device with this hostname, ignoring case.
pub fn by_hostname(connection: &mut AnyConnection, hostname: &str) -> Result<Option<DeviceRow>, StoreError> {
    let key = case_folded(hostname);
    let named = device::table.filter(device::hostname_key.eq(&key));
    let rows: Vec<DeviceRow> =
        load_with_cached_sql!(connection, named.select(DeviceRow::as_select()), [BindValue::Text(&key)])?;
    Ok(rows.into_iter().next())
}

/// Returns the active devices with this hostname, ignoring case, or this address, in any spelling; oldest first.
pub fn active_by_hostname_or_ip(connection: &mut AnyConnection, name: &str) -> Result<Vec<DeviceRow>, StoreError> {
    let key = address_key(name);
    Ok(device::table
        .filter(device::active.eq(true))
        .filter(device::hostname_key.eq(case_folded(name)).or(device::ip_key.eq(key)))
        .order(device::id)
        .select(DeviceRow::as_select())
        .load(connection)?)
}

/// Inserts an active device and returns its row. Columns without a value are empty.
pub fn insert(
    connection: &mut AnyConnection,
    hostname: &str,
    changes: &DeviceChanges,
    now: i64,
) -> Result<DeviceRow, StoreError> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let insert = diesel::insert_into(device::table)
        .values((
            device::hostname.eq(hostname),
            device::hostname_key.eq(case_folded(hostname)),
            device::ip.eq(text(&changes.ip)),
            device::ip_key.eq(address_key(&text(&changes.ip))),
            device::kind.eq(text(&changes.kind)),
            device::vendor.eq(text(&changes.vendor)),
            device::model.eq(text(&changes.model)),
            device::site.eq(text(&changes.site)),
            device::domains.eq(text(&changes.domains)),
            device::tags.eq(text(&changes.tags)),
            device::connectivities.eq(text(&changes.connectivities)),
            device::session_remote_config.eq(text(&changes.session_remote_config)),
            device::active.eq(true),
            device::created_at.eq(now),
            device::changed_at.eq(now),
        ))
        .returning(columns::<DeviceRow>());
    let row: DeviceRow = on_engine!(connection, c => insert.get_result(c))?;
    if let Some(tags) = &changes.tags {
        tag::index_new(connection, TaggedObject::Device(row.id), tags)?;
    }
    Ok(row)
}

/// Updates the columns that have another value than `row` has. Returns whether there are any.
pub fn update(
    connection: &mut AnyConnection,
    row: &DeviceRow,
    changes: DeviceChanges,
    now: i64,
) -> Result<bool, StoreError> {
    let (id, changes) = (row.id, changes.without_unchanged(row));
    if changes.is_empty() {
        return Ok(false);
    }
    let ip_key = changes.ip.as_deref().map(|ip| device::ip_key.eq(address_key(ip)));
    diesel::update(device::table.find(id)).set((&changes, ip_key, device::changed_at.eq(now))).execute(connection)?;
    if let Some(tags) = &changes.tags {
        tag::index(connection, TaggedObject::Device(id), tags)?;
    }
    Ok(true)
}

/// Activates or deactivates a device.
pub fn set_active(connection: &mut AnyConnection, id: DeviceId, active: bool, now: i64) -> Result<(), StoreError> {
    if !active {
        locked_to_deactivate(connection, id)?;
    }
    diesel::update(device::table.find(id))
        .set((device::active.eq(active), device::changed_at.eq(now)))
        .execute(connection)?;
    Ok(())
}
