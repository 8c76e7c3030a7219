//! When the last backup was made, and how the last drill went: rows that every node and command sees.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use crate::clock::{from_micros, to_micros};
use crate::store::{AnyConnection, StoreError, meta};
use crate::vault::{Vault, VaultError};

/// How long a status is valid.
const VALID: Duration = Duration::from_secs(1);
const LAST_BACKUP: &str = "last_backup";
const LAST_DRILL: &str = "last_drill";
const LAST_DRILL_FAILED: &str = "last_drill_failed";

/// When the last backup was made, and how the last drill went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupStatus {
    /// Time of the snapshot of the last backup.
    pub last_backup: Option<DateTime<Utc>>,
    /// Time of the last drill, and whether it succeeded.
    pub last_drill: Option<(DateTime<Utc>, bool)>,
}

impl BackupStatus {
    fn read(connection: &mut AnyConnection) -> Result<Self, StoreError> {
        let mut time = |name| Ok::<_, StoreError>(meta::number(connection, name)?.map(from_micros));
        let (last_backup, good, failed) = (time(LAST_BACKUP)?, time(LAST_DRILL)?, time(LAST_DRILL_FAILED)?);
        let last_drill = match (good, failed) {
            (good, Some(failed)) if good.is_none_or(|good| good <= failed) => Some((failed, false)),
            (Some(good), _) => Some((good, true)),
            (None, _) => None,
        };
        Ok(Self { last_backup, last_drill })
    }
}

/// The status that was read last, and when, by the monotonic clock.
#[derive(Default)]
pub(in crate::vault) struct KnownStatus(Mutex<Option<(Duration, BackupStatus)>>);

impl Vault {
    /// Returns when the last backup was made, and how the last drill went, as the database said within the last
    /// `VALID`: anybody can ask for metrics. Concurrent callers share one query.
    pub async fn backup_status(&self) -> Result<BackupStatus, VaultError> {
        let mut known = self.0.backup_status.0.lock().await;
        let now = self.0.clock.monotonic();
        if let Some((at, status)) = *known
            && now.saturating_sub(at) < VALID
        {
            return Ok(status);
        }
        let status = self.0.store.control(BackupStatus::read).await?;
        *known = Some((now, status));
        Ok(status)
    }

    /// Notes a backup, by the time of its snapshot in microseconds.
    pub(super) async fn note_backup(&self, created_at: i64) -> Result<(), VaultError> {
        self.note(LAST_BACKUP, created_at).await
    }

    /// Notes the result of a drill.
    pub(super) async fn note_drill(&self, is_good: bool) -> Result<(), VaultError> {
        let name = if is_good { LAST_DRILL } else { LAST_DRILL_FAILED };
        self.note(name, to_micros(self.0.clock.now())).await
    }

    async fn note(&self, name: &'static str, value: i64) -> Result<(), VaultError> {
        Ok(self
            .write_in_background(move |transaction| meta::set_number(transaction.connection()?, name, value))
            .await?)
    }
}
