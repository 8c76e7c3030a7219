//! The writer: group commit.
//!
//! A writer is a thread with its own connection that takes jobs from a fair, bounded queue. It opens one transaction
//! for the queued jobs (`open.rs`), looks up and locks for several of them at once (`round.rs`), runs each job in its own savepoint, if it
//! needs one, writes what the jobs left to the end (`deferred.rs`), commits once, and only then returns the results. So jobs share the
//! fsync of a commit, and no caller sees success before its rows are durable.
//!
//! * A job that fails or panics is rolled back alone.
//! * A failed commit fails every job in it.
//! * A job that conflicts with another transaction (unique violation, deadlock, lock timeout) is retried alone after
//!   the batch. That is why a job is an `Fn`.
//! * A job that has not started by its deadline does not run (`submitted.rs`).
//!
//! Several writers may share a queue (PostgreSQL); SQLite has one.

mod deferred;
mod open;
mod round;
mod submitted;
mod thread;
mod transaction;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use deferred::DeferrableWrite;
pub use submitted::Ticket;
pub use transaction::Transaction;

use super::connection::{AnyConnection, DatabaseLocation};
use super::file::DatabaseFile;
use super::given_up::GivenUp;
use super::outage::Outage;
use super::probe::WriteOutcomes;
use super::watch::{ANSWER_TIMEOUT, Watch};
use super::{StoreError, WriterSettings};
use crate::clock::instant;
use submitted::submit;
use thread::{Shared, Writer};
use waiting::Waiting;

/// An observer of commits, for metrics.
pub trait CommitObserver: Send + Sync {
    /// Called after the commit of a transaction of `jobs` jobs; the commit took `took`.
    fn committed(&self, jobs: usize, took: Duration);
}

/// How long a stop waits for the writers.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// The queue and the writers.
pub(super) struct Writers {
    shared: Arc<Shared>,
    patience: Duration,
    threads: Mutex<Vec<RunningWriter>>,
    given_up: GivenUp,
}

/// The thread of a writer.
struct RunningWriter {
    chain: String,
    watch: Arc<Watch>,
    thread: JoinHandle<()>,
}

impl Writers {
    /// Starts the writers. Each has its own connection and its own chain of audit records.
    pub(super) fn start(
        location: &DatabaseLocation,
        settings: &WriterSettings,
        observer: &Arc<dyn CommitObserver>,
        file: Arc<DatabaseFile>,
    ) -> Result<Self, StoreError> {
        let number_of_writers = location.writers(settings.writers);
        let shared = Shared {
            location: location.clone(),
            waiting: Waiting::new(settings.queue, number_of_writers, settings.batch.max(1)),
            batch: settings.batch.max(1),
            batch_time: settings.batch_time,
            longest_alone: settings.longest_alone,
            observer: Arc::clone(observer),
            outcomes: WriteOutcomes::default(),
            outage: Outage::default(),
            file,
        };
        let writers = Self {
            shared: Arc::new(shared),
            patience: settings.wait,
            threads: Mutex::default(),
            given_up: GivenUp::default(),
        };
        for number in 0..number_of_writers {
            let mut connection = location.connect()?;
            connection.plan_once()?;
            let started = writers.spawn(format!("{}/{number}", settings.node), Some(connection))?;
            lock(&writers.threads).push(started);
        }
        Ok(writers)
    }

    /// Starts the writer of a chain.
    fn spawn(&self, chain: String, connection: Option<AnyConnection>) -> Result<RunningWriter, StoreError> {
        let watch = Watch::new(ANSWER_TIMEOUT);
        let writer = Writer::new(connection, chain.clone(), Arc::clone(&watch), Arc::clone(&self.shared));
        let number = chain.rsplit('/').next().unwrap_or_default();
        let thread = std::thread::Builder::new()
            .name(format!("writer-{number}"))
            .spawn(move || writer.run())
            .map_err(|_| StoreError::Unavailable("a writer thread cannot be started"))?;
        Ok(RunningWriter { chain, watch, thread })
    }

    /// Replaces the writers that wait for a server that does not answer. Both may append to one chain: the database locks its
    /// head.
    pub(super) fn replace_hanging(&self) {
        for writer in lock(&self.threads).iter_mut().filter(|writer| writer.watch.is_hanging()) {
            self.shared.outage.note();
            if !self.given_up.add(&writer.watch) {
                continue;
            }
            log::error!("PostgreSQL does not answer writer {}; its connection is given up", writer.chain);
            if let Ok(started) = self.spawn(writer.chain.clone(), None) {
                *writer = started;
            }
        }
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
        self.shared.file.refuse_replaced()?;
        self.shared.outage.refuse_during()?;
        let result = submit(&self.shared.waiting, ticket, patience, job).await;
        result.map_err(|error| if error == StoreError::TimedOut { self.given_up.error_or(error) } else { error })
    }

    /// Whether the last writer that had to connect could.
    pub(super) fn are_reachable(&self) -> bool {
        self.shared.outage.is_over()
    }

    /// Returns what the writers last experienced.
    pub(super) fn outcomes(&self) -> &WriteOutcomes {
        &self.shared.outcomes
    }

    /// Returns the number of queued jobs.
    pub(super) fn depth(&self) -> usize {
        self.shared.waiting.len()
    }

    /// Finishes the queued jobs and stops the threads. A thread that does not end in time ends with the process.
    pub(super) fn stop(&self) {
        self.shared.waiting.close();
        let threads = std::mem::take(&mut *lock(&self.threads));
        let since = instant();
        for writer in threads {
            // A job may hold the last handle of the store; then its own writer calls this and must not join itself.
            if writer.thread.thread().id() == std::thread::current().id() {
                continue;
            }
            if !join_within(writer.thread, STOP_TIMEOUT.saturating_sub(since.elapsed())) {
                log::error!("writer {} does not end; what it has not committed is not acknowledged", writer.chain);
            }
        }
    }
}

/// Joins a thread that ends within `longest`. Returns whether it did.
pub(super) fn join_within(thread: JoinHandle<()>, longest: Duration) -> bool {
    let since = instant();
    while !thread.is_finished() {
        if since.elapsed() > longest {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    if thread.join().is_err() {
        log::error!("a thread of the store panicked");
    }
    true
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop();
    }
}
