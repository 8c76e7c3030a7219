//! The fields of a device beside its name and address: lookup values, domains, tags, connectivities. Also part of requests
//! for credentials.

use super::DeviceFields;
use crate::store::device::{DeviceChanges, DeviceRow};
use crate::store::domain::{self, KnownDomain};
use crate::store::lookup::{self, LookupKind};
use crate::text::{case_folded, comma_separated, is_same_name, tags};
use crate::vault::access::require_tags_allowed;
use crate::vault::operation::OperationContext;
use crate::vault::{Field, Noun, VaultError};

/// Validates `fields` and returns the columns that they set in the row of a device, if there is one. Registers new lookup values. A
/// lookup value cannot be cleared, so an empty one changes nothing. What the row has already takes no query.
pub(in crate::vault) fn changes(
    context: &mut OperationContext<'_>,
    fields: &DeviceFields,
    row: Option<&DeviceRow>,
) -> Result<DeviceChanges, VaultError> {
    let before = |column: fn(&DeviceRow) -> &String| row.map_or("", |row| column(row).as_str());
    if let Some(list) = &fields.connectivities {
        check_connectivities(list)?;
    }
    let tags = checked_tags(Field::DeviceTags, fields.tags.as_deref())?;
    require_tags_allowed(context, Field::DeviceTags, before(|row| &row.tags), tags.as_deref(), &[])?;
    Ok(DeviceChanges {
        ip: None,
        kind: registered(context, LookupKind::DeviceType, &fields.device_type, before(|row| &row.kind))?,
        vendor: registered(context, LookupKind::Vendor, &fields.vendor, before(|row| &row.vendor))?,
        model: registered(context, LookupKind::Model, &fields.model, before(|row| &row.model))?,
        site: registered(context, LookupKind::Site, &fields.site, before(|row| &row.site))?,
        domains: known_domains(context, fields.domains.as_deref(), before(|row| &row.domains), &[])?,
        tags,
        connectivities: fields.connectivities.clone(),
        session_remote_config: fields.session_remote_config.clone(),
    })
}

/// Returns the values that `fields` set, as a device has them that [`changes`] leaves as it is. `None` if some are invalid.
pub(in crate::vault) fn values(fields: &DeviceFields) -> Option<DeviceChanges> {
    let DeviceFields { device_type, vendor, model, site, domains, tags, connectivities, session_remote_config } =
        fields.clone();
    Some(DeviceChanges {
        ip: None,
        kind: device_type,
        vendor,
        model,
        site,
        domains: domains.map(|list| joined(&list)),
        tags: checked_tags(Field::DeviceTags, tags.as_deref()).ok()?,
        connectivities,
        session_remote_config,
    })
}

fn joined(list: &str) -> String {
    comma_separated(list).collect::<Vec<_>>().join(",")
}

/// Normalizes and checks a list of tags, sent as `field`.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(in crate::vault) fn checked_tags(field: Field, list: Option<&str>) -> Result<Option<String>, VaultError> {
    list.map(tags).transpose().map_err(|error| VaultError::invalid(field, error.expected()))
}

/// Registers a lookup value on first use, and returns its first spelling. That of `before`, which is registered, is known.
pub(in crate::vault) fn registered(
    context: &mut OperationContext<'_>,
    kind: LookupKind,
    name: &Option<String>,
    before: &str,
) -> Result<Option<String>, VaultError> {
    match name.as_deref() {
        None | Some("") => Ok(None),
        Some(name) if is_same_name(name, before) => Ok(Some(before.into())),
        Some(name) => Ok(Some(lookup::register(context.connection(), kind, name)?.name)),
    }
}

/// Returns the full names of a list of domains. `before` is such a list, and those of `known` were looked up already.
///
/// # Errors
/// [`VaultError::NotFound`] for a domain that is not registered.
pub(in crate::vault) fn known_domains(
    context: &mut OperationContext<'_>,
    list: Option<&str>,
    before: &str,
    known: &[KnownDomain],
) -> Result<Option<String>, VaultError> {
    let Some(list) = list else { return Ok(None) };
    if is_same_name(&joined(list), before) {
        return Ok(Some(before.into()));
    }
    let mut names = Vec::new();
    for item in comma_separated(list) {
        let key = case_folded(item);
        let found = match known.iter().find(|domain| domain.key == key) {
            Some(known) => Some(known.clone()),
            None => domain::find(context.connection(), item)?,
        };
        names.push(found.ok_or(VaultError::NotFound(Noun::Domain))?.name);
    }
    Ok(Some(names.join(",")))
}

/// Checks a list of `PROTOCOL` or `PROTOCOL:port`.
fn check_connectivities(list: &str) -> Result<(), VaultError> {
    let valid = |item: &str| match item.split_once(':') {
        None => true,
        Some((protocol, port)) => !protocol.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0),
    };
    if comma_separated(list).all(valid) {
        return Ok(());
    }
    Err(VaultError::invalid(Field::Connectivities, "expected PROTOCOL:port, as in SSH:22, HTTPS:443"))
}

/// Checks a list of protocols and ports, for the fuzz targets.
pub fn fuzz(text: &str) {
    let _ = check_connectivities(text);
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
}
