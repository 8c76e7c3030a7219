//! SSH keys (contract, section 8). A key is a credential of another kind: it has a row in the same table, and so a
//! number in the same line of numbers.

pub(super) mod save;

use serde::{Deserialize, Serialize};

pub use save::{SavedSshKey, SshKeyInput};

use super::credential::{object, resolve};
use super::input::{is_storable, key_number};
use super::listing::{ListRequest, Listed};
use super::secrets::{self, Sealed};
use super::{Action, Call, StateTag, Vault, VaultError, Work};
use crate::crypto::{SecretKind, SecretText, SshKeyFacts, ssh_key_facts};
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::ssh_key::{self, SshKeyRow};
use crate::store::{AnyConnection, StoreError, custody, items, list, visibility};

/// A device as a key shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct KeyDevice {
    pub hostname: String,
    pub ip: String,
}

/// An SSH key without its private part.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 8.2")]
pub struct SshKey {
    pub id: i32,
    pub identifier: Option<String>,
    pub username: String,
    pub key_name: String,
    pub hostname: String,
    pub ip: String,
    pub public_key: String,
    pub tags: Vec<String>,
    /// The further devices that it opens.
    pub devices: Vec<KeyDevice>,
    /// What can be told of the public key; `None` when it is none.
    pub facts: Option<SshKeyFacts>,
}

/// An SSH key on its way to a client that may read it.
#[derive(Debug)]
pub struct ReadSshKey {
    /// The key.
    pub key: SshKey,
    /// The private key, to the byte.
    pub private_key: SecretText,
    /// Its passphrase.
    pub password: Option<SecretText>,
    /// The tag of its state.
    pub state_tag: StateTag,
}

/// What a key shows, still sealed, and the tag of it all.
struct State {
    key: SshKey,
    private: Option<Sealed>,
    passphrase: Option<Sealed>,
    tag: StateTag,
}

impl Vault {
    /// The active SSH keys that the client sees, oldest first, without private keys. An addition to the contract.
    pub async fn list_ssh_keys(
        &self,
        call: &Call,
        request: Result<ListRequest, VaultError>,
    ) -> Result<Listed<SshKey>, VaultError> {
        let query = |connection: &mut AnyConnection, call: &Call| {
            let listed = request?.answer(
                |(row, _): &(CredentialRow, DeviceRow)| row.id,
                |filter, page| {
                    list::credentials(connection, call.client.id, Some(CredentialKind::SshKey), filter, page)
                },
            )?;
            Ok((listed.try_map(|(row, device)| shown(connection, &row, &device))?, None))
        };
        self.look(call, Action::SshKeyList, query).await
    }

    /// The key with its private part, by its number or identifier. Keys are not taken into custody.
    ///
    /// # Errors
    /// [`VaultError::SshKeyNotFound`], [`VaultError::NotAnSshKey`], [`VaultError::NoAccess`],
    /// [`VaultError::SshKeyInactive`].
    pub async fn read_ssh_key(&self, call: &Call, key: String) -> Result<ReadSshKey, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = visible(work, &key)?;
            let device = resolve::device_of(work, &row)?.filter(|device| row.active && device.active);
            let device = device.ok_or(VaultError::SshKeyInactive)?;
            let State { key, private, passphrase, tag } = state(work, &row, &device)?;
            work.call.unless_known(object(&row), &tag)?;
            let now = work.micros();
            credential::set_viewed(work.connection(), row.id, now)?;
            Ok((key, private.ok_or(StoreError::NotFound)?, passphrase, tag))
        };
        let (key, private, passphrase, tag) = self.perform(call, Action::SshKeyRead, rule).await?;
        let password = match &passphrase {
            Some(sealed) => Some(self.unseal(call, Action::SshKeyRead, sealed).await?),
            None => None,
        };
        // An empty passphrase is one that was taken away.
        let password = password.filter(|password| !password.is_empty());
        let private_key = self.unseal(call, Action::SshKeyRead, &private).await?;
        Ok(ReadSshKey { key, private_key, password, state_tag: tag })
    }

    /// Creates the key, or updates the one of that identifier; the rule stands in `save.rs`.
    pub async fn save_ssh_key(
        &self,
        call: &Call,
        input: Result<SshKeyInput, VaultError>,
    ) -> Result<SavedSshKey, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| save::save(work, input.as_ref().map_err(Clone::clone)?);
        self.perform_once(call, Action::SshKeySave, rule).await
    }

    /// Switches the key off.
    pub async fn deactivate_ssh_key(&self, call: &Call, key: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &key)?;
            if !row.active {
                return Err(VaultError::SshKeyInactive);
            }
            let now = work.micros();
            custody::end_all(work.connection(), row.id)?;
            Ok(credential::set_active(work.connection(), row.id, false, now)?)
        };
        self.perform(call, Action::SshKeyDeactivate, rule).await
    }

    /// Switches the key on. Its device has to be on: [`VaultError::DeviceNotFound`] otherwise.
    pub async fn activate_ssh_key(&self, call: &Call, key: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &key)?;
            if row.active {
                return Err(VaultError::SshKeyAlreadyActive);
            }
            let device = device::share_locked(work.connection(), row.device_id)?.filter(|device| device.active);
            device.ok_or(VaultError::DeviceNotFound)?;
            let now = work.micros();
            Ok(credential::set_active(work.connection(), row.id, true, now)?)
        };
        self.perform(call, Action::SshKeyActivate, rule).await
    }
}

