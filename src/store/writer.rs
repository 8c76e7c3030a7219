//! The writer: group commit.
//!
//! A writer is a thread that owns a connection and takes jobs from a bounded queue. It opens one transaction for what
//! waits, runs every job in its own savepoint, commits once, and only then answers them all. So a commit's fsync is
//! shared, and no caller hears of success before its rows are durable.
//!
//! * A job that fails, or panics, is rolled back alone.
//! * A commit that fails, fails every job in it.
//! * A job that met another transaction (unique violation, deadlock, lock time-out) runs again alone after the
//!   batch. That is why a job is an `Fn`.
//!
//! Several writers may share a queue (PostgreSQL); SQLite has one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::audit::{self, ChainHead};
use super::connection::{AnyConnection, DatabaseLocation, LockWait};
use super::{Cause, StoreError, WriterSettings};

/// How often a job that met another transaction runs again, alone, before its caller gets the error.
const RUNS_ALONE: usize = 8;
/// How long a writer waits before it looks for the database again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// Told of every commit; for metrics.
pub trait CommitObserver: Send + Sync {
    /// A transaction of `jobs` jobs committed; the commit itself took `took`.
    fn committed(&self, jobs: usize, took: Duration);
}

/// The transaction that a job runs in.
pub struct Transaction<'a> {
    connection: &'a mut AnyConnection,
    head: &'a mut ChainHead,
    /// The head as it was before this job.
    before: &'a ChainHead,
    waiting: LockWait,
}

impl Transaction<'_> {
    /// The connection, for the functions of the tables.
    pub fn connection(&mut self) -> &mut AnyConnection {
        self.connection
    }

    /// Whether this job has the transaction to itself, since it met another one before. It waits for locks then.
    pub fn is_alone(&self) -> bool {
        self.waiting == LockWait::Patient
    }

    /// Takes back what this job has written so far, its audit records too. The job goes on, to record why.
    pub fn undo(&mut self) -> Result<(), StoreError> {
        self.connection.command("ROLLBACK TO SAVEPOINT job")?;
        self.head.clone_from(self.before);
        Ok(())
    }

    /// Runs `part` in a savepoint of its own: an error takes back what it has written, and nothing else.
    pub fn attempt<T, E>(
        &mut self,
        part: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        let before = self.head.clone();
        self.connection.command("SAVEPOINT part")?;
        let result = part(self);
        if result.is_err() {
            self.connection.command("ROLLBACK TO SAVEPOINT part")?;
            *self.head = before;
        }
        self.connection.command("RELEASE SAVEPOINT part")?;
        Ok(result)
    }

    /// The head of this writer's chain of audit records, and the connection to append to it with.
    pub(super) fn chain(&mut self) -> (&mut AnyConnection, &mut ChainHead) {
        (self.connection, self.head)
    }
}

/// A job in the queue, without its type.
trait Queued: Send {
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Waiting<T, J> {
    job: J,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, J> Queued for Waiting<T, J>
where
    T: Send,
    J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let result = catch_unwind(AssertUnwindSafe(|| (self.job)(transaction))).unwrap_or(Err(StoreError::Panicked));
        let ended = result.as_ref().map(drop).map_err(StoreError::clone);
        self.result = Some(result);
        ended
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Unavailable("the job did not run")),
            (Err(error), Some(Err(StoreError::Panicked))) if error != StoreError::Panicked => Err(StoreError::Panicked),
            (Err(error), _) => Err(error),
        };
        // A caller that has gone away loses the answer, not the write.
        let _ = self.caller.send(result);
    }
}

