//! Scheduled backups: the job that makes one in the directory of the settings, and keeps the newest.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::create::PARTIAL_SUFFIX;
use super::{BackupError, BackupReport, vault_id};
use crate::config::BackupSettings;
use crate::crypto::age::Recipient;
use crate::vault::operation::{Action, Request};
use crate::vault::{Vault, VaultError};

/// The end of the names of backups.
const SUFFIX: &str = ".age";
/// What an interrupted backup leaves that is this old is not of one that runs.
const LEFTOVER_AGE: Duration = Duration::from_secs(24 * 3600);

impl Vault {
    /// Makes a backup as the settings say, and removes older ones beyond the number to keep.
    pub(in crate::vault) async fn make_scheduled_backup(&self) -> Result<(), VaultError> {
        match self.try_scheduled_backup().await {
            Ok(report) => {
                log::info!("backup {}: {} rows", report.file.display(), report.rows);
                Ok(())
            }
            Err(BackupError::Vault(error)) => Err(error),
            Err(BackupError::Store(error)) => Err(error.into()),
            Err(error) => {
                log::error!("scheduled backup: {error}");
                Err(crate::store::StoreError::Unavailable("the scheduled backup failed").into())
            }
        }
    }

    async fn try_scheduled_backup(&self) -> Result<BackupReport, BackupError> {
        let settings = &self.0.settings.backup;
        let directory = settings.directory.clone().unwrap_or_default();
        let permit = self.authorize(Request::system(), Action::BACKUP_CREATE).await?;
        let prefix = self.backup_prefix();
        let time = self.0.clock.now().format("%Y%m%dT%H%M%SZ");
        let file = directory.join(format!("{prefix}{time}{SUFFIX}"));
        let report = self.create_backup(permit, file, recipients(settings)?, |_, _| {}).await?;
        prune(&directory, &prefix, settings.keep).map_err(|error| BackupError::Place(directory, error.kind()))?;
        Ok(report)
    }

    /// The start of the names of this vault's scheduled backups.
    fn backup_prefix(&self) -> String {
        format!("chaveiro-{}-", &vault_id(&self.0.audit_key)[..8])
    }

    /// Returns the newest scheduled backup.
    ///
    /// # Errors
    /// [`BackupError::NoBackup`].
    pub fn newest_backup(&self) -> Result<PathBuf, BackupError> {
        let directory = self.0.settings.backup.directory.clone().unwrap_or_default();
        let found = backups(&directory, &self.backup_prefix()).map_err(|error| BackupError::Read(error.kind()))?;
        found.into_iter().next_back().ok_or(BackupError::NoBackup(directory))
    }
}

fn recipients(settings: &BackupSettings) -> Result<Vec<Recipient>, BackupError> {
    settings.recipients.iter().map(|text| text.parse().map_err(|_| BackupError::Recipient)).collect()
}

/// Returns the backups of a directory, oldest first: their names contain the time.
fn backups(directory: &Path, prefix: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_backup = name.to_str().is_some_and(|name| name.starts_with(prefix) && name.ends_with(SUFFIX));
        if is_backup && entry.file_type()?.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Removes all but the newest backups, and what an interrupted one has left a day before the newest.
fn prune(directory: &Path, prefix: &str, keep: u32) -> std::io::Result<()> {
    let found = backups(directory, prefix)?;
    if let Some(newest) = found.last() {
        let long_ago = newest.metadata()?.modified()? - LEFTOVER_AGE;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_partial =
                name.to_str().is_some_and(|name| name.starts_with(prefix) && name.contains(PARTIAL_SUFFIX));
            if is_partial && entry.metadata()?.modified()? < long_ago {
                fs::remove_file(entry.path())?;
            }
        }
    }
    let surplus = found.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    found.iter().take(surplus).try_for_each(fs::remove_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_backups_of_this_vault_are_kept_and_nothing_else_is_touched() {
        let directory = tempfile::tempdir().unwrap();
        let names = ["a-1.age", "a-2.age", "a-3.age", "b-0.age", "a-0.txt"];
        names.iter().for_each(|name| fs::write(directory.path().join(name), "").unwrap());
        prune(directory.path(), "a-", 2).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a-0.txt", "a-2.age", "a-3.age", "b-0.age"]);
    }
}
