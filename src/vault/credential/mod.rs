//! Credentials (contract, section 5): reading with custody, listing, saving, switching off and on.

mod batch;
pub(super) mod parent;
pub(super) mod resolve;
mod save;
mod settings;
mod using;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use batch::{BatchDone, BatchItem, LARGEST_BATCH};
pub use save::{CredentialInput, SavedCredential};
pub use settings::SettingsInput;
pub use using::{Candidate, UseInput, UsedCredential};

use super::listing::{ListRequest, Listed};
use super::secrets::{self, Sealed};
use super::{Action, Call, Object, StateTag, Vault, VaultError, Work, custody, device as devices};
use crate::clock::from_micros;
use crate::crypto::{SecretKind, SecretText, TotpCode, totp_code};
use crate::store::credential::{self, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::lookup::{self, LookupKind};
use crate::store::{AnyConnection, custody as store_custody, list as store_list};

/// A credential with its password, on its way to the client that holds it.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the contract, section 5.2")]
pub struct ReadCredential {
    pub id: i32,
    pub identifier: Option<String>,
    pub username: String,
    /// `None` when none has been stored yet. What a request did is kept without it (`once.rs`).
    #[serde(skip)]
    pub password: Option<SecretText>,
    pub hostname: String,
    pub ip: String,
    /// The port of the device's first connectivity, or empty.
    pub port: String,
    pub model: String,
    pub additional: String,
    pub domain: String,
    /// The number and username of the credential whose password it shares.
    pub parent: Option<(i32, String)>,
    /// When the client's custody runs out.
    pub held_until: Option<DateTime<Utc>>,
    /// The tag of its state.
    pub state_tag: StateTag,
}

/// A credential in a list: no secret.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in the contract, section 5.1")]
pub struct ListedCredential {
    pub id: i32,
    pub identifier: Option<String>,
    pub username: String,
    pub changed_at: DateTime<Utc>,
    pub viewed_at: Option<DateTime<Utc>>,
    pub hostname: String,
    pub management_ip: String,
    pub credential_type: String,
    /// The number of the type.
    pub type_code: i32,
    pub device_model: String,
    pub device_type: String,
    pub device_vendor: String,
    pub automatic_change: bool,
}

/// What a reading job hands out of its transaction: everything but the opened password.
#[derive(Serialize, Deserialize)]
struct Found {
    credential: ReadCredential,
    password: Option<Sealed>,
}

impl Vault {
    /// The active credentials that the client sees, oldest first.
    pub async fn list_credentials(
        &self,
        call: &Call,
        request: Result<ListRequest, VaultError>,
    ) -> Result<Listed<ListedCredential>, VaultError> {
        let query = |connection: &mut AnyConnection, call: &Call| Ok((list(connection, call, &request?)?, None));
        self.look(call, Action::CredentialList, query).await
    }

    /// The credential with its password. Puts it into the client's custody.
    ///
    /// # Errors
    /// [`VaultError::CredentialNotFound`], [`VaultError::NotACredential`], [`VaultError::NoAccess`],
    /// [`VaultError::CredentialInactive`].
    pub async fn read_credential(&self, call: &Call, key: String) -> Result<ReadCredential, VaultError> {
        let found = self.perform(call, Action::CredentialRead, move |work| read(work, &key)).await?;
        self.open_found(call, Action::CredentialRead, found).await
    }

    async fn open_found(&self, call: &Call, action: Action, found: Found) -> Result<ReadCredential, VaultError> {
        let password = match &found.password {
            Some(sealed) => Some(self.unseal(call, action, sealed).await?),
            None => None,
        };
        Ok(ReadCredential { password, ..found.credential })
    }

    /// The present one-time password of the credential. The seed stays in the vault.
    ///
    /// # Errors
    /// As for reading, and [`VaultError::TotpSeedMissing`], [`VaultError::TotpSeedUnusable`].
    pub async fn read_totp(&self, call: &Call, key: String) -> Result<CredentialTotp, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let (row, _) = resolve::readable_password(work, &key)?;
            custody::require_free(work, &row)?;
            let seed = secrets::current(work, SecretKind::TotpSeed, row.id)?.ok_or(VaultError::TotpSeedMissing)?;
            // Opened within the job: whether it is a seed at all decides the record. The code is made after the commit.
            let seed = seed.open(work.inner)?;
            totp_of(&seed, work.now)?;
            Ok((row.id, seed))
        };
        let (id, seed) = self.perform(call, Action::CredentialTotp, rule).await?;
        Ok(CredentialTotp { id, totp: totp_of(&seed, self.0.clock.now())? })
    }

    /// Creates the credential, or updates the one that the request names; the rule stands in `save.rs`.
    pub async fn save_credential(
        &self,
        call: &Call,
        input: Result<CredentialInput, VaultError>,
    ) -> Result<SavedCredential, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| save::save(work, input.as_ref().map_err(Clone::clone)?);
        self.perform_once(call, Action::CredentialSave, rule).await
    }

    /// Switches the credential off and ends its custodies.
    pub async fn deactivate_credential(&self, call: &Call, key: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &key)?;
            if !row.active {
                return Err(VaultError::CredentialInactive);
            }
            let now = work.micros();
            store_custody::end_all(work.connection(), row.id)?;
            Ok(credential::set_active(work.connection(), row.id, false, now)?)
        };
        self.perform(call, Action::CredentialDeactivate, rule).await
    }

    /// Switches the credential on. Its device has to be on: [`VaultError::DeviceNotFound`] otherwise.
    pub async fn activate_credential(&self, call: &Call, key: String) -> Result<(), VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = for_change(work, &key)?;
            if row.active {
                return Err(VaultError::CredentialAlreadyActive);
            }
            let device = device::share_locked(work.connection(), row.device_id)?.filter(|device| device.active);
            device.ok_or(VaultError::DeviceNotFound)?;
            let now = work.micros();
            Ok(credential::set_active(work.connection(), row.id, true, now)?)
        };
        self.perform(call, Action::CredentialActivate, rule).await
    }
}

