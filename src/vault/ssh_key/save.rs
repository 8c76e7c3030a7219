//! Creating or updating an SSH key. The identifier is the only key of an update: without one, or with one that nobody
//! has, a key is created. An update applies what was sent and leaves the rest.

use serde::{Deserialize, Serialize};

use super::{KeyDevice, key_devices, locked_state_tag, require_key, visible_device};
use crate::crypto::{SecretKind, SecretText, SshKeyError, check_ssh_pair};
use crate::store::claim::claim;
use crate::store::credential::{self, CredentialChanges, CredentialKind, CredentialRow};
use crate::store::link::{self, LinkedKind};
use crate::store::ssh_key::{self, SshKeyChanges};
use crate::store::{StoreError, device};
use crate::vault::device::required;
use crate::vault::secrets;
use crate::vault::{Dialect, InvalidInput, Object, StateTag, VaultError, Work, identifier};

const DEFAULT_USERNAME: &str = "usr";
/// The credential type that lists show for a key.
const KEY_TYPE: &str = "SSH Key";

/// What a client sends to create or update an SSH key. `None` is not sent.
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
    /// Hostnames of further devices, in the place of those before.
    pub devices: Option<Vec<String>>,
}

/// An SSH key after it was saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedSshKey {
    /// Its number.
    pub id: i32,
    /// Whether it is new.
    pub created: bool,
    /// Its identifier, as it now is.
    pub identifier: Option<String>,
    /// Its further devices, as they now are.
    pub devices: Vec<KeyDevice>,
    /// The hostnames among those sent that are no registered device.
    pub unknown_devices: Vec<String>,
    /// The tag of its state, for a call that has conditions.
    pub state_tag: Option<StateTag>,
}

impl SshKeyInput {
    fn sent_identifier(&self) -> Option<&str> {
        self.identifier.as_deref().filter(|identifier| !identifier.is_empty())
    }

    fn sent_public_key(&self) -> Option<&str> {
        self.public_key.as_deref().filter(|key| !key.trim().is_empty())
    }

    fn sent_private_key(&self) -> Option<&SecretText> {
        self.private_key.as_ref().filter(|key| !key.is_empty())
    }
}

pub(super) fn save(work: &mut Work<'_, '_>, input: &SshKeyInput) -> Result<SavedSshKey, VaultError> {
    let known = match input.sent_identifier() {
        Some(name) => {
            claim(work.connection(), &format!("identifier/{name}"))?;
            credential::by_identifier(work.connection(), name)?
        }
        None => None,
    };
    let (id, created, identifier) = match known {
        Some(row) => {
            update(work, input, &row)?;
            (row.id, false, row.identifier)
        }
        None => {
            let (id, identifier) = create(work, input)?;
            (id, true, identifier)
        }
    };
    store_secrets(work, input, id)?;
    let unknown_devices = match &input.devices {
        Some(hostnames) => replace_devices(work, id, hostnames)?,
        None => Vec::new(),
    };
    let devices = key_devices(work.connection(), id)?;
    let state_tag = work.state_tag_after(id, locked_state_tag)?;
    Ok(SavedSshKey { id, created, identifier, devices, unknown_devices, state_tag })
}

fn create(work: &mut Work<'_, '_>, input: &SshKeyInput) -> Result<(i32, Option<String>), VaultError> {
    let hostname = required(&input.hostname, VaultError::HostnameMissing)?;
    let ip = required(&input.ip, VaultError::IpMissing)?;
    let public_key = match (input.sent_private_key(), input.sent_public_key()) {
        (None, None) => return Err(VaultError::PublicKeyMissing),
        (None, Some(_)) => return Err(VaultError::PrivateKeyMissing),
        (Some(private), public) => checked_public_key(work, private, public)?,
    };
    if let Some(name) = input.sent_identifier() {
        identifier::check(name, work.call.dialect)?;
    }
    let device = visible_device(work, hostname)?.filter(|device| device.ip == ip);
    let device = device.ok_or(VaultError::DeviceNotFound)?;
    let device = device::share_locked(work.connection(), device.id)?.ok_or(VaultError::DeviceNotFound)?;
    let enabled = input.enabled.unwrap_or(true);
    if enabled && !device.active {
        return Err(VaultError::DeviceInactive);
    }
    work.check_conditions(None, locked_state_tag)?;
    let generated = || (work.call.dialect == Dialect::Modern).then(|| uuid::Uuid::now_v7().to_string());
    let name = input.sent_identifier().map(String::from).or_else(generated);
    let changes = CredentialChanges {
        device_id: Some(device.id),
        username: Some(sent_username(input).unwrap_or(DEFAULT_USERNAME).into()),
        identifier: name.clone(),
        credential_type: Some(KEY_TYPE.into()),
        tags: input.tags.clone(),
        ..CredentialChanges::default()
    };
    let (authorization, now) = (work.authorization(), work.micros());
    let id = credential::insert(work.connection(), CredentialKind::SshKey, &changes, now)?;
    work.touches(Object::Credential(id));
    link::insert(work.connection(), authorization, LinkedKind::Credential, id)?;
    let key = SshKeyChanges { key_name: input.key_name.clone(), public_key: Some(public_key) };
    ssh_key::insert(work.connection(), id, &key)?;
    if !enabled {
        credential::set_active(work.connection(), id, false, now)?;
    }
    Ok((id, name))
}

