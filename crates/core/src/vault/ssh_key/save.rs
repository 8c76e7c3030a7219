//! Creates or updates an SSH key. The identifier selects the key to update: without an identifier, or with an unknown one, a
//! key is created. An update writes only the fields that are sent.

use serde::{Deserialize, Serialize};

use super::pair::{changed_public_key, checked_public_key};
use super::{KeyDevice, device_by_hostname, key_devices, locked_etag};
use crate::crypto::SecretText;
use crate::store::credential::{self, CredentialChanges, CredentialKind, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::id::{CredentialId, DeviceId};
use crate::store::link::{self, LinkedObject};
use crate::store::lock::{identifier_lock_name, lock_name};
use crate::store::ssh_key::{self, SshKeyChanges};
use crate::vault::access::{Visible, require_tags_allowed};
use crate::vault::credential::{ChangeTime, RotationSettings, resolve, save_rotation};
use crate::vault::device::{checked_tags, required};
use crate::vault::identifier::IdentifierPolicy;
use crate::vault::operation::{Done, ETag, OperationContext, Subject};
use crate::vault::rotation::{NamedParts, grant};
use crate::vault::secrets::SecretOwner;
use crate::vault::{Field, Noun, Switchable, VaultError, secrets};

const DEFAULT_USERNAME: &str = "usr";
/// The credential type that lists show for a key.
const KEY_TYPE: &str = "SSH Key";

/// Parameters of a request to create or update an SSH key. `None`: not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 8.3")]
pub struct SshKeyInput {
    pub hostname: Option<String>,
    pub ip: Option<String>,
    pub username: Option<String>,
    pub identifier: Option<String>,
    pub key_name: Option<String>,
    pub public_key: Option<String>,
    pub private_key: Option<SecretText>,
    /// The passphrase of the private key.
    pub password: Option<SecretText>,
    pub enabled: Option<bool>,
    pub tags: Option<String>,
    /// Hostnames of further devices. Replaces the stored list.
    pub devices: Option<Vec<String>>,
    /// How the key is changed on its target.
    pub rotation: Option<RotationSettings>,
}

/// A saved SSH key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedSshKey {
    /// Its id.
    pub id: CredentialId,
    /// Whether it is new.
    pub created: bool,
    /// Its identifier, as it now is.
    pub identifier: Option<String>,
    /// Its further devices, as they now are.
    pub devices: Vec<KeyDevice>,
    /// The sent hostnames without a visible device.
    pub unknown_devices: Vec<String>,
    /// Its ETag, for a client that sends preconditions.
    pub etag: Option<ETag>,
}

impl SshKeyInput {
    fn sent_identifier(&self) -> Option<&str> {
        self.identifier.as_deref().filter(|identifier| !identifier.is_empty())
    }

    pub(super) fn sent_public_key(&self) -> Option<&str> {
        self.public_key.as_deref().filter(|key| !key.trim().is_empty())
    }

    pub(super) fn sent_private_key(&self) -> Option<&SecretText> {
        self.private_key.as_ref().filter(|key| !key.is_empty())
    }
}

