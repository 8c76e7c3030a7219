//! Credentials (contract, section 5): reading with custody, listing, saving, deactivating and activating.

mod batch;
mod change_time;
mod composite;
mod etag;
mod input;
mod list;
mod metadata;
pub(super) mod parent;
mod readable;
pub(super) mod resolve;
mod save;
mod settings;
mod stored_settings;
mod target;
mod totp;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use batch::{BatchItem, BatchResult, MAX_BATCH_ITEMS};
pub(super) use change_time::ChangeTime;
pub use composite::{Candidate, UseInput, UsedCredential};
pub(super) use etag::{columns, locked_etag};
pub use input::{CredentialInput, ParentChange, SavePolicy, SavedCredential};
pub use list::ListedCredential;
pub use metadata::{CredentialMetadata, Criticality, MetadataPage, MetadataSelection, Owner, Represented};
use readable::Readable;
pub(super) use save::save;
pub use settings::{
    CredentialReference, JIT_STEPS, JitSettings, JitStep, ReferenceChange, RotationSettings, SessionSettings,
    SettingsGroup, SettingsInput,
};

pub(super) use stored_settings::save_rotation;

use super::access::Visible;
use super::operation::{Done, ETag, OperationContext, Permit, Subject};
use super::pagination::{List, ListRequest};
use super::secrets::Sealed;
use super::{Noun, Switchable, Vault, VaultError, custody, device as devices, jit, ssh_key};
use crate::clock::from_micros;
use crate::crypto::{SecretText, TotpCode};
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::custody as custody_store;
use crate::store::device;
use crate::store::id::CredentialId;

/// A credential with its password, for the client that holds it.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the contract, section 5.2")]
pub struct ReadCredential {
    pub id: CredentialId,
    pub identifier: Option<String>,
    pub username: String,
    /// The password; `None` when none is stored yet. Not part of stored results of requests.
    #[serde(skip)]
    pub password: Option<SecretText>,
    /// Whether a newer password may be in force, since its change on the target was not proved.
    #[serde(skip)]
    pub is_password_doubted: bool,
    pub hostname: String,
    pub ip: String,
    /// The port of the device's first connectivity, or empty.
    pub port: String,
    pub model: String,
    pub additional: String,
    pub domain: String,
    /// The id and username of the credential whose password it shares, if the client sees it.
    pub parent: Option<(CredentialId, String)>,
    /// Expiry of the client's custody.
    pub held_until: Option<DateTime<Utc>>,
    /// Its ETag.
    pub etag: ETag,
}

/// The current one-time password of a credential.
#[derive(Clone, Debug)]
pub struct CredentialTotp {
    /// The credential's id.
    pub id: CredentialId,
    /// The code.
    pub totp: TotpCode,
}

/// A credential with its password still sealed, as a transaction returns it.
#[derive(Serialize, Deserialize)]
struct SealedCredential {
    credential: ReadCredential,
    password: Option<Sealed>,
}

impl Vault {
    /// Lists the active credentials that the client sees, oldest first.
    pub async fn list_credentials(
        &self,
        permit: Permit,
        request: ListRequest,
    ) -> Result<List<ListedCredential>, VaultError> {
        let query = |context: &mut OperationContext<'_>, request: &ListRequest| {
            Ok(Done::new(Subject::Collection, list::list(context, request)?))
        };
        self.list(permit, request, query).await
    }

    /// Returns the credential with its password, and takes it into the client's custody. With `fail_on_change` only a password
    /// that is in force: not while a newer one has been sent to its target and is not proved.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::WrongKind`], [`VaultError::NoAccess`], [`VaultError::Inactive`],
    /// [`VaultError::Ambiguous`]; [`VaultError::BeingChanged`] with `fail_on_change`; [`VaultError::AccountNotMade`].
    pub async fn read_credential(
        &self,
        permit: Permit,
        key: String,
        fail_on_change: bool,
    ) -> Result<ReadCredential, VaultError> {
        let read = async || self.read_existing(permit.clone(), key.clone(), fail_on_change).await;
        self.with_account(&permit, read).await
    }

    /// As [`Vault::read_credential`], of an account that exists.
    async fn read_existing(
        &self,
        permit: Permit,
        key: String,
        fail_on_change: bool,
    ) -> Result<ReadCredential, VaultError> {
        let lookup = resolve::password_lookup(permit.principal(), &key);
        let at_once = move |context: &mut OperationContext<'_>, found| match Readable::at_once(context, found)? {
            Some(readable) => shown_if_held(context, readable.in_force(fail_on_change)?),
            None => Ok(None),
        };
        let rule = move |context: &mut OperationContext<'_>| {
            let readable = Readable::locked_by_key(context, &key)?.in_force(fail_on_change)?;
            taken(context, readable)
        };
        let (found, recorded) = self.reveal_or_execute(permit, lookup, at_once, rule).await?;
        self.unseal_credential(&recorded, found).await
    }

    async fn unseal_credential(
        &self,
        recorded: &super::operation::Recorded,
        found: SealedCredential,
    ) -> Result<ReadCredential, VaultError> {
        let is_password_doubted = found.password.as_ref().is_some_and(Sealed::is_doubted);
        let password = self.unseal_optional(recorded, found.password.as_ref()).await?;
        Ok(ReadCredential { password, is_password_doubted, ..found.credential })
    }

    /// Returns the current one-time password of the credential. The seed stays in the vault.
    ///
    /// # Errors
    /// As for reading; [`VaultError::NotFound`] without a seed; [`VaultError::WrongKind`] for an invalid seed.
    pub async fn read_totp(&self, permit: Permit, key: String) -> Result<CredentialTotp, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let (row, _) = resolve::locked_readable_by_key(context, &key)?;
            custody::require_free(context, &row)?;
            // Opened within the transaction, since an invalid seed is recorded as a refusal. The code is computed afterwards.
            let (_, seed) = totp::current_seed(context, row.id)?.ok_or(VaultError::NotFound(Noun::TotpSeed))?;
            totp::totp(&seed, context.now())?;
            Ok(Done::new(Subject::Credential(row.id), (row.id, seed)))
        };
        let ((id, seed), _) = self.execute(permit, rule).await?;
        Ok(CredentialTotp { id, totp: totp::totp(&seed, self.0.clock.now())? })
    }

    /// Creates a credential, or updates the one that the request names; `save.rs` has the rule.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Invalid`], [`VaultError::NotFound`], [`VaultError::NoAccess`],
    /// [`VaultError::WrongKind`], [`VaultError::Inactive`].
    pub async fn save_credential(
        &self,
        permit: Permit,
        input: CredentialInput,
        policy: SavePolicy,
    ) -> Result<SavedCredential, VaultError> {
        let account = target::account_of_ticket(permit.principal(), &input);
        let rule = move |context: &mut OperationContext<'_>| save::save(context, &input, policy);
        self.execute_idempotent_on(permit, account, rule, save::revalidate).await.map(|(saved, _)| saved)
    }

    /// Deactivates a credential and ends its custodies.
    ///
    /// # Errors
    /// As for reading.
    pub async fn deactivate_credential(&self, permit: Permit, key: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = resolve_for_change(context, &key, CredentialKind::Password)?;
            deactivate(context, &row, Switchable::Credential)
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }

    /// Activates a credential. Its device must be active.
    ///
    /// # Errors
    /// As for reading; [`VaultError::NotFound`] for the device.
    pub async fn activate_credential(&self, permit: Permit, key: String) -> Result<(), VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = resolve_for_change(context, &key, CredentialKind::Password)?;
            activate(context, &row, Switchable::Credential)
        };
        self.execute(permit, rule).await.map(|((), _)| ())
    }
}

