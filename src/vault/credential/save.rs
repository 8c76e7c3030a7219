//! Creating or updating a credential. The rule is the user's own document ("Create or update a credential"):
//!
//! 1. The device of `hostname` and `ip` has to exist.
//! 2. With an identifier: the credential that has it is updated, its username too.
//! 3. Otherwise, or when no credential has that identifier: the credential of the username on the device is updated, and
//!    gets the identifier.
//! 4. Otherwise a credential is created.
//!
//! An update applies what was sent and leaves the rest. A credential that the client does not see is never updated and never
//! doubled: it is refused.

use serde::{Deserialize, Serialize};

use super::settings::{
    CredentialReference, SettingsGroup, SettingsInput, jit_changes, jit_from_row, merged, rotation_changes,
};
use super::{locked_etag, parent, resolve};
use crate::crypto::SecretText;
use crate::store::StoreError;
use crate::store::credential::{self, CredentialChanges, CredentialKind, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::id::CredentialId;
use crate::store::link::{self, LinkedObject};
use crate::store::lock::lock_name;
use crate::store::lookup::{self, LookupKind};
use crate::store::rotation;
use crate::vault::access::{Visible, require_tags_allowed};
use crate::vault::device::{self as devices, DeviceFields, checked_tags, known_domains, registered, required};
use crate::vault::identifier::IdentifierPolicy;
use crate::vault::operation::{Done, ETag, OperationContext, Subject};
use crate::vault::secrets::SecretOwner;
use crate::vault::{Field, Noun, Switchable, VaultError, custody, secrets};

/// The username of a credential that was created without one.
const DEFAULT_USERNAME: &str = "usr";
const DEFAULT_TYPE: &str = "Local User";

/// What a protocol decides about saving a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePolicy {
    /// Which identifiers it allows.
    pub identifiers: IdentifierPolicy,
    /// Whether a username has to be sent.
    pub username_required: bool,
    /// Whether just-in-time settings have to be complete.
    pub jit_complete: bool,
}

/// What a request does with the parent of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentChange {
    /// It removes the parent.
    Remove,
    /// It sets the parent.
    Set(CredentialId),
}

/// What is sent to create or update a credential. `None` is not sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in the contract, section 5.3")]
pub struct CredentialInput {
    pub identifier: Option<String>,
    pub username: Option<String>,
    pub content: Option<SecretText>,
    pub additional: Option<String>,
    pub tags: Option<String>,
    pub credential_type: Option<String>,
    pub domain: Option<String>,
    pub parent: Option<ParentChange>,
    /// Whether one client at a time may hold it.
    pub exclusive_custody: Option<bool>,
    pub hostname: Option<String>,
    pub ip: Option<String>,
    pub device: DeviceFields,
    pub settings: SettingsInput,
}

/// A saved credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCredential {
    /// Its id.
    pub id: CredentialId,
    /// Whether it is new.
    pub created: bool,
    /// Its identifier, as it now is.
    pub identifier: Option<String>,
    /// Its ETag, for a client that sends preconditions.
    pub etag: Option<ETag>,
}

impl CredentialInput {
    /// The identifier to search by; an empty one is none.
    fn key(&self) -> Option<&str> {
        self.identifier.as_deref().filter(|identifier| !identifier.is_empty())
    }

    /// The identifier to assign: the one in the settings, else the one to search by.
    fn assigned_identifier(&self) -> Option<&str> {
        self.settings.identifier.as_deref().or(self.key())
    }

    /// The username that was sent; an empty one is the default.
    fn sent_username(&self) -> Option<&str> {
        self.username.as_deref().map(|username| if username.is_empty() { DEFAULT_USERNAME } else { username })
    }

    /// The username to search by.
    fn searched_username(&self) -> &str {
        self.sent_username().unwrap_or(DEFAULT_USERNAME)
    }

    /// The password that was sent; an empty one is none.
    fn sent_content(&self) -> Option<&SecretText> {
        self.content.as_ref().filter(|content| !content.is_empty())
    }
}

pub(super) fn save(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    policy: SavePolicy,
) -> Result<Done<SavedCredential>, VaultError> {
    let device = checked_device(context, input, policy)?;
    let target = find_target(context, input, &device)?;
    require_reach(context, target.as_ref(), &device)?;
    if let (Some(row), Some(_)) = (&target, input.exclusive_custody) {
        // A client that holds it exclusively keeps it: no other client makes it shared meanwhile.
        custody::require_free(context, row)?;
    }
    context.check_preconditions(target.as_ref().map(|row| row.id), locked_etag)?;
    let credential_type = save_device_fields(context, input, &device)?;
    let references = resolve_references(context, &input.settings)?;
    let parent = parent::decide(context, target.as_deref(), input.parent, references.parent)?;
    let changes = changes(context, input, policy, credential_type, parent, target.as_deref(), &device)?;
    let parent = changes.parent_id.unwrap_or(target.as_ref().and_then(|row| row.parent_id));
    let (id, identifier) = write(context, target.as_deref(), &changes)?;
    let parent_before = target.as_ref().and_then(|row| row.parent_id);
    parent::store_password(context, id, parent_before, parent, input.sent_content())?;
    store_settings(context, id, input, &references)?;
    let etag = context.etag_after(id, locked_etag)?;
    let saved = SavedCredential { id, created: target.is_none(), identifier, etag };
    Ok(Done::new(Subject::Credential(id), saved))
}

