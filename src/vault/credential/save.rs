//! Creating or updating a credential. The rule is the user's own document (seed "Create or update a credential"):
//!
//! 1. The device of `hostname` and `ip` has to exist.
//! 2. With an identifier: the credential that has it is updated, its username too.
//! 3. Otherwise, or when nobody has that identifier: the credential of the username on the device is updated, and
//!    gets the identifier.
//! 4. Otherwise a credential is created.
//!
//! An update applies what was sent and leaves the rest. A credential that the client does not see is never updated
//! and never doubled: it is refused.

use super::settings::{self, Group, SettingsInput};
use serde::{Deserialize, Serialize};

use super::{device_at, locked_state_tag, object, parent, resolve};
use crate::crypto::{SecretKind, SecretText};
use crate::store::claim::claim;
use crate::store::credential::{self, CredentialChanges, CredentialKind, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::link::{self, LinkedKind};
use crate::store::lookup::{self, LookupKind};
use crate::store::{StoreError, visibility};
use crate::vault::device::{DeviceFields, changes_of, known_domains, registered, required};
use crate::vault::{Dialect, InvalidInput, Object, StateTag, VaultError, Work, custody, identifier, secrets};

/// The username of a credential that was created without one.
const DEFAULT_USERNAME: &str = "usr";
const DEFAULT_TYPE: &str = "Local User";

/// What a client sends to create or update a credential. `None` is not sent.
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
    pub parent_password: Option<i32>,
    /// Whether one client at a time may hold it; not in the contract.
    pub exclusive_custody: Option<bool>,
    pub hostname: Option<String>,
    pub ip: Option<String>,
    pub device: DeviceFields,
    pub settings: SettingsInput,
}

/// A credential after it was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCredential {
    /// Its number.
    pub id: i32,
    /// Whether it is new.
    pub created: bool,
    /// Its identifier, as it now is.
    pub identifier: Option<String>,
    /// The tag of its state, for a call that has conditions.
    pub state_tag: Option<StateTag>,
}

impl CredentialInput {
    /// The identifier to search by; an empty one is none.
    fn key(&self) -> Option<&str> {
        self.identifier.as_deref().filter(|identifier| !identifier.is_empty())
    }

    /// The identifier to assign: the one in the additional settings, else the one to search by.
    fn assigned_identifier(&self) -> Option<&str> {
        self.settings.identifier.as_deref().or(self.key())
    }

    /// The username that was sent; an empty one is the default.
    fn sent_username(&self) -> Option<&str> {
        self.username.as_deref().map(|username| if username.is_empty() { DEFAULT_USERNAME } else { username })
    }

    /// The password that was sent; an empty one is none.
    fn sent_content(&self) -> Option<&SecretText> {
        self.content.as_ref().filter(|content| !content.is_empty())
    }
}

pub(super) fn save(work: &mut Work<'_, '_>, input: &CredentialInput) -> Result<SavedCredential, VaultError> {
    let hostname = required(&input.hostname, VaultError::HostnameMissing)?;
    let ip = required(&input.ip, VaultError::IpMissing)?;
    if work.call.dialect == Dialect::Modern && input.username.is_none() {
        return Err(VaultError::UsernameMissing);
    }
    for name in [input.key(), input.assigned_identifier()].into_iter().flatten() {
        identifier::check(name, work.call.dialect)?;
    }
    let device = device_at(work.connection(), hostname, ip)?.ok_or(VaultError::DeviceNotFound)?;
    let device = device::share_locked(work.connection(), device.id)?.ok_or(VaultError::DeviceNotFound)?;
    let target = find_target(work, input, &device)?;
    check_reach(work, target.as_ref(), &device)?;

    if let (Some(row), Some(_)) = (&target, input.exclusive_custody) {
        // Who holds it exclusively keeps it: nobody else makes it shared meanwhile.
        custody::require_free(work, row)?;
    }
    work.check_conditions(target.as_ref().map(|row| row.id), locked_state_tag)?;
    let fields = device_fields(work, input)?;
    update_device(work, &device, &fields.device)?;
    let changes = changes(work, input, fields.credential_type, target.as_ref(), &device)?;
    let parent = changes.parent_id.unwrap_or(target.as_ref().and_then(|row| row.parent_id));
    let identifier = changes.identifier.clone();
    let now = work.micros();
    let created = target.is_none();
    let (id, identifier) = match &target {
        Some(row) => {
            credential::update(work.connection(), row.id, &changes, now)?;
            (row.id, identifier.or(row.identifier.clone()))
        }
        None => {
            let id = credential::insert(work.connection(), CredentialKind::Password, &changes, now)?;
            let authorization = work.authorization();
            work.touches(Object::Credential(id));
            link::insert(work.connection(), authorization, LinkedKind::Credential, id)?;
            (id, identifier)
        }
    };
    let parent_before = target.as_ref().and_then(|row| row.parent_id);
    parent::store_password(work, id, parent_before, parent, input.sent_content())?;
    for (kind, secret) in [
        (SecretKind::TotpSeed, &input.settings.totp_seed),
        (SecretKind::AuthenticationFields, &input.settings.authentication_fields),
        (SecretKind::Notes, &input.settings.notes),
    ] {
        if let Some(secret) = secret {
            secrets::put(work, kind, id, secret)?;
        }
    }
    Ok(SavedCredential { id, created, identifier, state_tag: work.state_tag_after(id, locked_state_tag)? })
}

