//! The fields of a device beside its name and address: lookup values, domains, tags, connectivities. Also part of requests
//! for credentials.

use super::DeviceFields;
use crate::store::device::DeviceChanges;
use crate::store::domain;
use crate::store::lookup::{self, LookupKind};
use crate::text::{comma_separated, tags};
use crate::vault::access::require_tags_allowed;
use crate::vault::operation::OperationContext;
use crate::vault::{Field, Noun, VaultError};

/// Validates `fields` and returns the columns that they change. Registers new lookup values. A lookup value cannot be
/// cleared, so an empty one changes nothing.
pub(in crate::vault) fn changes(
    context: &mut OperationContext<'_>,
    fields: &DeviceFields,
    tags_before: &str,
) -> Result<DeviceChanges, VaultError> {
    if let Some(list) = &fields.connectivities {
        check_connectivities(list)?;
    }
    let tags = checked_tags(Field::DeviceTags, fields.tags.as_deref())?;
    require_tags_allowed(context, Field::DeviceTags, tags_before, tags.as_deref())?;
    Ok(DeviceChanges {
        ip: None,
        kind: registered(context, LookupKind::DeviceType, &fields.device_type)?,
        vendor: registered(context, LookupKind::Vendor, &fields.vendor)?,
        model: registered(context, LookupKind::Model, &fields.model)?,
        site: registered(context, LookupKind::Site, &fields.site)?,
        domains: fields.domains.as_deref().map(|list| known_domains(context, list)).transpose()?,
        tags,
        connectivities: fields.connectivities.clone(),
        session_remote_config: fields.session_remote_config.clone(),
    })
}

/// Normalizes and checks a list of tags, sent as `field`.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(in crate::vault) fn checked_tags(field: Field, list: Option<&str>) -> Result<Option<String>, VaultError> {
    list.map(tags).transpose().map_err(|error| VaultError::invalid(field, error.expected()))
}

/// Registers a lookup value on first use, and returns its first spelling.
pub(in crate::vault) fn registered(
    context: &mut OperationContext<'_>,
    kind: LookupKind,
    name: &Option<String>,
) -> Result<Option<String>, VaultError> {
    match name.as_deref() {
        None | Some("") => Ok(None),
        Some(name) => Ok(Some(lookup::register(context.connection(), kind, name)?.name)),
    }
}

/// Returns the full names of a list of domains.
///
/// # Errors
/// [`VaultError::NotFound`] for a domain that is not registered.
pub(in crate::vault) fn known_domains(context: &mut OperationContext<'_>, list: &str) -> Result<String, VaultError> {
    let mut names = Vec::new();
    for item in comma_separated(list) {
        names.push(domain::find(context.connection(), item)?.ok_or(VaultError::NotFound(Noun::Domain))?);
    }
    Ok(names.join(","))
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
