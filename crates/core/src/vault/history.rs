//! Versions of secrets: list, read, restore. The number of versions kept is a setting. Restoring inserts a new version, so
//! that a restore can be undone.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::access::Visible;
use super::credential::{self, parent, resolve};
use super::operation::{Done, OperationContext, Permit, Subject};
use super::secrets::{self, SecretOwner};
use super::{Noun, Switchable, Vault, VaultError, custody, information, jit, ssh_key};
use crate::clock::from_micros;
use crate::crypto::SecretText;
use crate::store::credential::{CredentialChanges, CredentialKind, CredentialRow};
use crate::store::id::{CredentialId, InformationId};
use crate::store::secret::{self, VersionSummary};

/// Kind of object that has versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioned {
    /// A credential's own password. A child uses the password and versions of its parent.
    Credential,
    /// The text of a protected-information record.
    Information,
    /// The private key of an SSH key.
    SshKey,
}

/// The owner of versions, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is a noun with its id")]
pub enum VersionOwner {
    Credential(CredentialId),
    Information(InformationId),
    SshKey(CredentialId),
}

impl std::fmt::Display for VersionOwner {
    /// Writes the id.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VersionOwner::Credential(id) | VersionOwner::SshKey(id) => id.fmt(f),
            VersionOwner::Information(id) => id.fmt(f),
        }
    }
}

impl VersionOwner {
    /// The secret that it has versions of.
    fn secret(self) -> SecretOwner {
        match self {
            VersionOwner::Credential(id) => SecretOwner::Password(id),
            VersionOwner::Information(id) => SecretOwner::Information(id),
            VersionOwner::SshKey(id) => SecretOwner::SshPrivateKey(id),
        }
    }

    fn subject(self) -> Subject {
        match self {
            VersionOwner::Credential(id) | VersionOwner::SshKey(id) => Subject::Credential(id),
            VersionOwner::Information(id) => Subject::Information(id),
        }
    }

    fn check_preconditions(self, context: &mut OperationContext<'_>) -> Result<(), VaultError> {
        match self {
            VersionOwner::Credential(id) => context.check_preconditions(Some(id), credential::locked_etag),
            VersionOwner::Information(id) => context.check_preconditions(Some(id), information::locked_etag),
            VersionOwner::SshKey(id) => context.check_preconditions(Some(id), ssh_key::locked_etag),
        }
    }
}

/// A version in a list, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub number: i32,
    /// Time of storing.
    pub created_at: DateTime<Utc>,
    /// Whether it is the current one.
    pub current: bool,
}

/// The versions of one secret, newest first.
#[derive(Clone, Debug)]
pub struct History {
    /// The owner.
    pub owner: VersionOwner,
    /// The versions.
    pub versions: Vec<Version>,
}

/// One version with its secret.
#[derive(Debug)]
pub struct ReadVersion {
    /// The owner.
    pub owner: VersionOwner,
    /// The secret.
    pub content: SecretText,
}

/// The owner of versions that the principal may read.
enum Readable {
    Credential(Visible<CredentialRow>),
    Information(InformationId),
    SshKey(Visible<CredentialRow>),
}

impl Readable {
    fn owner(&self) -> VersionOwner {
        match self {
            Readable::Credential(row) => VersionOwner::Credential(row.id),
            Readable::Information(id) => VersionOwner::Information(*id),
            Readable::SshKey(row) => VersionOwner::SshKey(row.id),
        }
    }
}

