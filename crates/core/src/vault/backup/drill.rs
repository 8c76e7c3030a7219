//! The drill: restores a backup into a scratch place, opens the vault there, and verifies it as an operator would after a loss.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::restore::restored_object;
use super::unfinished::Unfinished;
use super::{BackupError, BackupReport, Progress, vault_id};
use crate::crypto::age::Identity;
use crate::store::CommitObserver;
use crate::vault::audit_log::VerificationError;
use crate::vault::operation::{Action, Done, Permit, Request};
use crate::vault::{Vault, VaultLocation};

/// The result of a drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillReport {
    /// The backup that was restored.
    pub backup: BackupReport,
    /// The number of authenticated heads that the restored audit log was compared with.
    pub heads: usize,
    /// How long restoring and verifying took.
    pub took: Duration,
}

impl Vault {
    /// Restores a backup into a new directory below `scratch`, opens the vault there, verifies its audit log, and removes the
    /// directory again. The result is recorded, and shown as a metric.
    ///
    /// # Errors
    /// [`BackupError`], which is what a restore after a loss would have failed with.
    pub async fn drill_backup(
        &self,
        permit: Permit,
        file: &Path,
        identities: &[Identity],
        scratch: &Path,
        observer: &Arc<dyn CommitObserver>,
        progress: Progress<'_>,
    ) -> Result<DrillReport, BackupError> {
        let started = self.0.clock.monotonic();
        let result = match Scratch::create(scratch) {
            Ok(scratch) => self.try_restore(file, identities, scratch.path(), observer, progress).await,
            Err(error) => Err(error),
        };
        self.note_drill(result.is_ok()).await?;
        match result {
            Ok((backup, heads)) => {
                let object = restored_object(&backup);
                self.execute(permit, move |_| Ok(Done::several(object.clone(), ()))).await?;
                Ok(DrillReport { backup, heads, took: self.0.clock.monotonic().saturating_sub(started) })
            }
            Err(error) => {
                self.record_refusal(&permit, &error.reason()).await?;
                Err(error)
            }
        }
    }

    async fn try_restore(
        &self,
        file: &Path,
        identities: &[Identity],
        scratch: &Path,
        observer: &Arc<dyn CommitObserver>,
        progress: Progress<'_>,
    ) -> Result<(BackupReport, usize), BackupError> {
        let location = VaultLocation::new(&scratch.join("vault"), None)?;
        let mut settings = self.0.settings.clone();
        settings.backup.hours = 0;
        let restored = Vault::restore_backup(file, identities, &location, &settings, observer, progress).await;
        let (vault, backup) = restored?;
        if backup.vault_id != vault_id(&self.0.audit_key) {
            vault.close();
            return Err(BackupError::damaged("it is of another vault"));
        }
        let verified = verify(&vault).await;
        vault.close();
        Ok((backup, verified?))
    }
}

/// Verifies the audit log of a restored vault against its heads, and that it serves.
async fn verify(vault: &Vault) -> Result<usize, BackupError> {
    let permit = vault.authorize(Request::operator(), Action::AUDIT_VERIFY).await?;
    let found = vault.verify_audit(permit, &vault.heads_file()).await.map_err(|error| match error {
        VerificationError::Vault(error) => BackupError::Vault(error),
        VerificationError::Heads(_, kind) => BackupError::Read(kind),
        VerificationError::Unreadable { .. } => BackupError::damaged(error.to_string()),
    })?;
    match found.broken {
        Some(broken) => Err(BackupError::damaged(broken.to_string())),
        None if vault.is_ready().await => Ok(found.heads),
        None => Err(BackupError::damaged("the restored vault is not ready")),
    }
}

/// A directory of its own, for its owner alone, removed when dropped.
pub(super) struct Scratch {
    path: PathBuf,
    _unfinished: Unfinished,
}

impl Scratch {
    pub(super) fn create(parent: &Path) -> Result<Self, BackupError> {
        let path = parent.join(format!("chaveiro-scratch-{}", uuid::Uuid::new_v4().simple()));
        let unfinished = Unfinished::new(path.clone());
        let created = DirBuilder::new().mode(0o700).create(&path);
        created.map_err(|error| BackupError::Place(parent.into(), error.kind()))?;
        Ok(Self { path, _unfinished: unfinished })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            log::error!("the scratch directory {} remains, remove it: {}", self.path.display(), error.kind());
        }
    }
}
