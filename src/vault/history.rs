//! History and undo: the versions of a password, of an information, of a private key. How many are kept is in the
//! settings. Restoring one makes a new version of it, so that nothing is lost by undoing either.

use chrono::{DateTime, Utc};

use super::credential::{self, parent, resolve};
use super::secrets::{self, Sealed};
use super::{Action, Call, StateTag, Vault, VaultError, Work, custody, information, ssh_key};
use crate::clock::from_micros;
use crate::crypto::{SecretKind, SecretText};
use crate::store::credential::CredentialRow;
use crate::store::secret::{self, SecretState, VersionSummary};

/// Whose history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioned {
    /// A credential's own password. A child's is its parent's, and so is its history.
    Credential,
    /// The text of a protected information.
    Information,
    /// The private part of an SSH key.
    SshKey,
}

impl Versioned {
    fn kind(self) -> SecretKind {
        match self {
            Versioned::Credential => SecretKind::Password,
            Versioned::Information => SecretKind::Information,
            Versioned::SshKey => SecretKind::SshPrivateKey,
        }
    }

    /// What gives the tag of an item of this kind.
    fn locked_state_tag(self) -> fn(&mut Work<'_, '_>, i32) -> Result<Option<StateTag>, VaultError> {
        match self {
            Versioned::Credential => credential::locked_state_tag,
            Versioned::Information => information::locked_state_tag,
            Versioned::SshKey => ssh_key::locked_state_tag,
        }
    }
}

/// A version in a list: no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub number: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Whether it is the one that counts.
    pub current: bool,
}

/// The versions of one secret, newest first.
#[derive(Clone, Debug)]
pub struct History {
    /// The number of the item.
    pub id: i32,
    /// Its versions.
    pub versions: Vec<Version>,
}

/// One version with its secret.
#[derive(Debug)]
pub struct ReadVersion {
    /// The number of the item.
    pub id: i32,
    /// The secret as it was.
    pub content: SecretText,
}

/// The item that a key names.
struct Item {
    id: i32,
    /// The row of a password credential.
    credential: Option<CredentialRow>,
}

impl Vault {
    /// The versions that are kept, without secrets.
    pub async fn list_versions(&self, call: &Call, what: Versioned, key: String) -> Result<History, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let item = readable(work, what, &key)?;
            let rows = secret::versions(work.connection(), what.kind().name(), item.id)?;
            let version = |row: &VersionSummary| Version {
                number: row.version,
                created_at: from_micros(row.created_at),
                current: row.state == SecretState::Current,
            };
            let in_force = rows.iter().filter(|row| row.state.was_in_force());
            Ok(History { id: item.id, versions: in_force.map(version).collect() })
        };
        self.perform(call, Action::HistoryList, rule).await
    }

    /// One version. A password is taken into custody as by any read.
    ///
    /// # Errors
    /// As for reading the item, and [`VaultError::VersionNotFound`].
    pub async fn read_version(
        &self,
        call: &Call,
        what: Versioned,
        key: String,
        number: i32,
    ) -> Result<ReadVersion, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let item = readable(work, what, &key)?;
            if let Some(row) = &item.credential {
                custody::take(work, row)?;
            }
            let sealed = secrets::version(work, what.kind(), item.id, number)?.ok_or(VaultError::VersionNotFound)?;
            Ok((item.id, sealed))
        };
        let (id, sealed): (i32, Sealed) = self.perform(call, Action::HistoryRead, rule).await?;
        Ok(ReadVersion { id, content: self.unseal(call, Action::HistoryRead, &sealed).await? })
    }

    /// Makes an earlier version the current one again, as a new version; gives the number of the item.
    pub async fn restore_version(
        &self,
        call: &Call,
        what: Versioned,
        key: String,
        number: i32,
    ) -> Result<i32, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let item = readable(work, what, &key)?;
            let sealed = secrets::version(work, what.kind(), item.id, number)?.ok_or(VaultError::VersionNotFound)?;
            work.check_conditions(Some(item.id), what.locked_state_tag())?;
            let content = sealed.open(work.inner)?;
            match (what, &item.credential) {
                (Versioned::SshKey, _) => ssh_key::save::restore(work, item.id, &content)?,
                (_, Some(row)) => parent::store_password(work, row.id, row.parent_id, row.parent_id, Some(&content))?,
                (_, None) => secrets::put(work, what.kind(), item.id, &content)?,
            }
            Ok(item.id)
        };
        self.perform_once(call, Action::HistoryRestore, rule).await
    }
}

/// The item of a key, if the client may read it now.
fn readable(work: &mut Work<'_, '_>, what: Versioned, key: &str) -> Result<Item, VaultError> {
    match what {
        Versioned::Credential => {
            let (row, _) = resolve::readable_password(work, key)?;
            Ok(Item { id: row.id, credential: Some(row) })
        }
        Versioned::Information => match information::visible(work, key)? {
            row if row.active => Ok(Item { id: row.id, credential: None }),
            _ => Err(VaultError::InformationInactive),
        },
        Versioned::SshKey => match ssh_key::visible(work, key)? {
            row if row.active => Ok(Item { id: row.id, credential: None }),
            _ => Err(VaultError::SshKeyInactive),
        },
    }
}