/// Confirms the right to the stored result of a save.
pub(super) fn revalidate(context: &mut OperationContext<'_>, saved: &SavedCredential) -> Result<(), VaultError> {
    let row = credential::by_id(context.connection(), saved.id)?.ok_or(StoreError::NotFound)?;
    resolve::require_visible(context, row).map(drop)
}

/// Checks the required fields, and finds the device of the request.
fn checked_device(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    policy: SavePolicy,
) -> Result<DeviceRow, VaultError> {
    let hostname = required(&input.hostname, Field::Hostname)?;
    let ip = required(&input.ip, Field::Ip)?;
    if policy.username_required && input.username.is_none() {
        return Err(VaultError::Missing(Field::Username));
    }
    for name in [input.key(), input.assigned_identifier()].into_iter().flatten() {
        policy.identifiers.check(name)?;
    }
    let device = resolve::device_at(context, hostname, ip)?.ok_or(VaultError::NotFound(Noun::Device))?;
    // Locked, so that it is not deactivated before this transaction ends.
    resolve::locked_device(context, device.id)?.ok_or(VaultError::NotFound(Noun::Device))
}

/// Finds the credential that the request means, and locks it.
fn find_target(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    device: &DeviceRow,
) -> Result<Option<Visible<CredentialRow>>, VaultError> {
    lock_names(context, input, device)?;
    let by_identifier = match input.key() {
        Some(identifier) => credential::by_identifier(context.connection(), identifier)?,
        None => None,
    };
    let found = match by_identifier {
        Some(row) => Some(row),
        None => {
            let (username, kind) = (input.searched_username(), CredentialKind::Password);
            credential::by_username(context.connection(), device.id, username, kind)?
        }
    };
    let Some(row) = found else { return Ok(None) };
    context.found(Subject::Credential(row.id));
    if row.kind() != CredentialKind::Password {
        return Err(VaultError::WrongKind(Noun::Credential));
    }
    let row = credential::locked(context.connection(), row.id)?.ok_or(StoreError::NotFound)?;
    resolve::require_visible(context, row).map(Some)
}

/// Locks every name that the rule searches for, or may take.
fn lock_names(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    device: &DeviceRow,
) -> Result<(), VaultError> {
    for identifier in [input.key(), input.assigned_identifier()].into_iter().flatten() {
        lock_name(context.connection(), &format!("identifier/{identifier}"))?;
    }
    let name = format!("username/{}/{}", device.id, input.searched_username());
    Ok(lock_name(context.connection(), &name)?)
}

