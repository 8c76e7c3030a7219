//! The table of devices.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper,
};

use super::connection::{BindValue, load_with_cached_sql, on_engine};
use super::id::DeviceId;
use super::schema::device;
use super::tag::{self, TaggedObject};
use super::{AnyConnection, StoreError};
use crate::network::address_key;
use crate::text::case_folded;

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
}

/// The columns to write; `None` leaves a column unchanged.
#[derive(Clone, Debug, Default, AsChangeset)]
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
        let Self { ip, kind, vendor, model, site, domains, tags, connectivities, session_remote_config } = self;
        [ip, kind, vendor, model, site, domains, tags, connectivities, session_remote_config]
            .into_iter()
            .all(Option::is_none)
    }
}

/// Returns the device with this id and locks it until the transaction ends. SQLite has one writer and needs no lock.
pub fn locked(connection: &mut AnyConnection, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
    let row = device::table.find(id);
    match connection {
        AnyConnection::Sqlite(c) => Ok(row.select(DeviceRow::as_select()).first(c).optional()?),
        AnyConnection::Postgresql(c) => Ok(row.select(DeviceRow::as_select()).for_update().first(c).optional()?),
    }
}

/// Returns the device with this id under a shared lock until the transaction ends, for rules that depend on its being
/// active. SQLite has one writer and needs no lock.
pub fn share_locked(connection: &mut AnyConnection, id: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
    let row = device::table.find(id);
    match connection {
        AnyConnection::Sqlite(c) => Ok(row.select(DeviceRow::as_select()).get_result(c).optional()?),
        AnyConnection::Postgresql(c) => Ok(row.select(DeviceRow::as_select()).for_share().get_result(c).optional()?),
    }
}

/// As [`by_hostname`], and locks the row as [`share_locked`].
pub fn share_locked_by_hostname(
    connection: &mut AnyConnection,
    hostname: &str,
) -> Result<Option<DeviceRow>, StoreError> {
    let named = device::table.filter(device::hostname_key.eq(case_folded(hostname))).select(DeviceRow::as_select());
    match connection {
        AnyConnection::Sqlite(_) => by_hostname(connection, hostname),
        AnyConnection::Postgresql(c) => Ok(named.for_share().get_result(c).optional()?),
    }
}

/// As [`by_hostname`], and locks the row as [`locked`].
pub fn locked_by_hostname(connection: &mut AnyConnection, hostname: &str) -> Result<Option<DeviceRow>, StoreError> {
    let named = device::table.filter(device::hostname_key.eq(case_folded(hostname))).select(DeviceRow::as_select());
    match connection {
        AnyConnection::Sqlite(_) => by_hostname(connection, hostname),
        AnyConnection::Postgresql(c) => Ok(named.for_update().get_result(c).optional()?),
    }
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

/// Inserts an active device and returns its id. Columns without a value are empty.
pub fn insert(
    connection: &mut AnyConnection,
    hostname: &str,
    changes: &DeviceChanges,
    now: i64,
) -> Result<DeviceId, StoreError> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let id = diesel::insert_into(device::table)
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
        .returning(device::id)
        .get_result(connection)?;
    index_tags(connection, id, changes)?;
    Ok(id)
}

/// Updates the columns that have a value.
pub fn update(
    connection: &mut AnyConnection,
    id: DeviceId,
    changes: &DeviceChanges,
    now: i64,
) -> Result<(), StoreError> {
    let ip_key = changes.ip.as_deref().map(|ip| device::ip_key.eq(address_key(ip)));
    diesel::update(device::table.find(id)).set((changes, ip_key, device::changed_at.eq(now))).execute(connection)?;
    index_tags(connection, id, changes)
}

fn index_tags(connection: &mut AnyConnection, id: DeviceId, changes: &DeviceChanges) -> Result<(), StoreError> {
    changes.tags.as_ref().map_or(Ok(()), |tags| tag::index(connection, TaggedObject::Device(id), tags))
}

/// Activates or deactivates a device.
pub fn set_active(connection: &mut AnyConnection, id: DeviceId, active: bool, now: i64) -> Result<(), StoreError> {
    diesel::update(device::table.find(id))
        .set((device::active.eq(active), device::changed_at.eq(now)))
        .execute(connection)?;
    Ok(())
}
