//! Devices (contract, section 4).

mod fields;

use serde::{Deserialize, Serialize};

pub use fields::fuzz as fuzz_connectivities;
pub(super) use fields::{changes, checked_tags, known_domains, registered, values};

pub use crate::store::list::DeviceSummary as ListedDevice;

use super::access::{Visible, visible_device, visible_devices};
use super::operation::{Done, ETag, OperationContext, Permit, Subject};
use super::pagination::{List, ListRequest};
use super::whole_list::ListedRow;
use super::{Field, Noun, Switchable, Vault, VaultError};
use crate::store::device::{self, DeviceChanges, DeviceRow};
use crate::store::id::DeviceId;
use crate::store::link::{self, LinkedObject};
use crate::store::lock::lock_name;
use crate::store::{StoreError, credential, list};
use crate::text::{canonical_number, case_folded, comma_separated, is_storable};

/// The label of a device's ETag.
const LABEL: &str = "device";

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the contract")]
pub struct Device {
    pub id: DeviceId,
    pub hostname: String,
    pub ip: String,
    pub device_type: String,
    pub vendor: String,
    pub model: String,
    pub site: String,
    pub domains: String,
    pub tags: String,
    pub connectivities: String,
    pub session_remote_config: String,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.id,
            hostname: row.hostname,
            ip: row.ip,
            device_type: row.kind,
            vendor: row.vendor,
            model: row.model,
            site: row.site,
            domains: row.domains,
            tags: row.tags,
            connectivities: row.connectivities,
            session_remote_config: row.session_remote_config,
        }
    }
}

/// The fields of a device in a request. `None` leaves a field unchanged; an empty string clears an optional field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the contract")]
pub struct DeviceFields {
    pub device_type: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub site: Option<String>,
    pub domains: Option<String>,
    pub tags: Option<String>,
    pub connectivities: Option<String>,
    pub session_remote_config: Option<String>,
}

impl DeviceFields {
    /// Returns the fields that are not empty. Requests for credentials ignore the others, since forms send all.
    pub(super) fn non_empty(self) -> Self {
        let non_empty = |field: Option<String>| field.filter(|text| !text.is_empty());
        Self {
            device_type: non_empty(self.device_type),
            vendor: non_empty(self.vendor),
            model: non_empty(self.model),
            site: non_empty(self.site),
            domains: non_empty(self.domains),
            tags: non_empty(self.tags),
            connectivities: non_empty(self.connectivities),
            session_remote_config: non_empty(self.session_remote_config),
        }
    }

    /// Whether no field is sent.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Parameters of a request to create or update a device.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract")]
pub struct DeviceInput {
    pub hostname: Option<String>,
    pub ip: Option<String>,
    pub fields: DeviceFields,
}

/// A saved device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedDevice {
    /// Whether it is new.
    pub created: bool,
    /// The device as it now is.
    pub device: Device,
    /// Its ETag, for a client that sends preconditions.
    pub etag: Option<ETag>,
}

impl ListedRow for ListedDevice {
    fn text_bytes(&self) -> usize {
        let texts = [&self.hostname, &self.ip, &self.kind, &self.vendor, &self.model, &self.site, &self.tags];
        texts.into_iter().map(String::len).sum()
    }
}

