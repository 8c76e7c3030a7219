//! The writer: group commit.
//!
//! A writer is a thread with its own connection that takes jobs from a fair, bounded queue. It opens one transaction
//! for the queued jobs, runs each job in its own savepoint, commits once, and only then returns the results. So jobs
//! share the fsync of a commit, and no caller sees success before its rows are durable.
//!
//! * A job that fails or panics is rolled back alone.
//! * A failed commit fails every job in it.
//! * A job that conflicts with another transaction (unique violation, deadlock, lock timeout) is retried alone after
//!   the batch. That is why a job is an `Fn`.
//! * A job that has not started by its deadline does not run (`submitted.rs`).
//!
//! Several writers may share a queue (PostgreSQL); SQLite has one.

mod deferred;
mod submitted;
mod thread;
mod transaction;
mod waiting;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use submitted::Ticket;
pub use transaction::Transaction;

use super::connection::DatabaseLocation;
use super::probe::WriteOutcomes;
use super::{StoreError, WriterSettings};
use submitted::{Job, submit};
use waiting::Waiting;

/// An observer of commits, for metrics.
pub trait CommitObserver: Send + Sync {
    /// Called after the commit of a transaction of `jobs` jobs; the commit took `took`.
    fn committed(&self, jobs: usize, took: Duration);
}

/// The queue and the writers.
pub(super) struct Writers {
    waiting: Arc<Waiting<Box<dyn Job>>>,
    patience: Duration,
    outcomes: Arc<WriteOutcomes>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Writers {
    /// Starts the writers. Each has its own connection and its own chain of audit records.
    pub(super) fn start(
        location: &DatabaseLocation,
        settings: &WriterSettings,
        observer: &Arc<dyn CommitObserver>,
    ) -> Result<Self, StoreError> {
        let waiting = Arc::new(Waiting::new(settings.queue));
        let outcomes = Arc::new(WriteOutcomes::default());
        let writers = Self {
            waiting: Arc::clone(&waiting),
            patience: settings.wait,
            outcomes: Arc::clone(&outcomes),
            threads: Mutex::default(),
        };
        for number in 0..location.writers(settings.writers) {
            let writer = thread::Writer {
                connection: Some(location.connect()?),
                location: location.clone(),
                chain: format!("{}/{number}", settings.node),
                waiting: Arc::clone(&waiting),
                batch: settings.batch.max(1),
                batch_time: settings.batch_time,
                observer: Arc::clone(observer),
                outcomes: Arc::clone(&outcomes),
            };
            let thread = std::thread::Builder::new()
                .name(format!("writer-{number}"))
                .spawn(move || writer.run())
                .map_err(|_| StoreError::Unavailable("a writer thread cannot be started"))?;
            writers.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(writers)
    }

    /// Queues a job and waits for its commit.
    pub(super) async fn submit<T, J>(&self, ticket: Ticket, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.submit_within(self.patience, ticket, job).await
    }

    /// Queues a job that has to start within `patience`, and waits for its commit.
    pub(super) async fn submit_within<T, J>(&self, patience: Duration, ticket: Ticket, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        submit(&self.waiting, ticket, patience, job).await
    }

    /// Returns what the writers last experienced.
    pub(super) fn outcomes(&self) -> &WriteOutcomes {
        &self.outcomes
    }

    /// Returns the number of queued jobs.
    pub(super) fn depth(&self) -> usize {
        self.waiting.len()
    }

    /// Finishes the queued jobs and stops the threads.
    pub(super) fn stop(&self) {
        self.waiting.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A job may hold the last handle of the store; then its own writer calls this and must not join itself.
            if thread.thread().id() == std::thread::current().id() {
                continue;
            }
            if thread.join().is_err() {
                log::error!("a writer thread of the store panicked");
            }
        }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop();
    }
}
