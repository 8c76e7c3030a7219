//! Creates or updates a credential, by the rule of the user's document "Create or update a credential":
//!
//! 1. The device of `hostname` and `ip` must exist.
//! 2. With an identifier: the credential that has it is updated, its username too.
//! 3. Otherwise, or when no credential has that identifier: the credential of the username on the device is updated, and
//!    gets the identifier.
//! 4. Otherwise a credential is created.
//!
//! An update writes only the fields that are sent. When the client does not see the credential, the request is refused: it
//! neither updates nor duplicates it.

use super::input::{CredentialInput, DEFAULT_TYPE, DEFAULT_USERNAME, SavePolicy, SavedCredential};
use super::settings::{RotationSettings, SettingsGroup, jit_from_row, merged};
use super::stored_settings::{resolve_references, store_settings};
use super::target::{NamedDevice, find_target, free_identifier, free_username};
use super::totp::check_seed;
use super::{ChangeTime, locked_etag, parent, resolve};
use crate::store::credential::{self, CredentialChanges, CredentialKind, CredentialRow, NewAccount};
use crate::store::device;
use crate::store::id::CredentialId;
use crate::store::link::{self, LinkedObject};
use crate::store::lookup::LookupKind;
use crate::store::rotation;
use crate::store::{DeferrableWrite, StoreError};
use crate::vault::access::{LockedPlace, require_tags_allowed};
use crate::vault::device::{self as devices, checked_tags, known_domains, registered, required};
use crate::vault::operation::{Done, OperationContext, Subject};
use crate::vault::rotation::NamedParts;
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Field, VaultError, custody, jit, rotation as rotations};

pub(in crate::vault) fn save(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    policy: SavePolicy,
) -> Result<Done<SavedCredential>, VaultError> {
    let named = checked_names(input, policy)?;
    check_seed(input.settings.totp_seed.as_ref())?;
    let place = find_target(context, input, named)?;
    let target = place.credential.as_ref();
    if let (Some(row), Some(_)) = (target, input.exclusive_custody) {
        // While a client holds the credential exclusively, no other client may make it shared.
        custody::require_free(context, row)?;
    }
    context.check_preconditions(target.map(|row| row.id), locked_etag)?;
    let is_device_changed = save_device_fields(context, input, &place)?;
    let references = resolve_references(context, &input.settings)?;
    let parent = parent::decide(context, target.map(|row| &**row), input.parent, references.parent)?;
    if let (Some(row), Some(new)) = (target, parent)
        && new != row.parent_id
    {
        // A child that leaves its parent keeps a copy of the password, which another client may hold.
        custody::require_free(context, row)?;
    }
    let changes = changes(context, input, policy, &place, parent)?;
    let parent_before = target.and_then(|row| row.parent_id);
    let parent = changes.parent_id.unwrap_or(parent_before);
    if let Some(row) = target.filter(|_| parent != parent_before) {
        rotations::require_closed(context, row.id)?;
    }
    if let Some(row) = target {
        jit::require_unused(context, row, &changes, input.sent_content())?;
    }
    let Written { id, identifier, mut time } = write(context, &place, &changes)?;
    match (target, parent, input.sent_content()) {
        (None, None, Some(content)) => secrets::store_first(context, SecretOwner::Password(id), content)?,
        (_, _, content) => parent::store_password(context, id, parent_before, parent, content)?,
    }
    let is_policy_sent = match target.filter(|_| input.settings.jit.is_some()) {
        Some(row) => {
            let was_managed = jit::is_managed(context, id)?;
            let is_policy_sent = store_settings(context, id, input, &references, &mut time)?;
            jit::settings_saved(context, row, was_managed)?;
            is_policy_sent
        }
        None => store_settings(context, id, input, &references, &mut time)?,
    };
    if is_policy_sent || target.is_some_and(|row| is_device_changed || changes.move_account(row)) {
        // The row of a device that the request changes was locked before it was compared.
        let device = (!is_device_changed).then(|| place.device.clone());
        rotations::grant(context, id, device, named_parts(input))?;
    }
    let etag = context.etag_after(id, locked_etag)?;
    let saved = SavedCredential { id, created: target.is_none(), identifier, etag };
    Ok(Done::new(Subject::Credential(id), saved))
}

/// Checks the permission for the stored result of a save.
pub(super) fn revalidate(context: &mut OperationContext<'_>, saved: &SavedCredential) -> Result<(), VaultError> {
    let row = credential::by_id(context.connection(), saved.id)?.ok_or(StoreError::NotFound)?;
    resolve::require_visible(context, row).map(drop)
}

/// Checks the fields that name the device and the credential, and returns those of the device.
fn checked_names(input: &CredentialInput, policy: SavePolicy) -> Result<NamedDevice<'_>, VaultError> {
    let hostname = required(&input.hostname, Field::Hostname)?;
    let ip = required(&input.ip, Field::Ip)?;
    if policy.username_required && input.username.is_none() {
        return Err(VaultError::Missing(Field::Username));
    }
    for name in [input.key(), input.assigned_identifier()].into_iter().flatten() {
        policy.identifiers.check(name)?;
    }
    Ok(NamedDevice { hostname, ip })
}