/// The SSH key of a path key: digits are its number, then an identifier. In the order of the contract (1.9): it
/// exists, it is a key, the client sees it.
pub(super) fn visible(work: &mut Work<'_, '_>, key: &str) -> Result<CredentialRow, VaultError> {
    if !is_storable(key) {
        return Err(VaultError::SshKeyNotFound);
    }
    let by_id = match key_number(key) {
        Some(id) => credential::by_id(work.connection(), id)?,
        None => None,
    };
    let found = match by_id {
        Some(row) => Some(row),
        None => credential::by_identifier(work.connection(), key)?,
    };
    let row = found.ok_or(VaultError::SshKeyNotFound)?;
    require_key(work, &row)?;
    Ok(row)
}

/// Refuses what is no SSH key, and one that the client does not see.
fn require_key(work: &mut Work<'_, '_>, row: &CredentialRow) -> Result<(), VaultError> {
    work.touches(object(row));
    if row.kind() != CredentialKind::SshKey {
        return Err(VaultError::NotAnSshKey);
    }
    resolve::require_visible(work, row)
}

fn for_change(work: &mut Work<'_, '_>, key: &str) -> Result<CredentialRow, VaultError> {
    let row = visible(work, key)?;
    work.check_conditions(Some(row.id), locked_state_tag)?;
    Ok(row)
}

fn state(work: &mut Work<'_, '_>, row: &CredentialRow, device: &DeviceRow) -> Result<State, VaultError> {
    let private = secrets::current(work, SecretKind::SshPrivateKey, row.id)?;
    let passphrase = secrets::current(work, SecretKind::SshPassphrase, row.id)?;
    let key = shown(work.connection(), row, device)?;
    let secrets = [&private, &passphrase].map(|sealed| sealed.as_ref().map(Sealed::place));
    let tag = work.state_tag("ssh-key", &(row, device, &key.key_name, &key.public_key, &key.devices, secrets));
    Ok(State { key, private, passphrase, tag })
}

/// The tag of a key's state, which stays what it is until the transaction ends.
pub(super) fn locked_state_tag(work: &mut Work<'_, '_>, id: i32) -> Result<Option<StateTag>, VaultError> {
    let Some(row) = credential::locked(work.connection(), id)? else { return Ok(None) };
    let Some(device) = resolve::device_of(work, &row)? else { return Ok(None) };
    Ok(Some(state(work, &row, &device)?.tag))
}

fn shown(connection: &mut AnyConnection, row: &CredentialRow, device: &DeviceRow) -> Result<SshKey, StoreError> {
    let SshKeyRow { key_name, public_key, .. } = ssh_key::find(connection, row.id)?.ok_or(StoreError::NotFound)?;
    Ok(SshKey {
        devices: key_devices(connection, row.id)?,
        facts: ssh_key_facts(&public_key),
        tags: items(&row.tags).map(String::from).collect(),
        id: row.id,
        identifier: row.identifier.clone(),
        username: row.username.clone(),
        key_name,
        hostname: device.hostname.clone(),
        ip: device.ip.clone(),
        public_key,
    })
}

fn key_devices(connection: &mut AnyConnection, credential: i32) -> Result<Vec<KeyDevice>, StoreError> {
    let devices = ssh_key::devices(connection, credential)?;
    Ok(devices.into_iter().map(|(hostname, ip)| KeyDevice { hostname, ip }).collect())
}

/// The device of that hostname, if the client sees it.
fn visible_device(work: &mut Work<'_, '_>, hostname: &str) -> Result<Option<DeviceRow>, VaultError> {
    let Some(device) = device::by_hostname(work.connection(), hostname)? else { return Ok(None) };
    let authorization = work.authorization();
    let seen = visibility::sees_device(work.connection(), authorization, device.id)?;
    Ok(seen.then_some(device))
}