fn update(work: &mut Work<'_, '_>, input: &SshKeyInput, row: &CredentialRow) -> Result<(), VaultError> {
    require_key(work, row)?;
    work.check_conditions(Some(row.id), locked_state_tag)?;
    let row = credential::locked(work.connection(), row.id)?.ok_or(StoreError::NotFound)?;
    let device_id = moved_to(work, input, &row)?;
    let changes = CredentialChanges {
        device_id,
        username: sent_username(input).map(String::from),
        tags: input.tags.clone(),
        ..CredentialChanges::default()
    };
    let now = work.micros();
    credential::update(work.connection(), row.id, &changes, now)?;
    let public_key = changed_public_key(work, input, row.id)?;
    let key = SshKeyChanges { key_name: input.key_name.clone(), public_key };
    if key.key_name.is_some() || key.public_key.is_some() {
        ssh_key::update(work.connection(), row.id, &key)?;
    }
    match input.enabled {
        Some(enabled) if enabled != row.active => {
            let device = device::share_locked(work.connection(), device_id.unwrap_or(row.device_id))?;
            if enabled && !device.is_some_and(|device| device.active) {
                return Err(VaultError::DeviceInactive);
            }
            Ok(credential::set_active(work.connection(), row.id, enabled, now)?)
        }
        _ => Ok(()),
    }
}

/// The device that an update names by hostname, which the client has to see unless it is the key's own.
fn moved_to(work: &mut Work<'_, '_>, input: &SshKeyInput, row: &CredentialRow) -> Result<Option<i32>, VaultError> {
    let Some(hostname) = input.hostname.as_deref().filter(|hostname| !hostname.is_empty()) else { return Ok(None) };
    let ip = input.ip.as_deref().filter(|ip| !ip.is_empty());
    let fits = |device: &device::DeviceRow| ip.is_none_or(|ip| device.ip == ip);
    let own = device::by_id(work.connection(), row.device_id)?;
    if own.as_ref().is_some_and(|own| own.hostname.eq_ignore_ascii_case(hostname) && fits(own)) {
        return Ok(None);
    }
    let device = visible_device(work, hostname)?.filter(fits).ok_or(VaultError::DeviceNotFound)?;
    let device = device::share_locked(work.connection(), device.id)?.ok_or(VaultError::DeviceNotFound)?;
    match row.active && !device.active {
        true => Err(VaultError::DeviceInactive),
        false => Ok(Some(device.id)),
    }
}

/// The public key to write on an update: checked against the private key, be that the sent or the stored one.
fn changed_public_key(work: &mut Work<'_, '_>, input: &SshKeyInput, id: i32) -> Result<Option<String>, VaultError> {
    match (input.sent_private_key(), input.sent_public_key()) {
        (None, None) => Ok(None),
        (Some(private), public) => checked_public_key(work, private, public).map(Some),
        (None, Some(public)) => {
            let stored = secrets::current(work, SecretKind::SshPrivateKey, id)?.ok_or(StoreError::NotFound)?;
            let private = stored.open(work.inner)?;
            checked_public_key(work, &private, Some(public)).map(Some)
        }
    }
}

/// The public key of a pair. Without the check, it is the one that was sent, to the letter.
fn checked_public_key(work: &Work<'_, '_>, private: &SecretText, public: Option<&str>) -> Result<String, VaultError> {
    if !work.inner.settings.ssh_keys.check {
        return public.map(String::from).ok_or(VaultError::PublicKeyMissing);
    }
    check_ssh_pair(private, public).map_err(|error| match error {
        SshKeyError::NoPrivateKey => InvalidInput::parameter("private_key", "is not a private key"),
        SshKeyError::NoPublicKey => InvalidInput::parameter("public_key", "is not a public key"),
        SshKeyError::OtherPair => InvalidInput::parameter("public_key", "does not belong to the private key"),
        // The private key is of a format that does not show its public one: that has to be sent.
        SshKeyError::NotDerivable => VaultError::PublicKeyMissing,
    })
}

/// Makes an earlier private key the current one again, with the public key that it holds. From a format that does not
/// show one, the public key stays as it is.
pub(in crate::vault) fn restore(work: &mut Work<'_, '_>, id: i32, private: &SecretText) -> Result<(), VaultError> {
    if let Ok(public_key) = check_ssh_pair(private, None) {
        let changes = SshKeyChanges { key_name: None, public_key: Some(public_key) };
        ssh_key::update(work.connection(), id, &changes)?;
    }
    secrets::put(work, SecretKind::SshPrivateKey, id, private)
}

fn sent_username(input: &SshKeyInput) -> Option<&str> {
    input.username.as_deref().map(|username| if username.is_empty() { DEFAULT_USERNAME } else { username })
}

fn store_secrets(work: &mut Work<'_, '_>, input: &SshKeyInput, id: i32) -> Result<(), VaultError> {
    if let Some(private) = input.sent_private_key() {
        secrets::put(work, SecretKind::SshPrivateKey, id, private)?;
    }
    if let Some(password) = &input.password {
        secrets::put(work, SecretKind::SshPassphrase, id, password)?;
    }
    Ok(())
}

/// Gives the hostnames that are no device that the client sees; the others replace those before.
fn replace_devices(work: &mut Work<'_, '_>, id: i32, hostnames: &[String]) -> Result<Vec<String>, VaultError> {
    let (mut devices, mut unknown) = (Vec::new(), Vec::new());
    for hostname in hostnames {
        match visible_device(work, hostname)? {
            Some(device) if devices.contains(&device.id) => {}
            Some(device) => devices.push(device.id),
            None => unknown.push(hostname.clone()),
        }
    }
    ssh_key::replace_devices(work.connection(), id, &devices)?;
    Ok(unknown)
}
