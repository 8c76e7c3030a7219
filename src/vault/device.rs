//! Devices (contract, section 4).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::input::{is_storable, key_number};
use super::listing::{ListRequest, Listed};
use super::{Action, Call, InvalidInput, Object, StateTag, Vault, VaultError, Work};
use crate::store::claim::claim;
use crate::store::device::{self, DeviceChanges, DeviceRow};
use crate::store::link::{self, LinkedKind};
use crate::store::lookup::{self, LookupKind};
use crate::store::{AnyConnection, StoreError, credential, domain, items, list, visibility};

/// The label of its tag.
const LABEL: &str = "device";

/// A device, as it is shown.
pub type Device = DeviceRow;

/// The fields of a device that a call can carry. `None` leaves a field as it is; an empty text clears an optional
/// one.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract")]
pub struct DeviceFields {
    pub kind: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub site: Option<String>,
    pub domains: Option<String>,
    pub tags: Option<String>,
    pub connectivities: Option<String>,
    pub session_remote_config: Option<String>,
}

/// What a client sends to create or update a device.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract")]
pub struct DeviceInput {
    pub hostname: Option<String>,
    pub ip: Option<String>,
    pub fields: DeviceFields,
}

/// A device after it was saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedDevice {
    /// Whether it is new.
    pub created: bool,
    /// The device as it now is.
    pub device: Device,
    /// The tag of its state, for a call that has conditions.
    pub state_tag: Option<StateTag>,
}

impl Vault {
    /// The active devices that the client sees, oldest first.
    pub async fn list_devices(
        &self,
        call: &Call,
        request: Result<ListRequest, VaultError>,
    ) -> Result<Listed<Device>, VaultError> {
        let query = |connection: &mut AnyConnection, call: &Call| {
            let listed = request?.answer(
                |device: &Device| device.id,
                |filter, page| list::devices(connection, call.client.id, filter, page),
            )?;
            Ok((listed, None))
        };
        self.look(call, Action::DeviceList, query).await
    }

    /// One device, active or not, by its number or hostname, and the tag of its state.
    pub async fn read_device(&self, call: &Call, key: String) -> Result<(Device, StateTag), VaultError> {
        let inner = Arc::clone(&self.0);
        let query = move |connection: &mut AnyConnection, call: &Call| {
            let device = by_key(connection, call.client.id, &key)?;
            let (object, tag) = (Object::Device(device.id), inner.state_tag(call, LABEL, &device));
            call.unless_known(object, &tag)?;
            Ok(((device, tag), Some(object)))
        };
        self.look(call, Action::DeviceRead, query).await
    }

    /// Creates the device, or updates the one of the same hostname.
    ///
    /// # Errors
    /// The six required fields, in the order of their codes; [`VaultError::DomainUnknown`];
    /// [`VaultError::DeviceNotFound`] when the hostname is taken by a device that the client does not see.
    pub async fn save_device(
        &self,
        call: &Call,
        input: Result<DeviceInput, VaultError>,
    ) -> Result<SavedDevice, VaultError> {
        self.perform_once(call, Action::DeviceSave, move |work| save(work, input.as_ref().map_err(Clone::clone)?)).await
    }

    /// Switches the device off, and with it all of its credentials.
    pub async fn deactivate_device(&self, call: &Call, key: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let device = for_change(work, &key)?;
            // Before its credentials are suspended: a rule that is about to add one waits, or is waited for.
            let device = device::locked(work.connection(), device.id)?.ok_or(VaultError::DeviceNotFound)?;
            if !device.active {
                return Err(VaultError::DeviceInactive);
            }
            let now = work.micros();
            credential::suspend_all_of(work.connection(), device.id, now)?;
            Ok(device::set_active(work.connection(), device.id, false, now)?)
        };
        self.perform(call, Action::DeviceDeactivate, rule).await
    }

    /// Switches the device on. Its credentials stay off; each is activated by itself.
    pub async fn activate_device(&self, call: &Call, key: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let device = for_change(work, &key)?;
            if device.active {
                return Err(VaultError::DeviceAlreadyActive);
            }
            let now = work.micros();
            Ok(device::set_active(work.connection(), device.id, true, now)?)
        };
        self.perform(call, Action::DeviceActivate, rule).await
    }
}

fn for_change(work: &mut Work<'_, '_>, key: &str) -> Result<DeviceRow, VaultError> {
    let authorization = work.authorization();
    let device = by_key(work.connection(), authorization, key)?;
    work.touches(Object::Device(device.id));
    work.check_conditions(Some(device.id), locked_state_tag)?;
    Ok(device)
}

/// The tag of a device's state, which stays what it is until the transaction ends.
fn locked_state_tag(work: &mut Work<'_, '_>, id: i32) -> Result<Option<StateTag>, VaultError> {
    let device = device::locked(work.connection(), id)?;
    Ok(device.map(|device| work.state_tag(LABEL, &device)))
}

/// The device of a path key: digits are its number, then a hostname (contract, section 1.8). One that the client does
/// not see is not found.
fn by_key(connection: &mut AnyConnection, authorization: i32, key: &str) -> Result<DeviceRow, VaultError> {
    if !is_storable(key) {
        return Err(VaultError::DeviceNotFound);
    }
    let found = match key_number(key) {
        Some(id) => device::by_id(connection, id)?,
        None => None,
    };
    let found = match found {
        Some(device) => Some(device),
        None => device::by_hostname(connection, key)?,
    };
    let device = found.ok_or(VaultError::DeviceNotFound)?;
    match visibility::sees_device(connection, authorization, device.id)? {
        true => Ok(device),
        false => Err(VaultError::DeviceNotFound),
    }
}

