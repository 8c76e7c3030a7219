//! Background jobs: durable, leased, one node at a time.
//!
//! A node claims only the kinds that it supports ([`JobKind`]), so that an older version skips newer kinds. Every transaction
//! of a job renews the lease and checks the fence (`store::job`).

mod kind;

pub(super) use kind::JobKind;

use std::time::Duration;

use super::access::MAX_PLACES;
use super::{Vault, VaultError};
use crate::clock::{EXPIRY_MARGIN, to_micros};
use crate::store::job::{self, Lease, NewJob, Wanted};
use crate::store::{AnyConnection, StoreError, Transaction, client, idempotency, login_attempt, single_use};

/// Lifetime of a lease, after which another node can claim the job.
pub(super) const LEASE: Duration = Duration::from_secs(60);
/// Pause after the first failed attempt; it doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Number of rows that one transaction deletes.
const PRUNE_BATCH: i64 = 1000;
/// The most counters of failed logins of unknown names and networks that are kept.
const MAX_LOGIN_ATTEMPTS: i64 = 65_536;
/// The most places that are kept of an account.
const MAX_LOGIN_PLACES: i64 = MAX_PLACES as i64;
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Requester of the recurring jobs.
const SYSTEM: &str = "system";

/// Pause before the retry after `attempts` failed attempts.
fn pause_after(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Vault {
    /// Queues the recurring jobs that are not queued yet.
    pub async fn schedule_jobs(&self) -> Result<(), VaultError> {
        let (node, now) = (self.0.settings.node.name.clone(), self.now_micros());
        let missing = {
            let (node, kinds) = (node.clone(), JobKind::enabled(&self.0.settings));
            move |connection: &mut AnyConnection| -> Result<Vec<JobKind>, StoreError> {
                let mut missing = Vec::new();
                for kind in &kinds {
                    if job::live(connection, kind.as_str(), kind.key(&node))?.is_none() {
                        missing.push(*kind);
                    }
                }
                Ok(missing)
            }
        };
        let missing = self.0.store.read(missing).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let enqueue = move |transaction: &mut Transaction<'_>| {
            for kind in &missing {
                let new = NewJob {
                    kind: kind.as_str(),
                    key: kind.key(&node),
                    object_id: None,
                    due_at: now,
                    // A recurring job is always retried.
                    max_attempts: i32::MAX,
                    requested_by: SYSTEM,
                };
                job::enqueue(transaction.connection()?, &new, now)?;
            }
            Ok(())
        };
        Ok(self.write_in_background(enqueue).await?)
    }

    /// Runs the due jobs one after the other, and returns their number.
    pub async fn run_due_jobs(&self) -> Result<usize, VaultError> {
        self.run_due(false).await
    }

    /// As [`Vault::run_due_jobs`], for the jobs that take long.
    pub async fn run_due_long_jobs(&self) -> Result<usize, VaultError> {
        self.run_due(true).await
    }

    async fn run_due(&self, is_long: bool) -> Result<usize, VaultError> {
        let mut ran = 0;
        while let Some(lease) = self.claim_job(is_long).await? {
            ran += 1;
            self.run_job(&lease).await?;
        }
        Ok(ran)
    }

    /// Claims a due job of a kind that this node supports.
    pub(super) async fn claim_job(&self, is_long: bool) -> Result<Option<Lease>, VaultError> {
        self.claim(JobKind::wanted(&self.0.settings, is_long)).await
    }

    /// Claims a due job that is wanted.
    pub(super) async fn claim(&self, wanted: Vec<Wanted>) -> Result<Option<Lease>, VaultError> {
        // Check with a read first, to avoid a commit.
        if !self.is_due(wanted.clone()).await? {
            return Ok(None);
        }
        let now = self.now_micros();
        let until = self.lease_end();
        let claim = move |transaction: &mut Transaction<'_>| job::claim(transaction.connection()?, &wanted, now, until);
        Ok(self.write_in_background(claim).await?)
    }

    /// Whether a job that is wanted is due.
    pub(super) async fn is_due(&self, wanted: Vec<Wanted>) -> Result<bool, VaultError> {
        let now = self.now_micros();
        if wanted.is_empty() {
            return Ok(false);
        }
        let is_due = move |connection: &mut AnyConnection| -> Result<bool, StoreError> {
            for wanted in &wanted {
                if job::due(connection, wanted, now)?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok(self.0.store.read(is_due).await?)
    }

    /// Runs the job of a lease, then reschedules it.
    pub(super) async fn run_job(&self, lease: &Lease) -> Result<(), VaultError> {
        let Ok(kind) = lease.kind.parse::<JobKind>() else { return Ok(()) };
        let period = kind.period(&self.0.settings);
        let done = match kind {
            JobKind::PruneIdempotency => {
                let oldest = self.now_micros().saturating_sub(self.0.result_lifetime() + EXPIRY_MARGIN);
                self.prune_under(lease, move |connection| idempotency::delete_up_to(connection, oldest, PRUNE_BATCH))
                    .await
                    .map(|()| period)
            }
            JobKind::PruneSingleUse => {
                let long_ago = self.now_micros().saturating_sub(EXPIRY_MARGIN);
                self.prune_under(lease, move |connection| single_use::delete_expired(connection, long_ago, PRUNE_BATCH))
                    .await
                    .map(|()| period)
            }
            JobKind::PruneRevokedTokens => {
                let long_ago = self.now_micros().saturating_sub(EXPIRY_MARGIN);
                let prune = move |connection: &mut AnyConnection| {
                    client::delete_expired_revocations(connection, long_ago, PRUNE_BATCH)
                };
                self.prune_under(lease, prune).await.map(|()| period)
            }
            JobKind::PruneLoginAttempts => {
                let now = self.now_micros();
                let prune = move |connection: &mut AnyConnection| {
                    let more = login_attempt::prune(connection, now, MAX_LOGIN_ATTEMPTS, PRUNE_BATCH)?;
                    Ok(more | login_attempt::prune_places(connection, MAX_LOGIN_PLACES, PRUNE_BATCH)?)
                };
                self.prune_under(lease, prune).await.map(|()| period)
            }
            JobKind::WriteAuditHeads => self.write_heads_under(lease).await.map(|()| period),
            JobKind::MaintainKeys => self.maintain_keys_under(lease, period).await,
            JobKind::CreateBackup => self.back_up_under(lease).await.map(|()| period),
            JobKind::RequestRotations => self.request_due_rotations(lease).await.map(|()| period),
        };
        let ended = match done {
            Ok(pause) => self.repeat_job(lease, pause).await,
            Err(VaultError::Store(StoreError::LeaseLost)) => Err(StoreError::LeaseLost),
            Err(error) => self.fail_job(lease, &error.reason()).await.inspect(|()| log::error!("job {kind}: {error}")),
        };
        match ended {
            Err(StoreError::LeaseLost) => {
                log::warn!("job {kind}: another node has taken it over");
                Ok(())
            }
            ended => Ok(ended?),
        }
    }

    /// Renews a lease; fails if another node has taken the job over. Call before any effect outside the database.
    pub(super) async fn renew_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let (lease, until) = (lease.clone(), self.lease_end());
        let renew = move |transaction: &mut Transaction<'_>| job::renew(transaction.connection()?, &lease, until);
        self.write_in_background(renew).await
    }

    pub(super) async fn repeat_job(&self, lease: &Lease, pause: Duration) -> Result<(), StoreError> {
        let (lease, due_at) = (lease.clone(), self.now_micros() + micros(pause));
        let repeat = move |transaction: &mut Transaction<'_>| job::repeat(transaction.connection()?, &lease, due_at);
        self.write_in_background(repeat).await
    }

    pub(super) async fn fail_job(&self, lease: &Lease, error: &str) -> Result<(), StoreError> {
        let (lease, retry_at) = (lease.clone(), self.now_micros() + micros(pause_after(lease.attempts)));
        let error = error.to_string();
        let fail = move |transaction: &mut Transaction<'_>| {
            job::fail(transaction.connection()?, &lease, &error, retry_at).map(drop)
        };
        self.write_in_background(fail).await
    }

    /// Expiry of a lease that is granted or renewed now, in microseconds.
    pub(super) fn lease_end(&self) -> i64 {
        self.now_micros() + micros(LEASE)
    }

    pub(super) fn now_micros(&self) -> i64 {
        to_micros(self.0.clock.now())
    }

    /// Deletes rows in batches, so that requests are not blocked. `prune` deletes one batch, and returns whether there may be
    /// more.
    async fn prune_under(
        &self,
        lease: &Lease,
        prune: impl Fn(&mut AnyConnection) -> Result<bool, StoreError> + Clone + Send + 'static,
    ) -> Result<(), VaultError> {
        loop {
            let (lease, until) = (lease.clone(), self.lease_end());
            let prune = prune.clone();
            let batch = move |transaction: &mut Transaction<'_>| {
                job::renew(transaction.connection()?, &lease, until)?;
                prune(transaction.connection()?)
            };
            if !self.write_in_background(batch).await? {
                return Ok(());
            }
        }
    }

    /// Makes the scheduled backup, and renews the lease meanwhile.
    async fn back_up_under(&self, lease: &Lease) -> Result<(), VaultError> {
        self.renew_lease(lease).await?;
        let renew = async {
            loop {
                tokio::time::sleep(LEASE / 4).await;
                if let Err(error) = self.renew_lease(lease).await {
                    return error;
                }
            }
        };
        tokio::select! {
            made = self.make_scheduled_backup() => made,
            error = renew => Err(error.into()),
        }
    }

    async fn write_heads_under(&self, lease: &Lease) -> Result<(), VaultError> {
        self.renew_lease(lease).await?;
        self.write_heads().await
    }
}

#[cfg(test)]
mod tests;