/// The credential that the request means, held against changes by others.
fn find_target(
    work: &mut Work<'_, '_>,
    input: &CredentialInput,
    device: &DeviceRow,
) -> Result<Option<CredentialRow>, VaultError> {
    claim_names(work, input, device)?;
    let by_identifier = match input.key() {
        Some(identifier) => credential::by_identifier(work.connection(), identifier)?,
        None => None,
    };
    let found = match by_identifier {
        Some(row) => Some(row),
        None => {
            let username = input.sent_username().unwrap_or(DEFAULT_USERNAME);
            credential::by_username(work.connection(), device.id, username, CredentialKind::Password)?
        }
    };
    let Some(row) = found else { return Ok(None) };
    work.touches(object(&row));
    if row.kind() != CredentialKind::Password {
        return Err(VaultError::NotACredential);
    }
    Ok(credential::locked(work.connection(), row.id)?)
}

/// Claims every name that the rule looks for, or may take.
fn claim_names(work: &mut Work<'_, '_>, input: &CredentialInput, device: &DeviceRow) -> Result<(), VaultError> {
    for identifier in [input.key(), input.assigned_identifier()].into_iter().flatten() {
        claim(work.connection(), &format!("identifier/{identifier}"))?;
    }
    let username = input.sent_username().unwrap_or(DEFAULT_USERNAME);
    Ok(claim(work.connection(), &format!("username/{}/{username}", device.id))?)
}

/// Whether the client may save this credential on this device: it sees the credential that it updates, and the device
/// that it puts one on. An active credential never comes to stand on an inactive device.
fn check_reach(work: &mut Work<'_, '_>, target: Option<&CredentialRow>, device: &DeviceRow) -> Result<(), VaultError> {
    if let Some(row) = target {
        resolve::require_visible(work, row)?;
        if row.device_id == device.id {
            return Ok(());
        }
    }
    require_device(work, device)?;
    match device.active || target.is_some_and(|row| !row.active) {
        true => Ok(()),
        false => Err(VaultError::DeviceInactive),
    }
}

fn require_device(work: &mut Work<'_, '_>, device: &DeviceRow) -> Result<(), VaultError> {
    let authorization = work.authorization();
    match visibility::sees_device(work.connection(), authorization, device.id)? {
        true => Ok(()),
        false => Err(VaultError::DeviceNotFound),
    }
}

/// Which of the parameters are the device's, and which the credential's.
struct Fields {
    device: DeviceFields,
    credential_type: Option<String>,
}

/// `type` is the device's. One published client puts the credential's type there: a known credential type in `type`,
/// with no `credential_type` beside it, is taken as that (contract, section 5.3).
fn device_fields(work: &mut Work<'_, '_>, input: &CredentialInput) -> Result<Fields, VaultError> {
    let mut fields = Fields { device: input.device.clone(), credential_type: input.credential_type.clone() };
    let unsaid = fields.credential_type.as_deref().is_none_or(str::is_empty);
    if let (true, Some(kind)) = (unsaid, &fields.device.kind)
        && lookup::find(work.connection(), LookupKind::CredentialType, kind)?.is_some()
    {
        fields.credential_type = fields.device.kind.take();
    }
    Ok(fields)
}

/// Applies the device's parameters. Here an empty one says nothing, since credential forms send all of them.
fn update_device(work: &mut Work<'_, '_>, device: &DeviceRow, sent: &DeviceFields) -> Result<(), VaultError> {
    let said = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    let fields = DeviceFields {
        kind: said(&sent.kind),
        vendor: said(&sent.vendor),
        model: said(&sent.model),
        site: said(&sent.site),
        domains: said(&sent.domains),
        tags: said(&sent.tags),
        connectivities: said(&sent.connectivities),
        session_remote_config: said(&sent.session_remote_config),
    };
    let changes = changes_of(work, &fields)?;
    if changes.is_empty() {
        return Ok(());
    }
    require_device(work, device)?;
    let now = work.micros();
    Ok(device::update(work.connection(), device.id, &changes, now)?)
}

