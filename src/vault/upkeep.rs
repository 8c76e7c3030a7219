//! What a serving vault does by the clock: notice changes, record failed authentications, write the heads of the
//! audit log down outside the database, forget what needs to be remembered for a time only.

use std::time::Duration;

use super::grants::Grants;
use super::{Vault, VaultError};
use crate::store::{StoreError, meta};

/// A change is noticed within this time and the time of a query; the promise is a second.
const LOOK_FOR_CHANGES: Duration = Duration::from_millis(300);
const RECORD_FAILURES: Duration = Duration::from_secs(1);
const LOOK_FOR_JOBS: Duration = Duration::from_secs(1);

/// The work that goes on beside the requests. It ends when it is dropped; [`Upkeep::last_time`] before that leaves
/// nothing behind.
pub struct Upkeep(Vault);

impl Upkeep {
    /// The upkeep of this vault.
    pub fn of(vault: &Vault) -> Self {
        Self(vault.clone())
    }

    /// Works until dropped. Each job has a loop of its own: one that waits for a stuck database must not keep the
    /// others from noticing a change.
    pub async fn run(&self) {
        tokio::join!(
            every(LOOK_FOR_CHANGES, async || report("the changes of clients", self.0.refresh().await)),
            every(RECORD_FAILURES, async || report("failed authentications", self.0.record_failures().await)),
            self.run_jobs(),
        );
    }

    /// Runs the jobs when they are due. The heads are written at the start too, whenever their job is due next.
    async fn run_jobs(&self) {
        report("the heads of the audit log", self.0.write_heads().await);
        every(LOOK_FOR_JOBS, async || {
            report("scheduling background jobs", self.0.schedule_jobs().await);
            report("background jobs", self.0.run_due_jobs().await.map(drop));
        })
        .await;
    }

    /// What is still to be done before the vault closes.
    pub async fn last_time(&self) {
        report("failed authentications", self.0.record_failures().await);
        report("the heads of the audit log", self.0.write_heads().await);
    }
}

async fn every(time: Duration, work: impl AsyncFn()) {
    let mut ticks = tokio::time::interval(time);
    loop {
        ticks.tick().await;
        work().await;
    }
}

fn report(what: &str, done: Result<(), VaultError>) {
    if let Err(error) = done {
        log::error!("{what}: {error}");
    }
}

impl Vault {
    /// Reads clients and revocations again if anything about them has changed.
    pub async fn refresh(&self) -> Result<(), VaultError> {
        let (known, now) = (self.0.grants.load().revision, self.0.clock.now());
        let inner = std::sync::Arc::clone(&self.0);
        let read = move |connection: &mut crate::store::AnyConnection| -> Result<Option<Grants>, StoreError> {
            if meta::change_mark(connection)? == known {
                return Ok(None);
            }
            Grants::read(connection, now, &inner.identities).map(Some)
        };
        if let Some(grants) = self.0.store.control(read).await? {
            self.0.grants.rcu(|current| {
                // Two looks may overlap; the newer one stays.
                if current.revision > grants.revision { std::sync::Arc::clone(current) } else { grants.clone().into() }
            });
        }
        Ok(())
    }
}
