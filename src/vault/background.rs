//! The background tasks of a vault that serves: notice changes of grants, record failed authentications, run the jobs
//! that are due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::access::Grants;
use super::{Inner, Vault, VaultError};
use crate::store::{AnyConnection, StoreError, meta};

/// A change is noticed within this time and the time of a query; the promise is one second.
const REFRESH_INTERVAL: Duration = Duration::from_millis(300);
const FAILURES_INTERVAL: Duration = Duration::from_secs(1);
const JOBS_INTERVAL: Duration = Duration::from_secs(1);

/// The background tasks of one vault. They end when dropped; [`BackgroundTasks::flush`] before that leaves nothing behind.
pub struct BackgroundTasks(Vault);

impl BackgroundTasks {
    /// The background tasks of this vault.
    pub fn new(vault: &Vault) -> Self {
        Self(vault.clone())
    }

    /// Runs until dropped. Each task has a loop of its own: one that waits for a stuck database must not keep the others from
    /// noticing a change.
    pub async fn run(&self) {
        tokio::join!(
            every(REFRESH_INTERVAL, async || log_failure("reading grants", self.0.refresh().await)),
            every(FAILURES_INTERVAL, async || log_failure("recording failures", self.0.record_failures().await)),
            self.run_jobs(),
        );
    }

    /// Runs the jobs when they are due. The heads are written at the start too, whenever their job is due next.
    async fn run_jobs(&self) {
        log_failure("writing audit heads", self.0.write_heads().await);
        every(JOBS_INTERVAL, async || {
            log_failure("scheduling jobs", self.0.schedule_jobs().await);
            log_failure("running jobs", self.0.run_due_jobs().await.map(drop));
        })
        .await;
    }

    /// Records and writes what is still in memory.
    pub async fn flush(&self) {
        log_failure("recording failures", self.0.record_failures().await);
        log_failure("writing audit heads", self.0.write_heads().await);
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

/// The refreshes of the grants: one runs at a time, and whoever asks meanwhile shares the next one.
#[derive(Default)]
pub(super) struct Refreshes {
    started: AtomicU64,
    /// The number of the last one that was completed.
    completed: Mutex<u64>,
}

impl Vault {
    /// Loads the grants anew if they have changed, and notes that they are current. Uses the connection for control, so that
    /// no backlog of requests keeps a revocation from being noticed.
    ///
    /// # Errors
    /// [`VaultError::Store`] when the database does not answer.
    pub async fn refresh(&self) -> Result<(), VaultError> {
        let refreshes = &self.0.refreshes;
        let before = refreshes.started.load(Ordering::SeqCst);
        let mut completed = refreshes.completed.lock().await;
        if *completed > before {
            // It began after this call, so it has seen what the caller wants it to see.
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
    /// Does so on the thread for control: the grants are loaded even when the caller has stopped waiting.
    fn load_changed_grants(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let (looked_at, now) = (self.clock.monotonic(), self.clock.now());
        if meta::change_mark(connection)? != self.grants.load().revision {
            let grants = Arc::new(Grants::read(connection, now, &self.identity_mac)?);
            self.grants.store(grants);
        }
        self.freshness.note(looked_at);
        Ok(())
    }
}
