//! SSH keys (contract, section 8). A key is a credential of another kind, with a row in the same table and an id of the
//! same sequence.

mod pair;
pub(super) mod restore;
mod save;

use serde::{Deserialize, Serialize};

pub(super) use pair::promote_public_key;
pub use save::{SavedSshKey, SshKeyInput};

use super::access::{SeenSshKey, Visible, seen_ssh_key, visible_devices};
use super::credential::{activate, columns, deactivate, resolve};
use super::identifier::IdentifierPolicy;
use super::operation::{Done, ETag, OperationContext, Permit, Subject};
use super::pagination::{List, ListRequest};
use super::secrets::{self, Sealed, SecretOwner};
use super::whole_list::ListedRow;
use super::{Switchable, Vault, VaultError, device as devices};
use crate::crypto::{SecretText, SshKeyFacts, ssh_key_facts};
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::DeviceRow;
use crate::store::id::CredentialId;
use crate::store::list::{self, CredentialSummary};
use crate::store::ssh_key::{self, SshKeyRow};
use crate::store::{AnyConnection, StoreError};
use crate::text::comma_separated;

/// A device that a key gives access to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct KeyDevice {
    pub hostname: String,
    pub ip: String,
}

/// An SSH key without its private key.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 8.2")]
pub struct SshKey {
    pub id: CredentialId,
    pub identifier: Option<String>,
    pub username: String,
    pub key_name: String,
    pub hostname: String,
    pub ip: String,
    pub public_key: String,
    pub tags: Vec<String>,
    /// The further devices that the key gives access to.
    pub devices: Vec<KeyDevice>,
    /// Algorithm, size, fingerprint and comment of the public key; `None` when it cannot be read.
    pub facts: Option<SshKeyFacts>,
}

/// An SSH key with its private key, for a client that may read it.
#[derive(Debug)]
pub struct ReadSshKey {
    /// The key.
    pub key: SshKey,
    /// The private key, byte for byte as it was sent.
    pub private_key: SecretText,
    /// Its passphrase.
    pub password: Option<SecretText>,
    /// Whether a newer key may be in force, since its change on the target was not proved.
    pub is_doubted: bool,
    /// Its ETag.
    pub etag: ETag,
}

/// The columns of the credential and of its device that are shown of a key.
struct KeyColumns {
    id: CredentialId,
    identifier: Option<String>,
    username: String,
    tags: String,
    hostname: String,
    ip: String,
}

impl From<CredentialSummary> for KeyColumns {
    fn from(row: CredentialSummary) -> Self {
        let CredentialSummary { id, identifier, username, tags, hostname, ip, .. } = row;
        Self { id, identifier, username, tags, hostname, ip }
    }
}

impl From<(&CredentialRow, &DeviceRow)> for KeyColumns {
    fn from((row, device): (&CredentialRow, &DeviceRow)) -> Self {
        Self {
            id: row.id,
            identifier: row.identifier.clone(),
            username: row.username.clone(),
            tags: row.tags.clone(),
            hostname: device.hostname.clone(),
            ip: device.ip.clone(),
        }
    }
}

/// The data of a key with its secrets still sealed, and the ETag of the whole.
struct State {
    key: SshKey,
    private: Option<Sealed>,
    passphrase: Option<Sealed>,
    etag: ETag,
}

/// As [`State`], of a key that is read: it has a private key.
struct ReadState {
    key: SshKey,
    private: Sealed,
    passphrase: Option<Sealed>,
    etag: ETag,
}

impl ListedRow for SshKey {
    fn text_bytes(&self) -> usize {
        let texts = [&self.username, &self.key_name, &self.hostname, &self.ip, &self.public_key];
        let devices = self.devices.iter().flat_map(|device| [&device.hostname, &device.ip]);
        texts.into_iter().chain(&self.tags).chain(&self.identifier).chain(devices).map(String::len).sum()
    }
}