/// The queue and its writers.
pub(super) struct Writers {
    queue: ArcSwapOption<Sender<Box<dyn Queued>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Writers {
    /// Starts the writers. Each opens its own connection and works on its own chain of audit records.
    pub(super) fn start(
        location: &DatabaseLocation,
        settings: &WriterSettings,
        observer: &Arc<dyn CommitObserver>,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = bounded(settings.queue.max(1));
        let threads = (0..location.writers(settings.writers))
            .map(|number| {
                let writer = Writer {
                    connection: Some(location.connect()?),
                    location: location.clone(),
                    chain: format!("{}/{number}", settings.node),
                    jobs: jobs.clone(),
                    batch: settings.batch.max(1),
                    batch_time: settings.batch_time,
                    observer: Arc::clone(observer),
                };
                thread::Builder::new()
                    .name(format!("writer-{number}"))
                    .spawn(move || writer.run())
                    .map_err(|_| StoreError::Unavailable("a writer thread cannot be started"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { queue: ArcSwapOption::from_pointee(queue), threads: Mutex::new(threads) })
    }

    /// Puts a job into the queue and waits for the commit that holds it.
    pub(super) async fn submit<T, J>(&self, job: J) -> Result<T, StoreError>
    where
        T: Send + 'static,
        J: Fn(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let stopped = StoreError::Unavailable("the store is closing");
        let (caller, answer) = oneshot::channel();
        let waiting = Waiting { job, result: None, caller };
        let sent = match self.queue.load().as_ref() {
            Some(queue) => queue.try_send(Box::new(waiting)),
            None => return Err(stopped),
        };
        match sent {
            Ok(()) => answer.await.unwrap_or(Err(stopped)),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(stopped),
        }
    }

    /// How many jobs wait.
    pub(super) fn depth(&self) -> usize {
        self.queue.load().as_ref().map_or(0, |queue| queue.len())
    }

    /// Finishes what is queued and stops.
    pub(super) fn stop(&self) {
        self.queue.store(None);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A job may hold the last handle of the store, and then its own writer comes here; it ends by itself.
            if thread.thread().id() == thread::current().id() {
                continue;
            }
            if thread.join().is_err() {
                log::error!("a writer ended in a panic");
            }
        }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Writer {
    connection: Option<AnyConnection>,
    location: DatabaseLocation,
    chain: String,
    jobs: Receiver<Box<dyn Queued>>,
    batch: usize,
    batch_time: Duration,
    observer: Arc<dyn CommitObserver>,
}

impl Writer {
    fn run(mut self) {
        while let Ok(first) = self.jobs.recv() {
            let again = match self.batch(first, LockWait::Brief) {
                Ok(again) => again,
                Err(error) => {
                    log::error!("a transaction failed: {error}");
                    Vec::new()
                }
            };
            for job in again {
                self.run_alone(job);
            }
        }
    }

    /// Runs what waits in one transaction. Gives back the jobs that should run again alone.
    fn batch(&mut self, first: Box<dyn Queued>, waiting: LockWait) -> Result<Vec<Box<dyn Queued>>, StoreError> {
        let mut done = Vec::with_capacity(self.batch);
        let mut again = Vec::new();
        let mut next = Some(first);
        let worked = self.transaction(waiting, |writer, connection, head| {
            let since = Instant::now();
            while let Some(mut job) = next.take() {
                let ran = run_in_savepoint(job.as_mut(), connection, head, waiting);
                match ran {
                    Ok(Ran::Kept) => done.push((job, Ok(()))),
                    Ok(Ran::Undone(error)) if error.may_pass_alone() => again.push(job),
                    Ok(Ran::Undone(error)) => done.push((job, Err(error))),
                    Err(error) => {
                        // The transaction itself is gone; this job is answered with the others.
                        done.push((job, Ok(())));
                        return Err(error);
                    }
                }
                let room = done.len() + again.len() < writer.batch && since.elapsed() < writer.batch_time;
                next = if room { writer.jobs.try_recv().ok() } else { None };
            }
            Ok(done.len())
        });
        if let Some(job) = next.take() {
            job.answer(worked.clone());
        }
        for (job, ended) in done {
            job.answer(worked.clone().and(ended));
        }
        match worked {
            Ok(()) => Ok(again),
            Err(error) => {
                for job in again {
                    job.answer(Err(error.clone()));
                }
                Err(error)
            }
        }
    }

    /// Runs a job in a transaction of its own until it no longer meets another one.
    fn run_alone(&mut self, mut job: Box<dyn Queued>) {
        let mut last = StoreError::Contended(Cause::default());
        for _ in 0..RUNS_ALONE {
            let mut ended = Ok(());
            let worked = self.transaction(LockWait::Patient, |_, connection, head| {
                if let Ran::Undone(error) = run_in_savepoint(job.as_mut(), connection, head, LockWait::Patient)? {
                    ended = Err(error);
                }
                Ok(1)
            });
            match worked.and(ended) {
                Err(error) if error.may_pass_alone() => last = error,
                ended => return job.answer(ended),
            }
        }
        job.answer(Err(last));
    }

    /// One transaction: the chain's head in, `work`, the head out, commit. `work` tells how many jobs it ran.
    fn transaction(
        &mut self,
        waiting: LockWait,
        work: impl FnOnce(&Self, &mut AnyConnection, &mut ChainHead) -> Result<usize, StoreError>,
    ) -> Result<(), StoreError> {
        let mut connection = self.begun()?;
        let result = (|| {
            let mut head = audit::claim_head(&mut connection, &self.chain)?;
            connection.wait_for_locks(waiting)?;
            let start = head.clone();
            let jobs = work(self, &mut connection, &mut head)?;
            if head != start {
                audit::keep_head(&mut connection, &self.chain, &head)?;
            }
            let since = Instant::now();
            connection.command("COMMIT")?;
            self.observer.committed(jobs, since.elapsed());
            Ok(())
        })();
        if result.is_ok() || connection.command("ROLLBACK").is_ok() {
            self.connection = Some(connection);
        }
        result
    }

    /// A connection with an open transaction. One that died while it was idle is opened again: nothing has run on it.
    fn begun(&mut self) -> Result<AnyConnection, StoreError> {
        let mut connection = self.connected()?;
        match connection.begin() {
            Err(_) if connection.is_remote() => {
                drop(connection);
                connection = self.connected()?;
                connection.begin()?;
            }
            begun => begun?,
        }
        Ok(connection)
    }

    /// The connection, opened again when it was lost.
    fn connected(&mut self) -> Result<AnyConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.location.connect().inspect_err(|_| thread::sleep(RECONNECT_PAUSE)),
        }
    }
}

enum Ran {
    Kept,
    Undone(StoreError),
}

/// Runs a job so that it leaves all of its rows or none. An error means that the whole transaction is lost.
fn run_in_savepoint(
    job: &mut dyn Queued,
    connection: &mut AnyConnection,
    head: &mut ChainHead,
    waiting: LockWait,
) -> Result<Ran, StoreError> {
    let before = head.clone();
    connection.command("SAVEPOINT job")?;
    match job.run(&mut Transaction { connection, head, before: &before, waiting }) {
        Ok(()) => {
            connection.command("RELEASE SAVEPOINT job")?;
            Ok(Ran::Kept)
        }
        Err(error) => {
            *head = before;
            connection.command("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job")?;
            Ok(Ran::Undone(error))
        }
    }
}