impl Vault {
    /// Lists the active devices that the client sees, oldest first.
    pub async fn list_devices(&self, permit: Permit, request: ListRequest) -> Result<List<ListedDevice>, VaultError> {
        let query = |context: &mut OperationContext<'_>, request: &ListRequest| {
            let authorization = context.authorization()?;
            let list = request.list(
                context.deadline(),
                |device: &ListedDevice| device.id,
                |selection| list::devices(context.connection(), authorization, selection),
            )?;
            Ok(Done::new(Subject::Collection, list))
        };
        self.list(permit, request, query).await
    }

    /// Returns one device, active or not, by its id or hostname, with its ETag.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], also for a device that the client does not see.
    pub async fn read_device(&self, permit: Permit, key: String) -> Result<(Device, ETag), VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let device = resolve(context, &key)?;
            let (subject, etag) = (Subject::Device(device.id), etag(context, &device));
            context.check_if_none_match(subject, &etag)?;
            Ok(Done::new(subject, (device.into_inner().into(), etag)))
        };
        self.reveal_at_once(permit, query).await.map(|(found, _)| found)
    }

    /// Creates a device, or updates the one of the same hostname.
    ///
    /// # Errors
    /// [`VaultError::Missing`], in the order of the contract's codes; [`VaultError::NotFound`] for an unregistered domain,
    /// and for a hostname of a device that the client does not see.
    pub async fn save_device(&self, permit: Permit, input: DeviceInput) -> Result<SavedDevice, VaultError> {
        let revalidate = |context: &mut OperationContext<'_>, saved: &SavedDevice| {
            let row = device::by_id(context.connection(), saved.device.id)?.ok_or(StoreError::NotFound)?;
            require_visible(context, row).map(drop)
        };
        let rule = move |context: &mut OperationContext<'_>| save(context, &input);
        self.execute_idempotent(permit, rule, revalidate).await.map(|(saved, _)| saved)
    }

    /// Deactivates a device and all of its credentials.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Inactive`].
    pub async fn deactivate_device(&self, permit: Permit, key: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let device = resolve(context, &key)?;
            // The device comes first: a rule that requires it to stay active holds a lock on its row. And this lock comes before the
            // weaker one of the preconditions, with which a change of the device would wait for this, and this for the change.
            let locked = device::locked_to_deactivate(context.connection(), device.id)?;
            context.check_preconditions(Some(device.id), locked_etag)?;
            if !locked.is_some_and(|locked| locked.active) {
                return Err(VaultError::Inactive(Switchable::Device));
            }
            let now = context.micros();
            device::set_active(context.connection(), device.id, false, now)?;
            credential::deactivate_by_device(context.connection(), device.id, now)?;
            Ok(Done::new(Subject::Device(device.id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }

    /// Activates a device. Its credentials stay inactive until each is activated.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::AlreadyActive`].
    pub async fn activate_device(&self, permit: Permit, key: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let device = resolve(context, &key)?;
            context.check_preconditions(Some(device.id), locked_etag)?;
            if device.active {
                return Err(VaultError::AlreadyActive(Switchable::Device));
            }
            let now = context.micros();
            device::set_active(context.connection(), device.id, true, now)?;
            Ok(Done::new(Subject::Device(device.id), ()))
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

fn etag(context: &OperationContext<'_>, row: &DeviceRow) -> ETag {
    context.etag(LABEL, &columns(row))
}

/// The columns of a device that ETags cover: all of them.
pub(super) fn columns(row: &DeviceRow) -> impl Serialize {
    let DeviceRow {
        id,
        hostname,
        ip,
        kind,
        vendor,
        model,
        site,
        domains,
        tags,
        connectivities,
        session_remote_config,
        active,
    } = row;
    (id, hostname, ip, kind, vendor, model, site, domains, tags, connectivities, session_remote_config, active)
}

/// Computes the ETag of a device and locks its row.
fn locked_etag(context: &mut OperationContext<'_>, id: DeviceId) -> Result<Option<ETag>, VaultError> {
    let device = device::locked(context.connection(), id)?;
    Ok(device.map(|device| etag(context, &device)))
}

/// Resolves a key among the devices that the principal sees: an id, or a hostname (contract, section 1.8).
///
/// # Errors
/// [`VaultError::NotFound`]; [`VaultError::Ambiguous`] when id and hostname name two devices.
pub(super) fn resolve(context: &mut OperationContext<'_>, key: &str) -> Result<Visible<DeviceRow>, VaultError> {
    let mut visible = Vec::new();
    if is_storable(key) {
        visible = visible_devices(context, canonical_number(key).map(DeviceId::new), key)?;
    }
    let device = visible.pop().ok_or(VaultError::NotFound(Noun::Device))?;
    if !visible.is_empty() {
        return Err(VaultError::Ambiguous(Vec::new()));
    }
    context.found(Subject::Device(device.id));
    Ok(device)
}

/// Requires that the principal sees the device.
///
/// # Errors
/// [`VaultError::NotFound`].
pub(super) fn require_visible(
    context: &mut OperationContext<'_>,
    row: DeviceRow,
) -> Result<Visible<DeviceRow>, VaultError> {
    visible_device(context, row)?.ok_or(VaultError::NotFound(Noun::Device))
}

fn save(context: &mut OperationContext<'_>, input: &DeviceInput) -> Result<Done<SavedDevice>, VaultError> {
    let hostname = required(&input.hostname, Field::Hostname)?;
    let ip = required(&input.ip, Field::Ip)?;
    let fields = &input.fields;
    required(&fields.site, Field::Site)?;
    required(&fields.model, Field::Model)?;
    required(&fields.vendor, Field::Vendor)?;
    required(&fields.device_type, Field::DeviceType)?;
    // A key `username@hostname` is split at its last @.
    if hostname.contains('@') {
        return Err(VaultError::invalid(Field::Hostname, "must not contain @"));
    }

    lock_name(context.connection(), &format!("device/{}", case_folded(hostname)))?;
    let known = match device::by_hostname(context.connection(), hostname)? {
        Some(row) => {
            context.found(Subject::Device(row.id));
            Some(require_visible(context, row)?)
        }
        None => None,
    };
    context.check_preconditions(known.as_ref().map(|device| device.id), locked_etag)?;
    let (created, row) = match known {
        Some(row) => (false, updated(context, row.into_inner(), ip, fields)?),
        None => (true, inserted(context, hostname, ip, fields)?),
    };
    let etag = context.etag_after(row.id, locked_etag)?;
    Ok(Done::new(Subject::Device(row.id), SavedDevice { created, device: row.into(), etag }))
}

/// Sets the address and fields of a device, and returns its row. Most requests of an inventory change nothing, and lock no row.
fn updated(
    context: &mut OperationContext<'_>,
    mut row: DeviceRow,
    ip: &str,
    fields: &DeviceFields,
) -> Result<DeviceRow, VaultError> {
    // A precondition was compared with the row as it was when it was locked.
    if context.has_preconditions() || row.ip != ip || values(fields).is_some_and(|values| !row.has(&values)) {
        row = device::locked(context.connection(), row.id)?.ok_or(StoreError::NotFound)?;
    }
    let changes = DeviceChanges { ip: Some(ip.into()), ..changes(context, fields, Some(&row))? };
    let now = context.micros();
    if device::update(context.connection(), &row, changes, now)? {
        row = device::by_id(context.connection(), row.id)?.ok_or(StoreError::NotFound)?;
    }
    Ok(row)
}

/// Inserts a device, which the client sees from then on, and returns its row.
fn inserted(
    context: &mut OperationContext<'_>,
    hostname: &str,
    ip: &str,
    fields: &DeviceFields,
) -> Result<DeviceRow, VaultError> {
    let changes = DeviceChanges { ip: Some(ip.into()), ..changes(context, fields, None)? };
    let (authorization, now) = (context.authorization()?, context.micros());
    let row = device::insert(context.connection(), hostname, &changes, now)?;
    link::insert(context.connection(), authorization, LinkedObject::Device(row.id))?;
    Ok(row)
}

/// Requires a field that is not empty.
///
/// # Errors
/// [`VaultError::Missing`].
pub(super) fn required(value: &Option<String>, field: Field) -> Result<&str, VaultError> {
    value.as_deref().filter(|text| !text.is_empty()).ok_or(VaultError::Missing(field))
}

/// Returns the port of the first connectivity in a list, or an empty string.
pub(super) fn first_port(connectivities: &str) -> &str {
    comma_separated(connectivities).next().and_then(|first| first.split_once(':')).map_or("", |(_, port)| port)
}

/// Returns the port of the first connectivity in a list that has one of the names, in any case.
pub(super) fn port_of(connectivities: &str, names: &[&str]) -> Option<u16> {
    let is_named = |name: &str| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name.trim()));
    let ports = comma_separated(connectivities).filter_map(|item| item.split_once(':'));
    ports.filter(|(name, _)| is_named(name)).find_map(|(_, port)| port.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_first_connectivity() {
        assert_eq!(first_port("SSH:22,HTTPS:443"), "22");
        assert_eq!(first_port("SSH,HTTPS:443"), "");
        assert_eq!(first_port(""), "");
        assert_eq!(port_of("HTTPS:443, ssh:2222", &["SSH"]), Some(2222));
        assert_eq!((port_of("SSH, HTTPS:443", &["SSH"]), port_of("", &["SSH"])), (None, None));
    }
}