/// The one-time password of a seed at `moment`.
fn totp_of(seed: &SecretText, moment: DateTime<Utc>) -> Result<TotpCode, VaultError> {
    totp_code(seed, moment).map_err(|_| VaultError::TotpSeedUnusable)
}

/// The present one-time password of a credential.
#[derive(Clone, Debug)]
pub struct CredentialTotp {
    /// The credential's number.
    pub id: i32,
    /// The code.
    pub totp: TotpCode,
}

fn list(
    connection: &mut AnyConnection,
    call: &Call,
    request: &ListRequest,
) -> Result<Listed<ListedCredential>, VaultError> {
    let codes: std::collections::HashMap<String, i32> =
        lookup::all(connection, LookupKind::CredentialType)?.into_iter().map(|value| (value.name, value.id)).collect();
    let listed = request.answer(
        |(row, _): &(CredentialRow, DeviceRow)| row.id,
        |filter, page| store_list::credentials(connection, call.client.id, None, filter, page),
    )?;
    Ok(listed.map(|(row, device)| ListedCredential {
        automatic_change: settings::changes_automatically(row.execution_settings.as_deref()),
        type_code: codes.get(&row.credential_type).copied().unwrap_or_default(),
        id: row.id,
        identifier: row.identifier,
        username: row.username,
        changed_at: from_micros(row.changed_at),
        viewed_at: row.viewed_at.map(from_micros),
        hostname: device.hostname,
        management_ip: device.ip,
        credential_type: row.credential_type,
        device_model: device.model,
        device_type: device.kind,
        device_vendor: device.vendor,
    }))
}

fn read(work: &mut Work<'_, '_>, key: &str) -> Result<Found, VaultError> {
    let (row, device) = resolve::readable_password(work, key)?;
    let id = row.id;
    let found = take_out(work, row, &device)?;
    work.call.unless_known(Object::Credential(id), &found.credential.state_tag)?;
    note_view(work, id)?;
    Ok(found)
}

fn note_view(work: &mut Work<'_, '_>, id: i32) -> Result<(), VaultError> {
    let now = work.micros();
    Ok(credential::set_viewed(work.connection(), id, now)?)
}

/// Takes a credential into custody, and with it all that a read shows.
fn take_out(work: &mut Work<'_, '_>, row: CredentialRow, device: &DeviceRow) -> Result<Found, VaultError> {
    let held_until = custody::take(work, &row)?;
    let State { parent, password, tag } = state(work, &row, device)?;
    let credential = ReadCredential {
        id: row.id,
        identifier: row.identifier,
        username: row.username,
        password: None,
        hostname: device.hostname.clone(),
        ip: device.ip.clone(),
        port: devices::first_port(&device.connectivities).into(),
        model: device.model.clone(),
        additional: row.additional,
        domain: row.domain,
        parent,
        held_until: held_until.map(from_micros),
        state_tag: tag,
    };
    Ok(Found { credential, password })
}

/// What a credential shows beside its own row and its device's, and the tag of it all.
struct State {
    parent: Option<(i32, String)>,
    password: Option<Sealed>,
    tag: StateTag,
}

fn state(work: &mut Work<'_, '_>, row: &CredentialRow, device: &DeviceRow) -> Result<State, VaultError> {
    let parent = match row.parent_id {
        Some(id) => credential::by_id(work.connection(), id)?.map(|parent| (parent.id, parent.username)),
        None => None,
    };
    let password = parent::shared_password(work, row)?;
    let tag = work.state_tag("credential", &(row, device, &parent, password.as_ref().map(Sealed::place)));
    Ok(State { parent, password, tag })
}

/// The tag of a credential's state, which stays what it is until the transaction ends.
pub(super) fn locked_state_tag(work: &mut Work<'_, '_>, id: i32) -> Result<Option<StateTag>, VaultError> {
    let Some(row) = credential::locked(work.connection(), id)? else { return Ok(None) };
    let Some(device) = resolve::device_of(work, &row)? else { return Ok(None) };
    Ok(Some(state(work, &row, &device)?.tag))
}

fn for_change(work: &mut Work<'_, '_>, key: &str) -> Result<CredentialRow, VaultError> {
    let row = resolve::visible_password(work, key)?;
    work.check_conditions(Some(row.id), locked_state_tag)?;
    Ok(row)
}

/// The record of a credential names it by number.
pub(super) fn object(row: &CredentialRow) -> Object {
    Object::Credential(row.id)
}

/// The device of `hostname` whose address is `ip`.
fn device_at(connection: &mut AnyConnection, hostname: &str, ip: &str) -> Result<Option<DeviceRow>, VaultError> {
    Ok(device::by_hostname(connection, hostname)?.filter(|device| device.ip == ip))
}
