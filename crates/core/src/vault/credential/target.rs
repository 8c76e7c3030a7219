//! Finds the device of a request to save, and the credential that it updates, and checks that new names are free.

use super::input::CredentialInput;
use super::{SavePolicy, resolve};
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::credential_lock::{AccountLookup, LockedAhead};
use crate::store::device::{self, DeviceRow};
use crate::store::lock;
use crate::store::lookup::{self, LookupKind, LookupValue};
use crate::vault::access::{LockedPlace, Visible, locked_place, place_ahead, visible_device};
use crate::vault::device::{self as devices, DeviceFields};
use crate::vault::operation::{OperationContext, Principal, Subject};
use crate::vault::{Field, Noun, Switchable, VaultError};

/// The names by which a request to save finds its device, which has both.
#[derive(Clone, Copy)]
pub(super) struct NamedDevice<'a> {
    pub(super) hostname: &'a str,
    pub(super) ip: &'a str,
}

/// Finds and locks the device of a request, and the credential that it updates, unless it creates one.
///
/// # Errors
/// [`VaultError::NotFound`] for the device; as `resolve::require_visible`; [`VaultError::WrongKind`] for an SSH key;
/// [`VaultError::Inactive`] for the device that an active credential would get.
pub(super) fn find_target(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    named: NamedDevice<'_>,
) -> Result<LockedPlace, VaultError> {
    let ahead = context.take_locked_account();
    let was_tried = !matches!(ahead, LockedAhead::NotTried);
    if let Some(place) = place_ahead(context, ahead)? {
        return Ok(noted(context, place));
    }
    let credential_type = find_type(context, input)?;
    // A precondition compares the device too, which nobody may change then.
    if !was_tried
        && !context.has_preconditions()
        && let Some(lookup) = account_lookup(context.principal(), input)
        && let Some(place) = locked_place(context, &lookup, credential_type.clone())?
    {
        return Ok(noted(context, place));
    }
    target_of_any_names(context, input, named, credential_type)
}

/// Notes the credential of a place, for the record of a refusal.
fn noted(context: &mut OperationContext<'_>, place: LockedPlace) -> LockedPlace {
    if let Some(row) = &place.credential {
        context.found(Subject::Credential(row.id));
    }
    place
}

/// Returns the registered type of credential that a request names.
fn find_type(context: &mut OperationContext<'_>, input: &CredentialInput) -> Result<Option<LookupValue>, VaultError> {
    let Some(sent) = input.sent_type() else { return Ok(None) };
    Ok(lookup::find(context.connection(), LookupKind::CredentialType, sent.name())?)
}

/// As [`find_target`], also of a request that assigns another name, or changes the device.
fn target_of_any_names(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    named: NamedDevice<'_>,
    credential_type: Option<LookupValue>,
) -> Result<LockedPlace, VaultError> {
    let fields = input.device_fields(credential_type.as_ref());
    let (device, is_device_seen) = locked_device(context, &fields, named)?;
    let credential = find_credential(context, input, &device)?;
    require_usable_device(context, credential.as_ref(), &device)?;
    Ok(LockedPlace { device, is_device_seen, credential, reserved: None, credential_type })
}

/// Returns the lookup of the account of a request that changes nothing but what that account alone shows, as its ticket says, if the
/// lookup finds it or its place. One without a username may name an account by its identifier, and is not looked up ahead.
pub(super) fn account_of_ticket(principal: &Principal, input: &CredentialInput) -> Option<AccountLookup> {
    let refers = input.parent.is_some() || input.settings.rotation.is_some() || input.settings.jit.is_some();
    if refers || input.username.is_none() { None } else { account_lookup(principal, input) }
}

/// Returns the lookup of the account of a request of a client that assigns no name. It finds nothing if the request changes the device.
/// The names are those of the locked row, and need no locks of their own; or they were found free and locked ahead.
fn account_lookup(principal: &Principal, input: &CredentialInput) -> Option<AccountLookup> {
    let (hostname, ip, identifier) = (input.hostname.as_deref()?, input.ip.as_deref()?, input.key());
    if input.assigned_identifier() != identifier {
        return None;
    }
    let Principal::Client(client) = principal else { return None };
    let lookup = AccountLookup::new(hostname, ip, input.searched_username(), identifier, client.id)?;
    let tags = devices::checked_tags(Field::Tags, input.tags.as_deref()).ok()?.unwrap_or_default();
    let lookup = lookup.with_sent(devices::values(&input.certain_device_fields())?, input.sent_type())?;
    lookup.with_tags(&tags)?.with_domains(input.domain.as_deref().unwrap_or_default())
}