/// Returns what a request names of the place of the account.
fn named_parts(input: &CredentialInput) -> NamedParts {
    let settings = &input.settings;
    NamedParts {
        device: true,
        username: input.username.is_some() || input.key().is_none(),
        domain: input.domain.is_some(),
        plugin: settings.rotation.as_ref().is_some_and(RotationSettings::names_plugin) || settings.jit.is_some(),
        additional: input.additional.is_some(),
        host: true,
        port: input.device.connectivities.is_some(),
    }
}

/// Saves the fields of the device. Returns whether any has another value than before.
fn save_device_fields(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    place: &LockedPlace,
) -> Result<bool, VaultError> {
    let (fields, device) = (input.device_fields(place.credential_type.as_ref()), &place.device);
    // What is valid depends on what the device has.
    if !place.is_device_seen && !fields.is_empty() {
        devices::require_visible(context, device.clone())?;
    }
    let changes = devices::changes(context, &fields, Some(device))?;
    // Taking the connection sets a savepoint, which a request that changes nothing may not need.
    if device.has(&changes) {
        return Ok(false);
    }
    let now = context.micros();
    Ok(device::update(context.connection(), device, changes, now)?)
}

/// Computes the columns that the request writes.
fn changes(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    policy: SavePolicy,
    place: &LockedPlace,
    parent: Option<Option<CredentialId>>,
) -> Result<CredentialChanges, VaultError> {
    let (device, target) = (&place.device, place.credential.as_deref());
    let creating = target.is_none();
    let settings = &input.settings;
    if let (true, Some(jit)) = (policy.jit_complete, &settings.jit) {
        let stored = match target {
            Some(row) => rotation::find_jit(context.connection(), row.id)?,
            None => None,
        };
        let stored = stored.map(jit_from_row).unwrap_or_default();
        jit.clone().merged_into(stored).check()?;
    }
    let stored = |column: fn(&CredentialRow) -> &Option<String>| target.and_then(|row| column(row).as_deref());
    let merge = |sent: Option<&SettingsGroup>, stored: Option<&str>| {
        sent.map(|sent| serde_json::Value::Object(merged(stored, sent)).to_string())
    };
    let tags = checked_tags(Field::Tags, input.tags.as_deref())?;
    let reserved = place.reserved.as_ref();
    let (known_tags, domains) =
        reserved.map_or((&[][..], &[][..]), |reserved| (&reserved.tags[..], &reserved.domains[..]));
    require_tags_allowed(context, Field::Tags, target.map_or("", |row| &row.tags), tags.as_deref(), known_tags)?;
    let default_username = creating.then_some(DEFAULT_USERNAME);
    let default_type = creating.then(|| DEFAULT_TYPE.to_string());
    let credential_type = match &place.credential_type {
        Some(known) => Some(known.name.clone()),
        None => registered(context, LookupKind::CredentialType, &input.credential_type, "")?,
    };
    Ok(CredentialChanges {
        device_id: Some(device.id),
        username: free_username(context, input.sent_username().or(default_username), target, device)?,
        identifier: free_identifier(context, input, policy, target)?,
        credential_type: credential_type.or(default_type),
        additional: input.additional.clone(),
        tags,
        domain: known_domains(context, input.domain.as_deref(), target.map_or("", |row| &row.domain), domains)?,
        parent_id: parent,
        session_settings: merge(
            settings.session.as_ref().map(|session| &session.members),
            stored(|row| &row.session_settings),
        ),
        additional_settings: merge(settings.additional.as_ref(), stored(|row| &row.additional_settings)),
        exclusive_custody: input.exclusive_custody,
    })
}

/// A row that was written, as far as it has other values than before.
struct Written {
    id: CredentialId,
    identifier: Option<String>,
    time: ChangeTime,
}

/// Writes the row.
fn write(
    context: &mut OperationContext<'_>,
    place: &LockedPlace,
    changes: &CredentialChanges,
) -> Result<Written, VaultError> {
    let now = context.micros();
    let identifier = changes.identifier.clone();
    if let Some(row) = &place.credential {
        // Taking the connection sets a savepoint, which an update of the password alone may not need.
        let is_moved = !changes.are_in(row) && credential::update(context.connection(), row, changes, now)?;
        let identifier = identifier.or(row.identifier.clone());
        return Ok(Written { id: row.id, identifier, time: ChangeTime::new(row.id, is_moved) });
    }
    let authorization = context.authorization()?;
    let reserved = place.reserved.as_ref();
    let new = reserved.and_then(|known| NewAccount::new(known.id, authorization, changes.clone(), &known.tags, now));
    let id = match new {
        Some(new) => {
            let id = new.id();
            context.write(DeferrableWrite::Account(new))?;
            id
        }
        None => {
            let id = credential::insert(context.connection(), CredentialKind::Password, changes, now)?;
            link::insert(context.connection(), authorization, LinkedObject::Credential(id))?;
            id
        }
    };
    Ok(Written { id, identifier, time: ChangeTime::new(id, true) })
}