impl Vault {
    /// Lists the active SSH keys that the client sees, oldest first. An addition to the contract.
    pub async fn list_ssh_keys(&self, permit: Permit, request: ListRequest) -> Result<List<SshKey>, VaultError> {
        let query = |context: &mut OperationContext<'_>, request: &ListRequest| {
            let authorization = context.authorization()?;
            let kind = Some(CredentialKind::SshKey);
            let deadline = context.deadline();
            let list = request.list(
                deadline,
                |key: &KeyColumns| key.id,
                |selection| list::credentials(context.connection(), authorization, kind, selection, KeyColumns::from),
            )?;
            let until = list::Selection { filter: &request.filter, page: None, deadline: Some(deadline) };
            let list = list.try_map(|key| until.check_deadline().and_then(|()| shown(context.connection(), key)))?;
            Ok(Done::new(Subject::Collection, list))
        };
        self.list(permit, request, query).await
    }

    /// Returns the key with its private key, by its id or identifier. Keys are not taken into custody. With `fail_on_change` only a
    /// key that is in force: not while a newer one has been sent to its target and is not proved.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::WrongKind`], [`VaultError::NoAccess`], [`VaultError::Inactive`];
    /// [`VaultError::BeingChanged`] with `fail_on_change`.
    pub async fn read_ssh_key(
        &self,
        permit: Permit,
        key: String,
        fail_on_change: bool,
    ) -> Result<ReadSshKey, VaultError> {
        let lookup = resolve::ssh_key_lookup(permit.principal(), &key);
        let at_once = move |context: &mut OperationContext<'_>, found| match seen_ssh_key(context, found) {
            Some(seen) => read_at_once(context, seen, fail_on_change).map(Some),
            None => Ok(None),
        };
        let query = move |context: &mut OperationContext<'_>| {
            let row = resolve::by_key(context, &key, CredentialKind::SshKey)?;
            let (row, device) = resolve::readable(context, row, Switchable::SshKey)?;
            let state = state(context, &row, &device)?;
            read(context, &row, state, fail_on_change)
        };
        let found = match self.reveal_found(&permit, lookup, at_once).await? {
            Some(found) => found,
            None => self.search(permit, query).await?,
        };
        let (ReadState { key, private, passphrase, etag }, recorded) = found;
        let password = self.unseal_optional(&recorded, passphrase.as_ref()).await?;
        // An empty passphrase was removed.
        let password = password.filter(|password| !password.is_empty());
        let private_key = self.unseal(&recorded, &private).await?;
        Ok(ReadSshKey { key, private_key, password, is_doubted: private.is_doubted(), etag })
    }

    /// Creates a key, or updates the one of that identifier; `save.rs` has the rule.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Invalid`], [`VaultError::NotFound`], [`VaultError::NoAccess`],
    /// [`VaultError::WrongKind`], [`VaultError::Inactive`].
    pub async fn save_ssh_key(
        &self,
        permit: Permit,
        input: SshKeyInput,
        identifiers: IdentifierPolicy,
    ) -> Result<SavedSshKey, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| save::save(context, &input, identifiers);
        let revalidate = |context: &mut OperationContext<'_>, saved: &SavedSshKey| {
            let row = credential::by_id(context.connection(), saved.id)?.ok_or(StoreError::NotFound)?;
            resolve::require_visible(context, row).map(drop)
        };
        self.execute_idempotent(permit, rule, revalidate).await.map(|(saved, _)| saved)
    }

    /// Deactivates a key.
    ///
    /// # Errors
    /// As for reading.
    pub async fn deactivate_ssh_key(&self, permit: Permit, key: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = resolve_for_change(context, &key)?;
            deactivate(context, &row, Switchable::SshKey)
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }

    /// Activates a key. Its device must be active.
    ///
    /// # Errors
    /// As for reading; [`VaultError::NotFound`] for the device.
    pub async fn activate_ssh_key(&self, permit: Permit, key: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = resolve_for_change(context, &key)?;
            activate(context, &row, Switchable::SshKey)
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

fn resolve_for_change(context: &mut OperationContext<'_>, key: &str) -> Result<Visible<CredentialRow>, VaultError> {
    let row = resolve::by_key(context, key, CredentialKind::SshKey)?;
    context.check_preconditions(Some(row.id), locked_etag)?;
    Ok(row)
}

fn state(context: &mut OperationContext<'_>, row: &CredentialRow, device: &DeviceRow) -> Result<State, VaultError> {
    let private = secrets::current(context, SecretOwner::SshPrivateKey(row.id))?;
    let passphrase = secrets::current(context, SecretOwner::SshPassphrase(row.id))?;
    let key = shown(context.connection(), KeyColumns::from((row, device)))?;
    Ok(state_of(context, row, device, key, [private, passphrase]))
}

/// Returns the state of a key with these secrets: its private key and its passphrase.
fn state_of(
    context: &OperationContext<'_>,
    row: &CredentialRow,
    device: &DeviceRow,
    key: SshKey,
    secrets: [Option<Sealed>; 2],
) -> State {
    let bindings = secrets.each_ref().map(|sealed| sealed.as_ref().map(Sealed::binding));
    let columns = (columns(row), devices::columns(device));
    let etag = context.etag("ssh-key", &(columns, &key.key_name, &key.public_key, &key.devices, bindings));
    let [private, passphrase] = secrets;
    State { key, private, passphrase, etag }
}

/// Returns the result of reading a key that a single statement found.
///
/// # Errors
/// As [`Vault::read_ssh_key`].
fn read_at_once(
    context: &mut OperationContext<'_>,
    seen: SeenSshKey,
    fail_on_change: bool,
) -> Result<Done<ReadState>, VaultError> {
    let SeenSshKey { row, device, key, private, passphrase } = seen;
    context.found(Subject::Credential(row.id));
    if !(row.active && device.active) {
        return Err(VaultError::Inactive(Switchable::SshKey));
    }
    let private = secrets::current_of(context, SecretOwner::SshPrivateKey(row.id), private)?;
    let passphrase = secrets::current_of(context, SecretOwner::SshPassphrase(row.id), passphrase)?;
    let key = key_of(KeyColumns::from((&*row, &device)), key, Vec::new());
    let state = state_of(context, &row, &device, key, [private, passphrase]);
    read(context, &row, state, fail_on_change)
}

/// Returns the result of reading a key, its secrets still sealed.
fn read(
    context: &mut OperationContext<'_>,
    row: &Visible<CredentialRow>,
    state: State,
    fail_on_change: bool,
) -> Result<Done<ReadState>, VaultError> {
    let State { key, private, passphrase, etag } = state;
    if fail_on_change && private.as_ref().is_some_and(Sealed::is_doubted) {
        return Err(VaultError::BeingChanged);
    }
    let subject = Subject::Credential(row.id);
    context.check_if_none_match(subject, &etag)?;
    context.note_view(row);
    Ok(Done::new(subject, ReadState { key, private: private.ok_or(StoreError::NotFound)?, passphrase, etag }))
}

/// Computes the ETag of a key and locks its row.
pub(super) fn locked_etag(context: &mut OperationContext<'_>, id: CredentialId) -> Result<Option<ETag>, VaultError> {
    let Some(row) = credential::locked(context.connection(), id)? else { return Ok(None) };
    let Some(device) = resolve::device_of(context, &row)? else { return Ok(None) };
    Ok(Some(state(context, &row, &device)?.etag))
}

fn shown(connection: &mut AnyConnection, key: KeyColumns) -> Result<SshKey, StoreError> {
    let row = ssh_key::find(connection, key.id)?.ok_or(StoreError::NotFound)?;
    let devices = key_devices(connection, key.id)?;
    Ok(key_of(key, row, devices))
}

fn key_of(key: KeyColumns, row: SshKeyRow, devices: Vec<KeyDevice>) -> SshKey {
    let SshKeyRow { key_name, public_key, .. } = row;
    SshKey {
        devices,
        facts: ssh_key_facts(&public_key),
        tags: comma_separated(&key.tags).map(String::from).collect(),
        id: key.id,
        identifier: key.identifier,
        username: key.username,
        key_name,
        hostname: key.hostname,
        ip: key.ip,
        public_key,
    }
}

fn key_devices(connection: &mut AnyConnection, credential: CredentialId) -> Result<Vec<KeyDevice>, StoreError> {
    let devices = ssh_key::devices(connection, credential)?;
    Ok(devices.into_iter().map(|(hostname, ip)| KeyDevice { hostname, ip }).collect())
}

/// Returns the device of that hostname if the client sees it.
fn device_by_hostname(
    context: &mut OperationContext<'_>,
    hostname: &str,
) -> Result<Option<Visible<DeviceRow>>, VaultError> {
    Ok(visible_devices(context, None, hostname)?.pop())
}
