//! The background tasks of a vault that serves: notice changes of grants, record failed authentications, run the jobs
//! that are due.

use std::sync::Arc;
use std::time::Duration;

use super::access::Grants;
use super::{Vault, VaultError};
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

impl Vault {
    /// Loads the grants anew if they have changed, and notes that they are current. Uses the connection for control, so that
    /// no backlog of requests keeps a revocation from being noticed.
    pub async fn refresh(&self) -> Result<(), VaultError> {
        let (looked_at, known, now) = (self.0.clock.monotonic(), self.0.grants.load().revision, self.0.clock.now());
        let inner = Arc::clone(&self.0);
        let read = move |connection: &mut AnyConnection| -> Result<Option<Grants>, StoreError> {
            if meta::change_mark(connection)? == known {
                return Ok(None);
            }
            Grants::read(connection, now, &inner.identity_mac).map(Some)
        };
        if let Some(grants) = self.0.store.control(read).await? {
            self.0.grants.rcu(|current| {
                // Two reads may overlap; the newer one stays.
                if current.revision > grants.revision { Arc::clone(current) } else { grants.clone().into() }
            });
        }
        self.0.freshness.note(looked_at);
        Ok(())
    }
}
