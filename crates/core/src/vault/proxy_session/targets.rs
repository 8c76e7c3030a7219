//! Lookup of the objects that the parameters of a session name: device, credential, remote device.

use super::parameters::ProxySessionParameters;
use crate::store::StoreError;
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::id::DeviceId;
use crate::store::list::{self, CredentialSummary, Filter, Selection};
use crate::store::proxy_session;
use crate::text::{canonical_number, case_folded};
use crate::vault::access::{Visible, visible_device};
use crate::vault::operation::OperationContext;
use crate::vault::{Field, Noun, VaultError};

/// Finds the active device with a hostname or an address, and its active passwords that the client sees. A device is not
/// found if the client sees neither the device nor any of its passwords.
pub(super) fn device_with_credentials(
    context: &mut OperationContext<'_>,
    name: &str,
) -> Result<(DeviceRow, Vec<CredentialSummary>), VaultError> {
    let authorization = context.authorization()?;
    let mut found = Vec::new();
    for device in device::active_by_hostname_or_ip(context.connection(), name)? {
        let on_it = Filter { hostname: Some(device.hostname.clone()), ..Filter::default() };
        let on_it = Selection { filter: &on_it, page: None, deadline: None };
        let kind = Some(CredentialKind::Password);
        // One query for all accounts of the device, because this runs in the writer.
        let seen = list::credentials(context.connection(), authorization, kind, on_it, |row| row)?;
        if seen.is_empty() && visible_device(context, device.clone())?.is_none() {
            continue;
        }
        found.push((device, seen));
    }
    unique(found, Field::SessionDevice, name, |(device, _)| device)
}

/// Chooses the device among those with `name` as hostname or address. The hostname takes precedence. Several devices with one
/// address are rejected: a guess could send a password to the wrong machine.
fn unique<T>(mut found: Vec<T>, field: Field, name: &str, device: impl Fn(&T) -> &DeviceRow) -> Result<T, VaultError> {
    if let Some(position) = found.iter().position(|one| case_folded(&device(one).hostname) == case_folded(name)) {
        return Ok(found.swap_remove(position));
    }
    match found.pop() {
        Some(_) if !found.is_empty() => {
            Err(VaultError::invalid(field, "several devices have this address; send the hostname"))
        }
        Some(one) => Ok(one),
        None => Err(VaultError::NotFound(Noun::TargetDevice)),
    }
}

/// Chooses the credential with the username. Without a username, chooses the oldest credential that is in no session and that
/// needs a remote device if and only if one was sent.
pub(super) fn choose_credential(
    context: &mut OperationContext<'_>,
    parameters: &ProxySessionParameters<'_>,
    credentials: Vec<CredentialSummary>,
) -> Result<CredentialRow, VaultError> {
    let now = context.micros();
    for row in credentials {
        let fits = match parameters.username {
            Some(username) => row.username == username,
            None => {
                row.domain.is_empty() == parameters.remote_device.is_none()
                    && !proxy_session::in_use(context.connection(), row.id, now)?
            }
        };
        if fits {
            return Ok(credential::by_id(context.connection(), row.id)?.ok_or(StoreError::NotFound)?);
        }
    }
    Err(VaultError::NotFound(Noun::TargetCredential))
}

/// Finds the remote device of a session. It is required for a domain credential; a local credential works only on its own
/// device.
pub(super) fn remote_device(
    context: &mut OperationContext<'_>,
    parameters: &ProxySessionParameters<'_>,
    credential: &CredentialRow,
    home: &DeviceRow,
) -> Result<Option<DeviceRow>, VaultError> {
    let Some(name) = parameters.remote_device else {
        let needed = !credential.domain.is_empty();
        return if needed { Err(VaultError::Missing(Field::RemoteDevice)) } else { Ok(None) };
    };
    let remote = seen_device(context, name)?;
    if credential.domain.is_empty() && remote.id != home.id {
        return Err(VaultError::invalid(Field::RemoteDevice, "expected only with a credential of a domain"));
    }
    Ok(Some(remote))
}

/// Finds the active device with an id, a hostname or an address, if the client sees it. Rejects a value that is the id of one
/// visible device and the name of another.
fn seen_device(context: &mut OperationContext<'_>, name: &str) -> Result<DeviceRow, VaultError> {
    let by_id = match canonical_number(name) {
        Some(number) => device::by_id(context.connection(), DeviceId::new(number))?.filter(|device| device.active),
        None => None,
    };
    let by_id = match by_id {
        Some(device) => visible_device(context, device)?,
        None => None,
    };
    let mut named = Vec::new();
    for device in device::active_by_hostname_or_ip(context.connection(), name)? {
        named.extend(visible_device(context, device)?);
    }
    let Some(by_id) = by_id else {
        return unique(named, Field::RemoteDevice, name, |device| device).map(Visible::into_inner);
    };
    if named.iter().any(|device| device.id != by_id.id) {
        return Err(VaultError::invalid(Field::RemoteDevice, "is the id of one device and the name of another"));
    }
    Ok(by_id.into_inner())
}