pub(super) fn save(
    context: &mut OperationContext<'_>,
    input: &SshKeyInput,
    identifiers: IdentifierPolicy,
) -> Result<Done<SavedSshKey>, VaultError> {
    let known = match input.sent_identifier() {
        Some(name) => {
            lock_name(context.connection(), &identifier_lock_name(name))?;
            credential::by_identifier(context.connection(), name)?
        }
        None => None,
    };
    let created = known.is_none();
    let (id, mut time, identifier, (device, mut is_granting)) = match known {
        Some(row) => {
            let row = resolve::pick(context, vec![row], CredentialKind::SshKey)?;
            let row = resolve::locked(context, row)?;
            let (time, moved) = update(context, input, &row)?;
            (row.id, time, row.identifier.clone(), moved)
        }
        None => {
            let (id, identifier, device) = create(context, input, identifiers)?;
            (id, ChangeTime::new(id, true), identifier, (Some(device), false))
        }
    };
    store_secrets(context, input, id, &mut time)?;
    if let Some(rotation) = &input.rotation {
        if rotation.parent.is_some() {
            return Err(VaultError::invalid(Field::Parent, "an SSH key shares no secret with a parent"));
        }
        let (is_changed, is_policy_sent) = save_rotation(context, id, rotation)?;
        time.move_if(context, is_changed)?;
        is_granting |= is_policy_sent;
    }
    if is_granting {
        let named = NamedParts {
            device: device.is_some(),
            username: sent_username(input).is_some(),
            plugin: input.rotation.as_ref().is_some_and(RotationSettings::names_plugin),
            host: input.ip.is_some(),
            // A request for a key has no connectivities.
            port: input.ip.is_some(),
            ..NamedParts::default()
        };
        grant(context, id, device, named)?;
    }
    let unknown_devices = match &input.devices {
        Some(hostnames) => replace_devices(context, id, hostnames, &mut time)?,
        None => Vec::new(),
    };
    let devices = key_devices(context.connection(), id)?;
    let etag = context.etag_after(id, locked_etag)?;
    let saved = SavedSshKey { id, created, identifier, devices, unknown_devices, etag };
    Ok(Done::new(Subject::Credential(id), saved))
}

fn create(
    context: &mut OperationContext<'_>,
    input: &SshKeyInput,
    identifiers: IdentifierPolicy,
) -> Result<(CredentialId, Option<String>, DeviceRow), VaultError> {
    let hostname = required(&input.hostname, Field::Hostname)?;
    let ip = required(&input.ip, Field::Ip)?;
    let public_key = match (input.sent_private_key(), input.sent_public_key()) {
        (None, None) => return Err(VaultError::Missing(Field::PublicKey)),
        (None, Some(_)) => return Err(VaultError::Missing(Field::PrivateKey)),
        (Some(private), public) => checked_public_key(context, private, public)?,
    };
    if let Some(name) = input.sent_identifier() {
        identifiers.check(name)?;
    }
    let device = device_by_hostname(context, hostname)?.filter(|device| device.is_at(ip));
    let device = device.ok_or(VaultError::NotFound(Noun::Device))?;
    let enabled = input.enabled.unwrap_or(true);
    require_active_device(context, device.id, enabled)?;
    context.check_preconditions(None, locked_etag)?;
    let name = input.sent_identifier().map(String::from).or_else(|| identifiers.generated());
    let changes = CredentialChanges {
        device_id: Some(device.id),
        username: Some(sent_username(input).unwrap_or(DEFAULT_USERNAME).into()),
        identifier: name.clone(),
        credential_type: Some(KEY_TYPE.into()),
        tags: allowed_tags(context, "", input)?,
        ..CredentialChanges::default()
    };
    let (authorization, now) = (context.authorization()?, context.micros());
    let id = credential::insert(context.connection(), CredentialKind::SshKey, &changes, now)?;
    link::insert(context.connection(), authorization, LinkedObject::Credential(id))?;
    let key = SshKeyChanges { key_name: input.key_name.clone(), public_key: Some(public_key) };
    ssh_key::insert(context.connection(), id, &key)?;
    if !enabled {
        credential::set_active(context.connection(), id, false, now)?;
    }
    Ok((id, name, device.into_inner()))
}

/// Returns the tags to write, normalized, checked and allowed.
fn allowed_tags(
    context: &mut OperationContext<'_>,
    before: &str,
    input: &SshKeyInput,
) -> Result<Option<String>, VaultError> {
    let tags = checked_tags(Field::Tags, input.tags.as_deref())?;
    require_tags_allowed(context, Field::Tags, before, tags.as_deref(), &[])?;
    Ok(tags)
}

/// Requires an active device for an active key, and locks its row.
fn require_active_device(
    context: &mut OperationContext<'_>,
    device: DeviceId,
    enabled: bool,
) -> Result<(), VaultError> {
    if !enabled || device::key_share_locked(context.connection(), device)?.is_some_and(|device| device.active) {
        return Ok(());
    }
    Err(VaultError::Inactive(Switchable::Device))
}