/// Deactivates a credential or SSH key.
///
/// # Errors
/// [`VaultError::Inactive`].
pub(super) fn deactivate(
    context: &mut OperationContext<'_>,
    row: &Visible<CredentialRow>,
    noun: Switchable,
) -> Result<Done<()>, VaultError> {
    if !row.active {
        return Err(VaultError::Inactive(noun));
    }
    let now = context.micros();
    credential::set_active(context.connection(), row.id, false, now)?;
    custody_store::end_all(context.connection(), row.id)?;
    jit::custody_ended(context, row.id)?;
    Ok(Done::new(Subject::Credential(row.id), ()))
}

/// Activates a credential or SSH key on an active device.
///
/// # Errors
/// [`VaultError::AlreadyActive`]; [`VaultError::NotFound`] for the device.
pub(super) fn activate(
    context: &mut OperationContext<'_>,
    row: &Visible<CredentialRow>,
    noun: Switchable,
) -> Result<Done<()>, VaultError> {
    if row.active {
        return Err(VaultError::AlreadyActive(noun));
    }
    let device = device::key_share_locked(context.connection(), row.device_id)?;
    if !device.is_some_and(|device| device.active) {
        return Err(VaultError::NotFound(Noun::Device));
    }
    let now = context.micros();
    credential::set_active(context.connection(), row.id, true, now)?;
    Ok(Done::new(Subject::Credential(row.id), ()))
}

/// Returns the result of reading a credential that the client holds already. `None` if it does not.
fn shown_if_held(
    context: &mut OperationContext<'_>,
    readable: Readable,
) -> Result<Option<Done<SealedCredential>>, VaultError> {
    let held_until = custody::already_held(context, &readable.row, readable.custody);
    held_until.map(|held_until| shown(context, readable, held_until)).transpose()
}

/// Takes a credential into the client's custody, and returns the result of reading it.
fn taken(context: &mut OperationContext<'_>, readable: Readable) -> Result<Done<SealedCredential>, VaultError> {
    let held_until = custody::take_or_keep(context, &readable.row, readable.custody)?;
    shown(context, readable, held_until)
}

/// Returns the result of reading a credential in the client's custody, still sealed.
fn shown(
    context: &mut OperationContext<'_>,
    readable: Readable,
    held_until: Option<i64>,
) -> Result<Done<SealedCredential>, VaultError> {
    let Readable { row, device, custody: _, password } = readable;
    let etag::State { parent, etag } = etag::state(context, &row, &device, password.as_ref())?;
    let subject = Subject::Credential(row.id);
    context.check_if_none_match(subject, &etag)?;
    context.note_view(&row);
    let row = row.into_inner();
    let credential = ReadCredential {
        id: row.id,
        identifier: row.identifier,
        username: row.username,
        password: None,
        is_password_doubted: false,
        hostname: device.hostname.clone(),
        ip: device.ip.clone(),
        port: devices::first_port(&device.connectivities).into(),
        model: device.model.clone(),
        additional: row.additional,
        domain: row.domain,
        parent,
        held_until: held_until.map(from_micros),
        etag,
    };
    Ok(Done::new(subject, SealedCredential { credential, password }))
}

/// Locks the credential or SSH key of a key in a path, and checks the preconditions of its change.
pub(super) fn resolve_for_change(
    context: &mut OperationContext<'_>,
    key: &str,
    kind: CredentialKind,
) -> Result<Visible<CredentialRow>, VaultError> {
    let row = resolve::locked_by_key(context, key, kind)?;
    match kind {
        CredentialKind::Password => context.check_preconditions(Some(row.id), locked_etag)?,
        CredentialKind::SshKey => context.check_preconditions(Some(row.id), ssh_key::locked_etag)?,
    }
    Ok(row)
}