fn save(work: &mut Work<'_, '_>, input: &DeviceInput) -> Result<SavedDevice, VaultError> {
    let hostname = required(&input.hostname, VaultError::HostnameMissing)?;
    let ip = required(&input.ip, VaultError::IpMissing)?;
    let fields = &input.fields;
    required(&fields.site, VaultError::SiteMissing)?;
    required(&fields.model, VaultError::ModelMissing)?;
    required(&fields.vendor, VaultError::VendorMissing)?;
    required(&fields.kind, VaultError::DeviceTypeMissing)?;

    claim(work.connection(), &format!("device/{}", crate::store::folded(hostname)))?;
    let known = device::by_hostname(work.connection(), hostname)?;
    if let Some(device) = &known {
        work.touches(Object::Device(device.id));
        let authorization = work.authorization();
        if !visibility::sees_device(work.connection(), authorization, device.id)? {
            return Err(VaultError::DeviceNotFound);
        }
    }
    work.check_conditions(known.as_ref().map(|device| device.id), locked_state_tag)?;
    let mut changes = changes_of(work, fields)?;
    changes.ip = Some(ip.to_string());
    let (authorization, now) = (work.authorization(), work.micros());
    let created = known.is_none();
    let id = match known {
        Some(device) => {
            device::update(work.connection(), device.id, &changes, now)?;
            device.id
        }
        None => {
            let id = device::insert(work.connection(), hostname, &changes, now)?;
            work.touches(Object::Device(id));
            link::insert(work.connection(), authorization, LinkedKind::Device, id)?;
            id
        }
    };
    let device = device::by_id(work.connection(), id)?.ok_or(StoreError::NotFound)?;
    let state_tag = work.state_tag_after(id, locked_state_tag)?;
    Ok(SavedDevice { created, device, state_tag })
}

/// A field that has to be there and not empty.
pub(super) fn required(field: &Option<String>, missing: VaultError) -> Result<&str, VaultError> {
    field.as_deref().filter(|text| !text.is_empty()).ok_or(missing)
}

/// The columns that `fields` change: lookup values registered, domains known, connectivities well formed. A lookup
/// value cannot be cleared, so an empty one changes nothing.
pub(super) fn changes_of(work: &mut Work<'_, '_>, fields: &DeviceFields) -> Result<DeviceChanges, VaultError> {
    if let Some(list) = &fields.connectivities {
        check_connectivities(list)?;
    }
    Ok(DeviceChanges {
        ip: None,
        kind: registered(work, LookupKind::DeviceType, &fields.kind)?,
        vendor: registered(work, LookupKind::Vendor, &fields.vendor)?,
        model: registered(work, LookupKind::Model, &fields.model)?,
        site: registered(work, LookupKind::Site, &fields.site)?,
        domains: fields.domains.as_deref().map(|list| known_domains(work, list)).transpose()?,
        tags: fields.tags.clone(),
        connectivities: fields.connectivities.clone(),
        session_remote_config: fields.session_remote_config.clone(),
    })
}

/// The first spelling of a lookup value, which comes into being here if it is new.
pub(super) fn registered(
    work: &mut Work<'_, '_>,
    kind: LookupKind,
    name: &Option<String>,
) -> Result<Option<String>, VaultError> {
    match name.as_deref() {
        None | Some("") => Ok(None),
        Some(name) => Ok(Some(lookup::register(work.connection(), kind, name)?.name)),
    }
}

/// The full names of a list of domains, each of which has to be registered.
pub(super) fn known_domains(work: &mut Work<'_, '_>, list: &str) -> Result<String, VaultError> {
    let mut names = Vec::new();
    for item in items(list) {
        names.push(domain::find(work.connection(), item)?.ok_or(VaultError::DomainUnknown)?);
    }
    Ok(names.join(","))
}

/// `PROTOCOL` or `PROTOCOL:port`, separated by commas.
fn check_connectivities(list: &str) -> Result<(), VaultError> {
    let sound = |item: &str| match item.split_once(':') {
        None => true,
        Some((protocol, port)) => !protocol.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0),
    };
    match items(list).all(sound) {
        true => Ok(()),
        false => Err(InvalidInput::parameter("connectivities", "expected PROTOCOL:port, as in SSH:22, HTTPS:443")),
    }
}

/// The port of the first connectivity of a list; empty when there is none.
pub(super) fn first_port(connectivities: &str) -> &str {
    items(connectivities).next().and_then(|first| first.split_once(':')).map_or("", |(_, port)| port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectivities_are_protocols_with_ports() {
        for good in ["", "SSH", "SSH:22", "SSH:22, HTTPS:443", "MySQL:65535", "X11 Forward:6000"] {
            assert!(check_connectivities(good).is_ok(), "{good}");
        }
        for bad in ["SSH:", ":22", "SSH:0", "SSH:65536", "SSH:22:23", "SSH:port", "SSH:-1"] {
            assert!(check_connectivities(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_port_is_that_of_the_first_connectivity() {
        assert_eq!(first_port("SSH:22,HTTPS:443"), "22");
        assert_eq!(first_port("SSH,HTTPS:443"), "");
        assert_eq!(first_port(""), "");
    }
}
