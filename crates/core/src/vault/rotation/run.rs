//! The jobs of rotations: one for each credential whose rotation is open, or was requested. One node at a time has it.

use std::time::Duration;

use chaveiro_rotation::{Hours, JournalError, RotationError, Rotator, next_step};
use futures_util::future::join_all;
use tokio::sync::Notify;

use super::journal::VaultJournal;
use super::setup::Setup;
use super::state::RotationState;
use crate::store::id::CredentialId;
use crate::store::job::{self, Lease, Wanted};
use crate::store::{AnyConnection, StoreError, Transaction};
use crate::vault::jobs::{LEASE, micros};
use crate::vault::{Vault, VaultError, jit};

/// The name of the jobs, as stored.
pub(super) const KIND: &str = "credential.rotate";
/// Interval at which a job that waits for its hours looks at its policy again.
const LOOK: Duration = Duration::from_secs(3600);

/// What the workers take: both are calls of targets, which may not answer. Accounts go first, since nothing may log in to them any more.
fn wanted() -> Vec<Wanted> {
    [jit::KIND, KIND].map(|kind| Wanted { kind, key: None }).into()
}

/// Queues the job of a credential, or makes the queued one due.
pub(super) fn wake(
    connection: &mut AnyConnection,
    id: CredentialId,
    requested_by: &str,
    now: i64,
) -> Result<(), StoreError> {
    job::wake(connection, KIND, &id.to_string(), requested_by, now)
}

impl Vault {
    /// Goes on with the rotations that are due, several at a time, and returns how many jobs it ran.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub async fn run_due_rotations(&self) -> Result<usize, VaultError> {
        let (workers, due) = (self.0.settings.rotation.workers, Notify::new());
        let ran = join_all((0..workers).map(|_| self.rotate_while_due(&due))).await;
        ran.into_iter().sum()
    }

    /// Whether a rotation, or the removal of a just-in-time account, is due.
    pub(in crate::vault) async fn is_rotation_due(&self) -> Result<bool, VaultError> {
        self.is_due(wanted()).await
    }

    /// Goes on with one due rotation after the other, and returns how many jobs it ran. Notifies another worker of each that it
    /// takes, since there may be more.
    pub(in crate::vault) async fn rotate_while_due(&self, due: &Notify) -> Result<usize, VaultError> {
        let mut ran = 0;
        while let Some(lease) = self.claim(wanted()).await? {
            ran += 1;
            due.notify_one();
            let done =
                if lease.kind == KIND { self.rotate_under(&lease).await } else { self.run_account_job(&lease).await };
            match done {
                Err(VaultError::Store(StoreError::LeaseLost)) => {
                    log::warn!("job {} {}: another node has taken it over", lease.kind, lease.key);
                }
                Err(error) => {
                    log::error!("job {} {}: {error}", lease.kind, lease.key);
                    self.fail_job(&lease, &error.reason()).await?;
                }
                Ok(()) => {}
            }
        }
        Ok(ran)
    }

    async fn rotate_under(&self, lease: &Lease) -> Result<(), VaultError> {
        let id = lease.key.parse().map(CredentialId::new).map_err(|_| StoreError::Query("a job has an unknown key"))?;
        let load = move |connection: &mut AnyConnection| Ok::<_, StoreError>(Setup::load(connection, id));
        let setup = self.0.store.read(load).await??;
        let journal = VaultJournal::new(self, lease, id);
        let limits = setup.rules(&self.0.settings.rotation).limits();
        let rotator = Rotator::new(setup.plugin.target, &journal, limits);
        tokio::select! {
            outcome = rotator.run() => outcome.map(drop).map_err(ended)?,
            error = self.lose(lease) => return Err(error.into()),
        };
        self.finish(lease, id, limits.hours).await
    }

    /// Renews a lease until that fails.
    pub(in crate::vault) async fn lose(&self, lease: &Lease) -> StoreError {
        loop {
            tokio::time::sleep(LEASE / 4).await;
            if let Err(error) = self.renew_lease(lease).await {
                return error;
            }
        }
    }

    /// Ends the job, unless the rotation goes on by itself, or another one was requested, perhaps after the rotator looked.
    async fn finish(&self, lease: &Lease, id: CredentialId, hours: Hours) -> Result<(), VaultError> {
        let (lease, until, now) = (lease.clone(), self.lease_end(), self.now_micros());
        let end = move |transaction: &mut Transaction<'_>| {
            let connection = transaction.connection()?;
            job::renew(connection, &lease, until)?;
            let RotationState { record, waiting, .. } = RotationState::lock(connection, id)?;
            // A policy that changes meanwhile is noticed: with its hours alone a job would sleep for days.
            let due_at = record.due_at.unwrap_or(now).max(now.saturating_add(micros(LOOK)));
            match next_step(&record, waiting, hours, now) {
                Some(at) => job::repeat(connection, &lease, at.min(due_at)),
                None => job::complete(connection, &lease),
            }
        };
        Ok(self.write_in_background(end).await?)
    }
}

/// Returns the error of a rotator that has ended before it had to. What the journal logged is not logged again.
fn ended(error: RotationError) -> StoreError {
    match error {
        RotationError::Journal(JournalError::Lost) => StoreError::LeaseLost,
        RotationError::Journal(JournalError::Failed(_)) => StoreError::Query("a step of a rotation was not stored"),
        RotationError::NotAllowed(_) | RotationError::Inconsistent(_) => {
            log::error!("rotation: {error}");
            StoreError::Query("the state of a rotation does not fit its versions")
        }
    }
}

/// Returns the latest time of a change that is older than a number of days.
pub(super) fn days_before(now: i64, days: u32) -> i64 {
    now.saturating_sub(micros(Duration::from_secs(u64::from(days) * 24 * 3600)))
}