/// Requires that the client sees the device on which it puts a credential. An active credential never comes to stand on an
/// inactive device.
fn require_reach(
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

/// Saves the fields that are the device's, and returns the type of the credential.
///
/// `type` is the device's. One published client puts the credential's type there: a known credential type in `type`, with no
/// `credential_type` beside it, is taken as that (contract, section 5.3). An empty field changes nothing, since credential
/// forms send all of them.
fn save_device_fields(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    device: &DeviceRow,
) -> Result<Option<String>, VaultError> {
    let non_empty = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    let mut credential_type = input.credential_type.clone();
    let sent = &input.device;
    let mut device_type = non_empty(&sent.device_type);
    let is_unset = credential_type.as_deref().is_none_or(str::is_empty);
    if let (true, Some(kind)) = (is_unset, &device_type)
        && lookup::find(context.connection(), LookupKind::CredentialType, kind)?.is_some()
    {
        credential_type = device_type.take();
    }
    let fields = DeviceFields {
        device_type,
        vendor: non_empty(&sent.vendor),
        model: non_empty(&sent.model),
        site: non_empty(&sent.site),
        domains: non_empty(&sent.domains),
        tags: non_empty(&sent.tags),
        connectivities: non_empty(&sent.connectivities),
        session_remote_config: non_empty(&sent.session_remote_config),
    };
    let changes = devices::changes(context, &fields, &device.tags)?;
    if !changes.is_empty() {
        devices::require_visible(context, device.clone())?;
        let now = context.micros();
        device::update(context.connection(), device.id, &changes, now)?;
    }
    Ok(credential_type)
}

/// Computes the columns that the request writes.
fn changes(
    context: &mut OperationContext<'_>,
    input: &CredentialInput,
    policy: SavePolicy,
    credential_type: Option<String>,
    parent: Option<Option<CredentialId>>,
    target: Option<&CredentialRow>,
    device: &DeviceRow,
) -> Result<CredentialChanges, VaultError> {
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
    require_tags_allowed(context, Field::Tags, target.map_or("", |row| &row.tags), tags.as_deref())?;
    let default_username = creating.then_some(DEFAULT_USERNAME);
    let default_type = creating.then(|| DEFAULT_TYPE.to_string());
    Ok(CredentialChanges {
        device_id: Some(device.id),
        username: free_username(context, input.sent_username().or(default_username), target, device)?,
        identifier: free_identifier(context, input, policy, target)?,
        credential_type: registered(context, LookupKind::CredentialType, &credential_type)?.or(default_type),
        additional: input.additional.clone(),
        tags,
        domain: input.domain.as_deref().map(|name| known_domains(context, name)).transpose()?,
        parent_id: parent,
        session_settings: merge(
            settings.session.as_ref().map(|session| &session.members),
            stored(|row| &row.session_settings),
        ),
        additional_settings: merge(settings.additional.as_ref(), stored(|row| &row.additional_settings)),
        exclusive_custody: input.exclusive_custody,
    })
}

/// Writes the row, and returns its id and identifier.
fn write(
    context: &mut OperationContext<'_>,
    target: Option<&CredentialRow>,
    changes: &CredentialChanges,
) -> Result<(CredentialId, Option<String>), VaultError> {
    let now = context.micros();
    let identifier = changes.identifier.clone();
    if let Some(row) = target {
        credential::update(context.connection(), row.id, changes, now)?;
        return Ok((row.id, identifier.or(row.identifier.clone())));
    }
    let authorization = context.authorization()?;
    let id = credential::insert(context.connection(), CredentialKind::Password, changes, now)?;
    link::insert(context.connection(), authorization, LinkedObject::Credential(id))?;
    Ok((id, identifier))
}

/// Stores the settings that have tables of their own: rotation, just-in-time access, secrets.
fn store_settings(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    input: &CredentialInput,
    references: &References,
) -> Result<(), VaultError> {
    let settings = &input.settings;
    if let Some(sent) = &settings.rotation {
        let changes = rotation_changes(sent, references.authentication, references.reconciliation);
        rotation::store(context.connection(), id, &changes)?;
    }
    if let Some(sent) = &settings.jit {
        rotation::store_jit(context.connection(), id, &jit_changes(sent, references.jit_authentication))?;
    }
    for (owner, secret) in [
        (SecretOwner::TotpSeed(id), &settings.totp_seed),
        (SecretOwner::AuthenticationFields(id), &settings.authentication_fields),
        (SecretOwner::Notes(id), &settings.notes),
    ] {
        if let Some(secret) = secret {
            secrets::store(context, owner, secret)?;
        }
    }
    Ok(())
}

/// Returns the username to write, which no other credential of the device may have.
fn free_username(
    context: &mut OperationContext<'_>,
    username: Option<&str>,
    target: Option<&CredentialRow>,
    device: &DeviceRow,
) -> Result<Option<String>, VaultError> {
    let written = username.or(target.map(|row| row.username.as_str())).ok_or(StoreError::NotFound)?;
    if target.is_some_and(|row| row.device_id == device.id && row.username == written) {
        return Ok(None);
    }
    let holder = credential::by_username(context.connection(), device.id, written, CredentialKind::Password)?;
    match holder {
        Some(holder) if target.is_none_or(|row| row.id != holder.id) => {
            Err(VaultError::invalid(Field::Username, "another credential of this device has it"))
        }
        _ => Ok(username.map(String::from)),
    }
}

/// Returns the identifier to write, which no other credential may have.
fn free_identifier(
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
    match credential::by_identifier(context.connection(), identifier)? {
        Some(holder) if target.is_none_or(|row| row.id != holder.id) => {
            Err(VaultError::invalid(Field::Identifier, "another credential has it"))
        }
        _ => Ok(Some(identifier.into())),
    }
}

/// The ids of the credentials that the settings name.
#[derive(Default)]
struct References {
    parent: Option<CredentialId>,
    authentication: Option<CredentialId>,
    reconciliation: Option<CredentialId>,
    jit_authentication: Option<CredentialId>,
}

/// Resolves every credential that the settings name. Each has to exist and be visible.
fn resolve_references(context: &mut OperationContext<'_>, settings: &SettingsInput) -> Result<References, VaultError> {
    let mut id = |reference: Option<&CredentialReference>| {
        reference.map(|reference| Ok::<_, VaultError>(resolve::referenced(context, reference)?.id)).transpose()
    };
    let mut references = References::default();
    if let Some(rotation) = &settings.rotation {
        references.authentication = id(rotation.authentication.as_ref())?;
        references.reconciliation = id(rotation.reconciliation.as_ref())?;
        references.parent = id(rotation.parent.as_ref())?;
    }
    if let Some(session) = &settings.session {
        id(session.authentication.as_ref())?;
    }
    if let Some(jit) = &settings.jit {
        references.jit_authentication = id(jit.authentication.as_ref())?;
    }
    Ok(references)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nested_identifier_is_assigned_and_the_outer_one_searched() {
        let input = CredentialInput {
            identifier: Some("outer".into()),
            settings: SettingsInput { identifier: Some("inner".into()), ..Default::default() },
            ..Default::default()
        };
        assert_eq!((input.key(), input.assigned_identifier()), (Some("outer"), Some("inner")));
        let input = CredentialInput { identifier: Some(String::new()), ..Default::default() };
        assert_eq!((input.key(), input.assigned_identifier()), (None, None));
    }
}
