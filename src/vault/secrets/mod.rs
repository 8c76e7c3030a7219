//! Secrets in their table: sealed inside the job that writes them, opened after the commit of the job that reads
//! them.

mod versions;

use serde::{Deserialize, Serialize};

use super::{Action, Call, Inner, Vault, VaultError, Work};
use crate::crypto::{Keyring, Place, SecretKind, SecretText};
use crate::store::secret::{self, SealedRow, SecretState};

pub(super) use versions::{HeadMac, Versions};

/// A sealed value on its way out of a transaction. It may be kept with what a request did (`once.rs`), as it is sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    place: Place,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
}

impl Sealed {
    /// Where it belongs, down to the number of the version: what a tag says of a secret.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Opens it. Comes after the commit that recorded the access.
    pub(super) fn open(&self, inner: &Inner) -> Result<SecretText, VaultError> {
        self.open_under(&inner.keyring.load())
    }

    fn open_under(&self, keyring: &Keyring) -> Result<SecretText, VaultError> {
        let opened = keyring.open(self.place, &self.bytes).inspect_err(|_| {
            log::error!(
                "{} of {} does not open: changed, moved, or its key is gone",
                self.place.kind.name(),
                self.place.owner
            );
        })?;
        Ok(opened.into_text().ok_or(crate::crypto::SealError)?)
    }
}

impl Vault {
    /// Opens what a recorded read has brought out. A value that does not open gets a record of its own, since the one
    /// of the read says `ok`.
    pub(super) async fn unseal(&self, call: &Call, action: Action, sealed: &Sealed) -> Result<SecretText, VaultError> {
        match sealed.open(&self.0) {
            Ok(secret) => Ok(secret),
            Err(error) => Err(self.refuse(call, action, error).await),
        }
    }
}

/// Returns the current version of a secret, still sealed.
///
/// # Errors
/// [`VaultError::Seal`] when the database was changed from outside, so that an older version would come out.
pub(super) fn current(work: &mut Work<'_, '_>, kind: SecretKind, owner: i32) -> Result<Option<Sealed>, VaultError> {
    let row = versions(work, kind, owner).current::<VaultError>()?;
    Ok(row.map(|row| sealed(kind, owner, row)))
}

fn versions<'a>(work: &'a mut Work<'_, '_>, kind: SecretKind, owner: i32) -> Versions<'a> {
    let heads = &work.inner.secret_heads;
    Versions { connection: work.transaction.connection(), heads, kind, owner }
}

fn sealed(kind: SecretKind, owner: i32, row: SealedRow) -> Sealed {
    Sealed { place: Place { kind, owner, version: row.version }, bytes: row.sealed }
}

/// Returns a version that is or was in force, still sealed.
pub(super) fn version(
    work: &mut Work<'_, '_>,
    kind: SecretKind,
    owner: i32,
    version: i32,
) -> Result<Option<Sealed>, VaultError> {
    let row = secret::version(work.connection(), kind.name(), owner, version)?;
    Ok(row.filter(|row| row.state.was_in_force()).map(|row| sealed(kind, owner, row)))
}

/// The newest version of a secret, opened within the job: for comparing, never for an answer.
pub(super) fn compare_with(
    work: &mut Work<'_, '_>,
    kind: SecretKind,
    owner: i32,
    candidate: &SecretText,
) -> Result<bool, VaultError> {
    match current(work, kind, owner)? {
        Some(sealed) => Ok(sealed.open(work.inner)?.same_as(candidate)),
        None => Ok(false),
    }
}

/// Forgets a secret in all of its versions.
pub(super) fn erase(work: &mut Work<'_, '_>, kind: SecretKind, owner: i32) -> Result<(), VaultError> {
    Ok(secret::erase(work.connection(), kind.name(), owner)?)
}

/// Keeps a new version, and forgets those beyond the number that the settings keep. A value that is the current one
/// makes no version: a client that sends its whole inventory each night must not push the history out.
pub(super) fn put(work: &mut Work<'_, '_>, kind: SecretKind, owner: i32, value: &SecretText) -> Result<(), VaultError> {
    let newest = current(work, kind, owner)?;
    if let Some(newest) = &newest
        && newest.open(work.inner)?.same_as(value)
    {
        return Ok(());
    }
    let (keyring, now, keep) = (work.inner.keyring.load(), work.micros(), work.inner.settings.history.versions);
    let mut versions = versions(work, kind, owner);
    let seal = |place| keyring.seal(place, value.expose().as_bytes());
    let version = versions.add::<VaultError>(SecretState::Current, seal, now)?;
    Ok(versions.prune(version, keep)?)
}

#[cfg(test)]
mod tests;