/// Updates the row and its key, and returns the time of its last change, the device that was named, and whether it is the key of another
/// account now.
fn update(
    context: &mut OperationContext<'_>,
    input: &SshKeyInput,
    row: &Visible<CredentialRow>,
) -> Result<(ChangeTime, (Option<DeviceRow>, bool)), VaultError> {
    context.check_preconditions(Some(row.id), locked_etag)?;
    let device = named_device(context, input, row)?;
    let device_id = device.as_ref().map(|device| device.id).filter(|id| *id != row.device_id);
    let changes = CredentialChanges {
        device_id,
        username: sent_username(input).map(String::from),
        tags: allowed_tags(context, &row.tags, input)?,
        ..CredentialChanges::default()
    };
    let (now, is_moved) = (context.micros(), changes.move_account(row));
    let mut time = ChangeTime::new(row.id, credential::update(context.connection(), row, &changes, now)?);
    let public_key = changed_public_key(context, input, row.id)?;
    let key = SshKeyChanges { key_name: input.key_name.clone(), public_key };
    if key.key_name.is_some() || key.public_key.is_some() {
        let is_changed = ssh_key::update(context.connection(), row.id, &key)?;
        time.move_if(context, is_changed)?;
    }
    match input.enabled {
        Some(enabled) if enabled != row.active => {
            require_active_device(context, device_id.unwrap_or(row.device_id), enabled)?;
            credential::set_active(context.connection(), row.id, enabled, now)?;
            Ok((ChangeTime::new(row.id, true), (device, is_moved)))
        }
        _ => Ok((time, (device, is_moved))),
    }
}

/// Returns the device that an update names. The client must see it, unless it is the key's current device.
fn named_device(
    context: &mut OperationContext<'_>,
    input: &SshKeyInput,
    row: &CredentialRow,
) -> Result<Option<DeviceRow>, VaultError> {
    let Some(hostname) = input.hostname.as_deref().filter(|hostname| !hostname.is_empty()) else { return Ok(None) };
    let ip = input.ip.as_deref().filter(|ip| !ip.is_empty());
    let fits = |device: &DeviceRow| ip.is_none_or(|ip| device.is_at(ip));
    let own = device::by_id(context.connection(), row.device_id)?;
    let own = own.filter(|own| own.hostname.eq_ignore_ascii_case(hostname) && fits(own));
    if own.is_some() {
        return Ok(own);
    }
    let device = device_by_hostname(context, hostname)?.filter(|device| fits(device));
    let device = device.ok_or(VaultError::NotFound(Noun::Device))?;
    require_active_device(context, device.id, row.active)?;
    Ok(Some(device.into_inner()))
}

fn sent_username(input: &SshKeyInput) -> Option<&str> {
    input.username.as_deref().map(|username| if username.is_empty() { DEFAULT_USERNAME } else { username })
}

fn store_secrets(
    context: &mut OperationContext<'_>,
    input: &SshKeyInput,
    id: CredentialId,
    time: &mut ChangeTime,
) -> Result<(), VaultError> {
    if let Some(private) = input.sent_private_key() {
        // Its head has the time.
        secrets::store(context, SecretOwner::SshPrivateKey(id), private)?;
    }
    if let Some(password) = &input.password {
        time.store_secret(context, SecretOwner::SshPassphrase(id), password)?;
    }
    Ok(())
}

/// Replaces the further devices, and returns the hostnames without a visible device.
fn replace_devices(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    hostnames: &[String],
    time: &mut ChangeTime,
) -> Result<Vec<String>, VaultError> {
    let (mut devices, mut unknown) = (Vec::new(), Vec::new());
    for hostname in hostnames {
        match device_by_hostname(context, hostname)? {
            Some(device) if devices.contains(&device.id) => {}
            Some(device) => devices.push(device.id),
            None => unknown.push(hostname.clone()),
        }
    }
    let is_changed = ssh_key::replace_devices(context.connection(), id, &devices)?;
    time.move_if(context, is_changed)?;
    Ok(unknown)
}