/// The columns that the request writes.
fn changes(
    work: &mut Work<'_, '_>,
    input: &CredentialInput,
    credential_type: Option<String>,
    target: Option<&CredentialRow>,
    device: &DeviceRow,
) -> Result<CredentialChanges, VaultError> {
    let creating = target.is_none();
    let settings = &input.settings;
    let named_parent = check_references(work, settings)?;
    let stored = |column: fn(&CredentialRow) -> &Option<String>| target.and_then(|row| column(row).as_deref());
    let jit = settings.jit.as_ref().map(|sent| settings::merged(stored(|row| &row.jit_settings), sent));
    if let (Dialect::Modern, Some(jit)) = (work.call.dialect, &jit) {
        settings::check_jit(jit)?;
    }
    let merge =
        |sent: &Option<Group>, stored: Option<&str>| sent.as_ref().map(|sent| text(&settings::merged(stored, sent)));
    let default_username = creating.then_some(DEFAULT_USERNAME);
    let default_type = creating.then(|| DEFAULT_TYPE.to_string());
    Ok(CredentialChanges {
        device_id: Some(device.id),
        username: free_username(work, input.sent_username().or(default_username), target, device)?,
        identifier: free_identifier(work, input, target)?,
        credential_type: registered(work, LookupKind::CredentialType, &credential_type)?.or(default_type),
        additional: input.additional.clone(),
        tags: input.tags.clone(),
        domain: input.domain.as_deref().map(|name| known_domains(work, name)).transpose()?,
        parent_id: parent::decide(work, target, input.parent_password, named_parent)?,
        execution_settings: merge(&settings.execution, stored(|row| &row.execution_settings)),
        session_settings: merge(&settings.session, stored(|row| &row.session_settings)),
        additional_settings: merge(&settings.additional, stored(|row| &row.additional_settings)),
        jit_settings: jit.as_ref().map(text),
        exclusive_custody: input.exclusive_custody,
    })
}

fn text(group: &Group) -> String {
    serde_json::Value::Object(group.clone()).to_string()
}

/// The username to write, which no other credential of the device may have.
fn free_username(
    work: &mut Work<'_, '_>,
    username: Option<&str>,
    target: Option<&CredentialRow>,
    device: &DeviceRow,
) -> Result<Option<String>, VaultError> {
    let written = username.or(target.map(|row| row.username.as_str())).ok_or(StoreError::NotFound)?;
    if target.is_some_and(|row| row.device_id == device.id && row.username == written) {
        return Ok(None);
    }
    let holder = credential::by_username(work.connection(), device.id, written, CredentialKind::Password)?;
    match holder {
        Some(holder) if target.is_none_or(|row| row.id != holder.id) => {
            Err(InvalidInput::parameter("username", "another credential of this device has it"))
        }
        _ => Ok(username.map(String::from)),
    }
}

/// The identifier to write, which no other credential may have. The modern dialect gives one to whoever sends none.
fn free_identifier(
    work: &mut Work<'_, '_>,
    input: &CredentialInput,
    target: Option<&CredentialRow>,
) -> Result<Option<String>, VaultError> {
    let Some(identifier) = input.assigned_identifier() else {
        let given = target.is_none() && work.call.dialect == Dialect::Modern;
        return Ok(given.then(|| uuid::Uuid::now_v7().to_string()));
    };
    if target.is_some_and(|row| row.identifier.as_deref() == Some(identifier)) {
        return Ok(None);
    }
    match credential::by_identifier(work.connection(), identifier)? {
        Some(holder) if target.is_none_or(|row| row.id != holder.id) => {
            Err(InvalidInput::parameter("identifier", "another credential has it"))
        }
        _ => Ok(Some(identifier.into())),
    }
}

/// Every credential that the settings name has to exist and be visible. Gives the parent that they name.
fn check_references(work: &mut Work<'_, '_>, settings: &SettingsInput) -> Result<Option<i32>, VaultError> {
    let groups = [
        (&settings.execution, ["authentication", "reconciliation"].as_slice()),
        (&settings.session, &["authentication"]),
        (&settings.jit, &["authentication"]),
    ];
    for (group, roles) in groups {
        for role in roles {
            if let Some((username, hostname, ip)) = group.as_ref().and_then(|group| settings::reference(group, role)) {
                resolve::referenced(work, &username, &hostname, &ip)?;
            }
        }
    }
    match settings.execution.as_ref().and_then(|group| settings::reference(group, "parent")) {
        Some((username, hostname, ip)) => Ok(Some(resolve::referenced(work, &username, &hostname, &ip)?.id)),
        None => Ok(None),
    }
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