impl Vault {
    /// Lists the kept versions.
    ///
    /// # Errors
    /// As for reading the object.
    pub async fn list_versions(&self, permit: Permit, what: Versioned, key: String) -> Result<History, VaultError> {
        let query = move |context: &mut OperationContext<'_>| {
            let owner = readable(context, what, &key)?.owner();
            let rows = secret::versions(context.connection(), owner.secret())?;
            let current = secret::current_version(context.connection(), owner.secret())?;
            let version = |row: &VersionSummary| Version {
                number: row.version,
                created_at: from_micros(row.created_at),
                current: Some(row.version) == current,
            };
            let in_force = rows.iter().filter(|row| row.state.was_in_force());
            let history = History { owner, versions: in_force.map(version).collect() };
            Ok(Done::new(owner.subject(), history))
        };
        self.query(permit, query).await
    }

    /// Returns one version. Takes custody of a password, as any read does.
    ///
    /// # Errors
    /// As for reading the object; [`VaultError::NotFound`] for a version that is not kept.
    pub async fn read_version(
        &self,
        permit: Permit,
        what: Versioned,
        key: String,
        number: i32,
    ) -> Result<ReadVersion, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let readable = locked_readable(context, what, &key)?;
            let owner = readable.owner();
            let sealed = secrets::version(context, owner.secret(), number)?;
            let sealed = sealed.ok_or(VaultError::NotFound(Noun::Version))?;
            if let Readable::Credential(row) = &readable {
                custody::take(context, row)?;
            }
            Ok(Done::new(owner.subject(), (owner, sealed)))
        };
        let ((owner, sealed), recorded) = self.execute(permit, rule).await?;
        Ok(ReadVersion { owner, content: self.unseal(&recorded, &sealed).await? })
    }

    /// Makes an earlier version the current one again, as a new version, and returns the owner.
    ///
    /// # Errors
    /// As [`Vault::read_version`].
    pub async fn restore_version(
        &self,
        permit: Permit,
        what: Versioned,
        key: String,
        number: i32,
    ) -> Result<VersionOwner, VaultError> {
        let again = key.clone();
        let rule = move |context: &mut OperationContext<'_>| {
            let readable = locked_readable(context, what, &key)?;
            let owner = readable.owner();
            let sealed = secrets::version(context, owner.secret(), number)?;
            let sealed = sealed.ok_or(VaultError::NotFound(Noun::Version))?;
            owner.check_preconditions(context)?;
            let content = sealed.open_within(context)?;
            match &readable {
                Readable::SshKey(row) => ssh_key::restore::restore(context, row.id, number, &content)?,
                Readable::Credential(row) => {
                    custody::require_free(context, row)?;
                    jit::require_unused(context, row, &CredentialChanges::default(), Some(&content))?;
                    parent::store_password(context, row.id, row.parent_id, row.parent_id, Some(&content))?;
                }
                Readable::Information(_) => secrets::store(context, owner.secret(), &content)?,
            }
            Ok(Done::new(owner.subject(), owner))
        };
        let revalidate =
            move |context: &mut OperationContext<'_>, _: &VersionOwner| readable(context, what, &again).map(drop);
        self.execute_idempotent(permit, rule, revalidate).await.map(|(owner, _)| owner)
    }
}

/// Resolves a key to an object that the client may read now.
fn readable(context: &mut OperationContext<'_>, what: Versioned, key: &str) -> Result<Readable, VaultError> {
    match what {
        Versioned::Credential => Ok(Readable::Credential(resolve::readable_by_key(context, key)?.0)),
        Versioned::Information => {
            let row = information::resolve(context, key)?;
            if row.active {
                Ok(Readable::Information(row.id))
            } else {
                Err(VaultError::Inactive(Switchable::Information))
            }
        }
        Versioned::SshKey => {
            let row = resolve::by_key(context, key, CredentialKind::SshKey)?;
            if row.active { Ok(Readable::SshKey(row)) } else { Err(VaultError::Inactive(Switchable::SshKey)) }
        }
    }
}

/// Like [`readable`], but locks a credential or an SSH key, so that a transaction decides on a row that cannot change.
fn locked_readable(context: &mut OperationContext<'_>, what: Versioned, key: &str) -> Result<Readable, VaultError> {
    match readable(context, what, key)? {
        Readable::Credential(row) => {
            let row = resolve::locked(context, row)?;
            Ok(Readable::Credential(resolve::readable(context, row, Switchable::Credential)?.0))
        }
        Readable::SshKey(row) => {
            let row = resolve::locked(context, row)?;
            if row.active { Ok(Readable::SshKey(row)) } else { Err(VaultError::Inactive(Switchable::SshKey)) }
        }
        information @ Readable::Information(_) => Ok(information),
    }
}