/// Finds the device of a request that sends these fields of it, and locks it: against other changes if the request changes it or has
/// preconditions, else so that it is not deactivated before the transaction ends. Returns it with whether it is known that the client
/// sees it.
fn locked_device(
    context: &mut OperationContext<'_>,
    fields: &DeviceFields,
    NamedDevice { hostname, ip }: NamedDevice<'_>,
) -> Result<(DeviceRow, bool), VaultError> {
    let has_preconditions = context.has_preconditions();
    let connection = context.connection();
    let found = if has_preconditions {
        device::locked_by_hostname(connection, hostname)?
    } else {
        device::key_share_locked_by_hostname(connection, hostname)?
    };
    let device = found.filter(|device| device.is_at(ip)).ok_or(VaultError::NotFound(Noun::Device))?;
    // Nothing is compared with a device that the client does not see: the request is refused later.
    let is_seen = !fields.is_empty() && visible_device(context, device.clone())?.is_some();
    // So are fields that are not valid.
    let is_changed = is_seen && devices::values(fields).is_some_and(|values| !device.has(&values));
    if has_preconditions || !is_changed {
        return Ok((device, is_seen));
    }
    let device = device::locked(context.connection(), device.id)?.filter(|device| device.is_at(ip));
    Ok((device.ok_or(VaultError::NotFound(Noun::Device))?, is_seen))
}

/// Finds and locks the credential that the request updates; `None` when the request creates one.
fn find_credential(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    device: &DeviceRow,
) -> Result<Option<Visible<CredentialRow>>, VaultError> {
    lock_names(context, input, device)?;
    let by_identifier = match input.key() {
        Some(identifier) => credential::locked_by_identifier(context.connection(), identifier)?,
        None => None,
    };
    let found = match by_identifier {
        Some(row) => Some(row),
        None => {
            let username = input.searched_username();
            credential::locked_by_username(context.connection(), device.id, username)?
        }
    };
    let Some(row) = found else { return Ok(None) };
    context.found(Subject::Credential(row.id));
    let row = resolve::require_visible(context, row)?;
    if row.kind() != CredentialKind::Password {
        return Err(VaultError::WrongKind(Noun::Credential));
    }
    Ok(Some(row))
}

/// Takes an advisory lock on every name that the rule searches for or may assign.
fn lock_names(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    device: &DeviceRow,
) -> Result<(), VaultError> {
    let identifiers = [input.key(), input.assigned_identifier()].into_iter().flatten();
    let mut names: Vec<String> = identifiers.map(lock::identifier_lock_name).collect();
    names.dedup();
    names.push(lock::username_lock_name(device.id, input.searched_username()));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(lock::lock_names(context.connection(), &names)?)
}

/// Requires that the client sees the new device of a credential, and that the device is active unless the credential is
/// inactive.
fn require_usable_device(
    context: &mut OperationContext<'_>,
    target: Option<&Visible<CredentialRow>>,
    device: &DeviceRow,
) -> Result<(), VaultError> {
    if target.is_some_and(|row| row.device_id == device.id) {
        return Ok(());
    }
    devices::require_visible(context, device.clone())?;
    if device.active || target.is_some_and(|row| !row.active) {
        return Ok(());
    }
    Err(VaultError::Inactive(Switchable::Device))
}

/// Returns the username to write. It must be unique on the device. `target` and `device` are those of [`find_target`].
pub(super) fn free_username(
    context: &mut OperationContext<'_>,
    username: Option<&str>,
    target: Option<&CredentialRow>,
    device: &DeviceRow,
) -> Result<Option<String>, VaultError> {
    // Without a target, a search under the lock of the name has found no credential of this device with it. The index refuses one
    // that was moved here meanwhile.
    let Some(target) = target else { return Ok(username.map(String::from)) };
    let written = username.unwrap_or(&target.username);
    if target.device_id == device.id && target.username == written {
        return Ok(None);
    }
    let holder = credential::by_username(context.connection(), device.id, written, CredentialKind::Password)?;
    match holder {
        Some(holder) if holder.id != target.id => {
            Err(VaultError::invalid(Field::Username, "another credential of this device has it"))
        }
        _ => Ok(username.map(String::from)),
    }
}

/// Returns the identifier to write. It must be unique. `target` is that of [`find_target`].
pub(super) fn free_identifier(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    policy: SavePolicy,
    target: Option<&CredentialRow>,
) -> Result<Option<String>, VaultError> {
    let Some(identifier) = input.assigned_identifier() else {
        return Ok(if target.is_none() { policy.identifiers.generated() } else { None });
    };
    if target.is_some_and(|row| row.identifier.as_deref() == Some(identifier)) {
        return Ok(None);
    }
    // Without a target, a search under the lock of the name has found no credential with it.
    if target.is_none() && input.key() == Some(identifier) {
        return Ok(Some(identifier.into()));
    }
    match credential::by_identifier(context.connection(), identifier)? {
        Some(holder) if target.is_none_or(|row| row.id != holder.id) => {
            Err(VaultError::invalid(Field::Identifier, "another credential has it"))
        }
        _ => Ok(Some(identifier.into())),
    }
}
