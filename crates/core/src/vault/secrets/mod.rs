//! Stored secrets: sealed in the transaction that writes them, opened after the audit record of the read is durable.

mod rotated;
mod stored;
mod versions;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::operation::{OperationContext, Recorded};
use super::{Inner, Vault, VaultError};
use crate::crypto::{Keyring, SealError, SecretBinding, SecretKind, SecretText};
use crate::store::secret::{self, SealedRow, SecretState, StoredSecret};
use crate::store::{AnyConnection, DeferrableWrite, StoreError};

pub(super) use crate::store::secret::SecretOwner;

pub(super) use rotated::{RotatedVersions, add_candidate, advance_candidate, rotated_versions, rotation_ended};
pub(super) use stored::{check_stored, oldest_key, reseal_stored};
use versions::{CurrentVersion, LockedHead};
pub(super) use versions::{HeadMac, Versions};

/// A sealed value that a transaction returns. May be part of a stored result, since it is sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    binding: SecretBinding,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
    /// Whether a newer value may be in force, since a change was not proved. Not part of stored results.
    #[serde(skip)]
    is_doubted: bool,
}

impl Sealed {
    /// The owner and version that the value is bound to. ETags cover a secret by its binding.
    pub(super) fn binding(&self) -> SecretBinding {
        self.binding
    }

    /// Whether a newer value may be in force, since a change on the target was not proved.
    pub(super) fn is_doubted(&self) -> bool {
        self.is_doubted
    }

    fn open(&self, keyring: &Keyring) -> Result<SecretText, VaultError> {
        let opened = keyring.open(self.binding, &self.bytes).inspect_err(|_| {
            let (kind, owner) = (self.binding.kind.as_str(), self.binding.owner);
            log::error!("{kind} of {owner} does not open: modified, moved, or its key is missing");
        })?;
        Ok(opened.into_text().ok_or(SealError)?)
    }

    /// Opens the value for a call of a target, which an arrow of the rotation has recorded. Never for a secret of the response.
    pub(super) fn open_for_target(
        &self,
        connection: &mut AnyConnection,
        vault: &Inner,
    ) -> Result<SecretText, VaultError> {
        self.open_on(connection, vault)
    }

    fn open_on(&self, connection: &mut AnyConnection, vault: &Inner) -> Result<SecretText, VaultError> {
        let keyring = vault.data_keys.keyring_for(connection, [self.bytes.as_slice()])?;
        self.open(&keyring)
    }

    /// Opens the value within a transaction, to compare it or to store it again. Never for a secret of the response.
    pub(super) fn open_within(&self, context: &mut OperationContext<'_>) -> Result<SecretText, VaultError> {
        let vault = context.vault;
        let keyring = vault.data_keys.keyring();
        if keyring.has_key_of(&self.bytes) { self.open(&keyring) } else { self.open_on(context.connection(), vault) }
    }
}

impl Vault {
    /// Opens a value after its read is recorded. A failure gets its own audit record, since the record of the read says
    /// `ok`.
    pub(super) async fn unseal(&self, recorded: &Recorded, sealed: &Sealed) -> Result<SecretText, VaultError> {
        let keyring = self.keyring_for(std::slice::from_ref(sealed)).await;
        let opened = sealed.open(&keyring);
        match opened {
            Ok(secret) => Ok(secret),
            Err(error) => Err(self.refuse(recorded.permit(), error).await),
        }
    }

