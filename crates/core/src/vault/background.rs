//! The background tasks of a serving vault: refresh the grants, record failed authentications and counts of issued tokens, run
//! due jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, Notify};

use super::access::{GrantKeys, Grants};
use super::{Inner, StartError, Vault, VaultError};
use crate::store::{AnyConnection, StoreError, meta};

/// Interval between refreshes of the grants. A change takes effect within it and the time of a query; the limit is one second.
const REFRESH_INTERVAL: Duration = Duration::from_millis(300);
const _: () = assert!(3 * REFRESH_INTERVAL.as_millis() < 1000, "a change takes effect within a second");
const FAILURES_INTERVAL: Duration = Duration::from_secs(1);
const ISSUED_TOKENS_INTERVAL: Duration = Duration::from_secs(1);
/// Interval at which failed logins are written to the database and those of other nodes are read.
const ATTEMPTS_INTERVAL: Duration = Duration::from_secs(1);
const JOBS_INTERVAL: Duration = Duration::from_secs(1);
const CLOCK_INTERVAL: Duration = Duration::from_secs(60);

/// The background tasks of one vault. Dropping ends them; call [`BackgroundTasks::flush`] before, to write what is in memory.
pub struct BackgroundTasks(Vault);

impl BackgroundTasks {
    /// The background tasks of this vault.
    pub fn new(vault: &Vault) -> Self {
        Self(vault.clone())
    }

    /// Runs until dropped. Each task has its own loop, so that one task waiting for a stuck database does not block the
    /// others.
    pub async fn run(&self) {
        tokio::join!(
            every(REFRESH_INTERVAL, async || log_failure("reading grants", self.0.refresh().await)),
            every(FAILURES_INTERVAL, async || log_failure("recording failures", self.0.record_failures().await)),
            every(ISSUED_TOKENS_INTERVAL, async || log_failure(
                "recording issued tokens",
                self.0.record_issued_tokens().await
            )),
            every(ATTEMPTS_INTERVAL, async || log_failure(
                "sharing login attempts",
                self.0.share_login_attempts().await
            )),
            every(CLOCK_INTERVAL, async || log_failure("noting the clock", self.0.mark_clock().await)),
            self.run_jobs(),
            every(JOBS_INTERVAL, async || {
                log_failure("running long jobs", self.0.run_due_long_jobs().await.map(drop));
            }),
            self.rotate(),
        );
    }

    /// Changes passwords on targets. Each worker has a loop of its own, so that a target that does not answer keeps one worker
    /// and not the others. One query per interval serves them all.
    async fn rotate(&self) {
        let (workers, due) = (self.0.0.settings.rotation.workers, Notify::new());
        if workers == 0 {
            return;
        }
        let look = every(JOBS_INTERVAL, async || match self.0.is_rotation_due().await {
            Ok(true) => due.notify_one(),
            looked => log_failure("looking for passwords to change", looked.map(drop)),
        });
        let work = async || loop {
            due.notified().await;
            log_failure("changing passwords", self.0.rotate_while_due(&due).await.map(drop));
        };
        tokio::join!(look, join_all((0..workers).map(|_| work())));
    }

    /// Runs due jobs. Writes the audit heads at the start too, independent of their job.
    async fn run_jobs(&self) {
        log_failure("writing audit heads", self.0.write_heads().await);
        every(JOBS_INTERVAL, async || {
            log_failure("scheduling jobs", self.0.schedule_jobs().await);
            log_failure("running jobs", self.0.run_due_jobs().await.map(drop));
        })
        .await;
    }

    /// Records pending failed authentications and counts of issued tokens, writes the counts of failed logins and the audit
    /// heads, and notes the clock.
    pub async fn flush(&self) {
        log_failure("recording failures", self.0.record_all_failures().await);
        log_failure("recording issued tokens", self.0.record_all_issued_tokens().await);
        log_failure("sharing login attempts", self.0.share_login_attempts().await);
        log_failure("writing audit heads", self.0.write_heads().await);
        log_failure("noting the clock", self.0.mark_clock().await);
    }
}

async fn every(interval: Duration, task: impl AsyncFn()) {
    let mut ticks = tokio::time::interval(interval);
    loop {
        ticks.tick().await;
        task().await;
    }
}

fn log_failure(task: &str, done: Result<(), VaultError>) {
    if let Err(error) = done {
        log::error!("{task}: {error}");
    }
}

/// Refreshes of the grants: one runs at a time, and concurrent callers share the next one.
#[derive(Default)]
pub(super) struct Refreshes {
    started: AtomicU64,
    /// The number of the last completed refresh.
    completed: Mutex<u64>,
}

impl Vault {
    /// Reloads the grants if they have changed, and notes that they are current. Uses the control connection, so that a backlog
    /// of requests does not delay a revocation.
    ///
    /// # Errors
    /// [`VaultError::Store`] when the database does not answer.
    pub async fn refresh(&self) -> Result<(), VaultError> {
        let refreshes = &self.0.refreshes;
        let before = refreshes.started.load(Ordering::SeqCst);
        let mut completed = refreshes.completed.lock().await;
        if *completed > before {
            // That refresh began after this call, so it includes every change before the call.
            return Ok(());
        }
        let number = refreshes.started.fetch_add(1, Ordering::SeqCst) + 1;
        let inner = Arc::clone(&self.0);
        self.0.store.control(move |connection| inner.load_changed_grants(connection)).await?;
        *completed = number;
        Ok(())
    }
}

impl Inner {
    /// Reloads the grants if they have changed, on the control thread: completes even if the caller stops waiting.
    fn load_changed_grants(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let (looked_at, now) = (self.clock.monotonic(), self.clock.now());
        let (revision, revocation) = meta::marks(connection)?;
        let known = self.grants.load();
        if revocation != known.revoked.mark() {
            known.revoked.read_new(connection, revocation, now)?;
        }
        if revision != known.revision {
            let keys = GrantKeys {
                identity_mac: &self.identity_mac,
                secret_heads: &self.secret_heads,
                data_keys: &self.data_keys,
            };
            // Reads the change mark first: what changes after it is loaded the next time.
            let grants = Arc::new(Grants::read_with(connection, keys, Arc::clone(&known.revoked))?);
            self.data_keys.load(connection)?;
            match self.load_changed_signing_keys(connection) {
                Ok(()) => {}
                Err(StartError::Store(error)) => return Err(error),
                Err(error) => log::error!("the keys of access tokens stay as they are: {error}"),
            }
            self.grants.store(grants);
        }
        self.data_keys.forget_deleted();
        self.clock.follow(|| meta::clock(connection))?;
        self.freshness.note(looked_at);
        Ok(())
    }
}