    /// As [`Vault::unseal`], for many values, of which `assemble` makes a response, in their order. Both run on threads that serve
    /// no requests meanwhile.
    pub(super) async fn unseal_all<T: Send + 'static>(
        &self,
        recorded: &Recorded,
        sealed: Vec<Sealed>,
        assemble: impl FnOnce(Vec<SecretText>) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let keyring = self.keyring_for(&sealed).await;
        let opened = tokio::task::spawn_blocking(move || open_all(&keyring, &sealed).and_then(assemble)).await;
        match opened.unwrap_or(Err(VaultError::Store(StoreError::Panicked))) {
            Ok(assembled) => Ok(assembled),
            Err(error) => Err(self.refuse(recorded.permit(), error).await),
        }
    }

    /// Returns the data keys, loaded again if one of the values is under a key that another node has created just now.
    async fn keyring_for(&self, sealed: &[Sealed]) -> Arc<Keyring> {
        let keyring = self.0.data_keys.keyring();
        if sealed.iter().all(|sealed| keyring.has_key_of(&sealed.bytes)) {
            return keyring;
        }
        let inner = Arc::clone(&self.0);
        if let Err(error) = self.0.store.control(move |connection| inner.data_keys.load(connection)).await {
            log::error!("loading the data keys: {error}");
        }
        self.0.data_keys.keyring()
    }

    /// As [`Vault::unseal`], for a value that may be absent.
    pub(super) async fn unseal_optional(
        &self,
        recorded: &Recorded,
        sealed: Option<&Sealed>,
    ) -> Result<Option<SecretText>, VaultError> {
        match sealed {
            Some(sealed) => self.unseal(recorded, sealed).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The least number of values for which a thread pays.
const VALUES_PER_THREAD: usize = 500;
/// The most threads that open the values of one request.
const MAX_THREADS: usize = 4;

/// Opens values, on several threads if there are many.
fn open_all(keyring: &Keyring, sealed: &[Sealed]) -> Result<Vec<SecretText>, VaultError> {
    let open = |sealed: &[Sealed]| sealed.iter().map(|sealed| sealed.open(keyring)).collect::<Result<Vec<_>, _>>();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS);
    let size = sealed.len().div_ceil(processors).max(VALUES_PER_THREAD);
    std::thread::scope(|scope| {
        let mut chunks = sealed.chunks(size);
        let first = chunks.next().unwrap_or_default();
        let others: Vec<_> = chunks.map(|chunk| scope.spawn(move || open(chunk))).collect();
        let mut opened = open(first)?;
        for other in others {
            opened.extend(other.join().map_err(|_| StoreError::Panicked)??);
        }
        Ok(opened)
    })
}

/// Returns the current version of a secret, still sealed.
///
/// # Errors
/// [`VaultError::Seal`] when the head or its versions were modified outside the vault.
pub(super) fn current(context: &mut OperationContext<'_>, owner: SecretOwner) -> Result<Option<Sealed>, VaultError> {
    let current = versions(context, owner).current::<VaultError>()?;
    Ok(current.map(|current| sealed_current(owner, current)))
}

/// As [`current`], of what is stored of the secret.
pub(super) fn current_of(
    context: &OperationContext<'_>,
    owner: SecretOwner,
    stored: StoredSecret,
) -> Result<Option<Sealed>, VaultError> {
    let current = context.vault.secret_heads.current_of(owner, stored)?;
    Ok(current.map(|current| sealed_current(owner, current)))
}

/// Returns the current versions of many secrets, still sealed, in a constant number of queries. A secret that was never
/// stored is missing.
///
/// # Errors
/// As [`current`], for any of them.
pub(super) fn current_of_all(
    context: &mut OperationContext<'_>,
    owners: &[SecretOwner],
) -> Result<HashMap<SecretOwner, Sealed>, VaultError> {
    let stored = secret::stored(context.connection(), owners)?;
    let mut found = HashMap::with_capacity(stored.len());
    for (owner, stored) in stored {
        found.extend(current_of(context, owner, stored)?.map(|sealed| (owner, sealed)));
    }
    Ok(found)
}

fn versions<'a>(context: &'a mut OperationContext<'_>, owner: SecretOwner) -> Versions<'a> {
    let heads = &context.vault.secret_heads;
    Versions { connection: context.connection(), heads, owner }
}

fn sealed(owner: SecretOwner, row: SealedRow) -> Sealed {
    Sealed { binding: owner.binding(row.version), bytes: row.sealed, is_doubted: false }
}

fn sealed_current(owner: SecretOwner, CurrentVersion { row, is_doubted }: CurrentVersion) -> Sealed {
    Sealed { is_doubted, ..sealed(owner, row) }
}

/// Returns a version that is or was current, still sealed.
pub(super) fn version(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    version: i32,
) -> Result<Option<Sealed>, VaultError> {
    let row = secret::version(context.connection(), owner, version)?;
    Ok(row.filter(|row| row.state.was_in_force()).map(|row| sealed(owner, row)))
}

/// Compares a value with the current version of a secret.
pub(super) fn is_current(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    value: &SecretText,
) -> Result<bool, VaultError> {
    match current(context, owner)? {
        Some(sealed) => Ok(sealed.open_within(context)?.same_as(value)),
        None => Ok(false),
    }
}

/// Deletes a secret with all of its versions.
pub(super) fn delete(context: &mut OperationContext<'_>, owner: SecretOwner) -> Result<(), VaultError> {
    Ok(secret::delete_all(context.connection(), owner)?)
}

/// Makes the current version a previous one, so that no read gives it any more.
pub(super) fn retire(context: &mut OperationContext<'_>, owner: SecretOwner) -> Result<(), VaultError> {
    let now = context.micros();
    versions(context, owner).retire(now)
}

/// Stores a new version, and deletes versions beyond the configured history. A value equal to the current one creates no
/// version: a client that sends its whole inventory every night must not displace the history. The head is locked before the
/// values are compared, so that one statement does both.
pub(super) fn store(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    value: &SecretText,
) -> Result<(), VaultError> {
    let (head, current) = lock(context, owner)?;
    if let Some(current) = current
        && sealed_current(owner, current).open_within(context)?.same_as(value)
    {
        return Ok(());
    }
    replace(context, owner, head, value)
}

/// Locks the head of a secret, unless it was locked ahead, and returns it with the current version.
fn lock(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
) -> Result<(LockedHead, Option<CurrentVersion>), VaultError> {
    let ahead = if let SecretOwner::Password(id) = owner { context.take_locked_password(id) } else { None };
    match ahead {
        Some(password) => Ok(context.vault.secret_heads.locked(owner, password.stored)?),
        None => versions(context, owner).lock(),
    }
}

/// As [`store`], of a row that this operation inserts. Nothing looks for versions that were planted without a head: the
/// first one is a conflict, and the others are one for the change that comes to their number.
pub(super) fn store_first(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    value: &SecretText,
) -> Result<(), VaultError> {
    let new = context.vault.secret_heads.first(owner, sealing(context, value), context.micros())?;
    Ok(context.write(DeferrableWrite::FirstVersion(new))?)
}

/// As [`store`], with a new version also for an unchanged value.
pub(super) fn add(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    value: &SecretText,
) -> Result<(), VaultError> {
    let head = versions(context, owner).locked_head::<VaultError>()?;
    replace(context, owner, head, value)
}

/// Makes a value the current version in place of the one before, and deletes versions beyond the configured history.
fn replace(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    head: LockedHead,
    value: &SecretText,
) -> Result<(), VaultError> {
    let (keep, now) = (context.settings().history.versions, context.micros());
    if let Some(new) = context.vault.secret_heads.replacement(owner, &head, keep, sealing(context, value), now)? {
        return versions::found_current(owner, context.write(DeferrableWrite::Replacement(new)));
    }
    let version = add_version(context, owner, head, value, SecretState::Current)?;
    Ok(versions(context, owner).prune(version, keep)?)
}

/// Seals a value as a new version in this state, and returns its number.
fn add_version(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    head: LockedHead,
    value: &SecretText,
    state: SecretState,
) -> Result<i32, VaultError> {
    let (seal, now) = (sealing(context, value), context.micros());
    versions(context, owner).add_to::<VaultError>(head, state, seal, now)
}

/// Returns what seals a value as the version that it is bound to.
fn sealing<'a>(
    context: &OperationContext<'_>,
    value: &'a SecretText,
) -> impl FnOnce(SecretBinding) -> Result<Vec<u8>, SealError> + use<'a> {
    let keyring = context.vault.data_keys.keyring();
    move |binding| keyring.seal(binding, value.expose().as_bytes())
}

/// Whether the keyring opens what it seals.
pub(super) fn round_trips(vault: &Inner) -> bool {
    let keyring = vault.data_keys.keyring();
    let binding = SecretBinding { kind: SecretKind::Password, owner: 0, version: 0 };
    let sealed = keyring.seal(binding, b"ready");
    sealed.and_then(|sealed| keyring.open(binding, &sealed)).is_ok_and(|opened| opened.expose() == b"ready")
}

#[cfg(test)]
mod tests;
