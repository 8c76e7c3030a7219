//! One writer: its transactions and its connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::CommitObserver;
use super::open::{OpenTransaction, answers};
use super::round::{Ahead, Round};
use super::submitted::Job;
use super::transaction::{Ran, run_in_savepoint};
use super::waiting::Waiting;
use crate::clock::instant;
use crate::store::audit::{ChainHead, OpenChain};
use crate::store::connection::{AnyConnection, CHECKED_WHEN_IDLE, DatabaseLocation, LockWait};
use crate::store::file::DatabaseFile;
use crate::store::outage::Outage;
use crate::store::probe::WriteOutcomes;
use crate::store::watch::Watch;
use crate::store::{Cause, StoreError};

/// How often a job that conflicts with another transaction is retried, alone, before its caller gets the error.
const MAX_RETRIES_ALONE: usize = 8;

/// The jobs of a transaction.
#[derive(Clone, Copy, Default)]
struct Worked {
    /// The jobs that are answered with its commit.
    jobs: usize,
    /// The jobs whose writes are kept.
    kept: usize,
}

/// Why a transaction is rolled back.
enum Failure {
    /// A statement or the commit failed.
    Statement(StoreError),
    /// What is written last, the audit records above all, was refused. The record of one job may be the reason.
    Deferred(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Statement(error)
    }
}

impl Failure {
    fn error(&self) -> &StoreError {
        let (Self::Statement(error) | Self::Deferred(error)) = self;
        error
    }
}

impl From<Failure> for StoreError {
    fn from(lost: Failure) -> Self {
        let (Failure::Statement(error) | Failure::Deferred(error)) = lost;
        error
    }
}

/// What the writers share.
pub(super) struct Shared {
    pub(super) location: DatabaseLocation,
    pub(super) waiting: Waiting<Box<dyn Job>>,
    pub(super) batch: usize,
    pub(super) batch_time: Duration,
    pub(super) longest_alone: Duration,
    pub(super) observer: Arc<dyn CommitObserver>,
    pub(super) outcomes: WriteOutcomes,
    pub(super) outage: Outage,
    pub(super) file: Arc<DatabaseFile>,
}

impl Shared {
    /// Answers every job that waits.
    fn refuse_waiting(&self, error: &StoreError) {
        while let Some(job) = self.waiting.try_next() {
            job.answer(Err(error.clone()));
        }
    }
}

/// A writer with its own connection and its own chain of audit records.
pub(super) struct Writer {
    connection: Option<AnyConnection>,
    /// When the connection was last used.
    used_at: Instant,
    chain: String,
    /// The head of the chain after the last transaction, if that is known.
    head: Option<ChainHead>,
    watch: Arc<Watch>,
    shared: Arc<Shared>,
}

impl Writer {
    /// Creates the writer of a chain. Without a connection it opens one.
    pub(super) fn new(
        connection: Option<AnyConnection>,
        chain: String,
        watch: Arc<Watch>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { connection, used_at: instant(), chain, head: None, watch, shared }
    }

    /// Runs queued jobs until the queue is closed and empty, or this thread is given up.
    pub(super) fn run(mut self) {
        self.watch.follow_thread();
        let mut round = Round::default();
        while !self.watch.is_given_up() {
            if round.is_empty() {
                let Some(job) = self.shared.waiting.next() else { break };
                let Some(first) = self.begin(job) else { continue };
                round.push(first);
            }
            let mut again = self.batch(&mut round, true);
            // Before those that run alone, which may wait long for a lock.
            while !round.is_empty() && !self.watch.is_given_up() && !self.watch.was_late() {
                again.extend(self.batch(&mut round, false));
            }
            let since = instant();
            for job in again {
                if self.watch.was_late() { refuse_unanswered(job) } else { self.run_alone(job, since) }
            }
            if self.watch.was_late() {
                std::mem::take(&mut round).into_jobs().for_each(refuse_unanswered);
            }
        }
        round.into_jobs().for_each(refuse_unanswered);
    }

    /// Starts a job, unless its caller has abandoned it or its deadline has passed.
    fn begin(&self, job: Box<dyn Job>) -> Option<Box<dyn Job>> {
        if job.may_begin(&self.watch) {
            return Some(job);
        }
        job.answer(Err(StoreError::TimedOut));
        None
    }

    /// Runs a round, and with `takes_more` further queued jobs, in one transaction. Returns the jobs to retry alone. Jobs of the round that
    /// have not run when the time of the transaction is over, or when it fails, stay there for the next one.
    fn batch(&mut self, round: &mut Round, takes_more: bool) -> Vec<Box<dyn Job>> {
        let mut done = Vec::with_capacity(self.shared.batch);
        let mut again = Vec::new();
        let mut is_lost = false;
        let worked = self.transaction(LockWait::Brief, |writer, open| {
            let (since, mut worked) = (instant(), Worked::default());
            let most = if takes_more { writer.shared.batch } else { 0 };
            round.fill(open, most, || writer.next_that_waits());
            writer.shared.waiting.wake_another();
            while let Some((mut job, ahead)) = round.next() {
                match run_in_savepoint(job.as_mut(), ahead, open) {
                    Ok(Ran::Kept) => {
                        worked.kept += 1;
                        done.push((job, Ok(())));
                    }
                    Ok(Ran::RolledBack(error)) | Err(error) if open.is_lost_before_it_began() => {
                        is_lost = true;
                        again.push(job);
                        return Err(error);
                    }
                    Ok(Ran::RolledBack(error)) if error.may_succeed_alone() => again.push(job),
                    Ok(Ran::RolledBack(error)) => done.push((job, Err(error))),
                    Err(error) => {
                        // The transaction is lost; this job is answered with the others.
                        done.push((job, Ok(())));
                        return Err(error);
                    }
                }
                let room = writer.shared.batch.saturating_sub(done.len() + again.len());
                if room == 0 || since.elapsed() >= writer.shared.batch_time {
                    break;
                }
                round.forget_changed(open.take_changed());
                // A transaction that has begun looks nothing up ahead: jobs that share statements get the next one.
                let takes_more = takes_more && (!open.has_begun_remotely() || writer.shared.waiting.are_all_unshared());
                if takes_more && round.is_empty() {
                    round.fill(open, room, || writer.next_that_waits());
                }
            }
            worked.jobs = done.len();
            open.check_unused().inspect_err(|_| is_lost = true)?;
            Ok(worked)
        });
        match worked {
            Ok(()) => {
                for (job, ended) in done {
                    self.answer_and_log(job, ended);
                }
                again
            }
            // Nothing was written on the connection that was lost.
            Err(_) if is_lost && !self.watch.was_late() => done.into_iter().map(|(job, _)| job).chain(again).collect(),
            // No job has to fail for the record of another.
            Err(Failure::Deferred(error)) if self.connection.is_some() && error.may_be_of_one_row() => {
                log::warn!("what a transaction writes last was refused; its {} jobs run alone: {error}", done.len());
                done.into_iter().map(|(job, _)| job).chain(again).collect()
            }
            Err(lost) => {
                let error = StoreError::from(lost);
                let mut failed: Vec<_> = done.into_iter().map(|(job, _)| job).chain(again).collect();
                if failed.is_empty() || self.watch.was_late() {
                    // The transaction could not be opened, or its callers have been told that there was no answer.
                    failed.extend(std::mem::take(round).into_jobs());
                }
                log_for_all(&error, &failed);
                for job in failed {
                    job.answer(Err(error.clone()));
                }
                Vec::new()
            }
        }
    }

    /// Returns the next queued job that may still start.
    fn next_that_waits(&self) -> Option<Box<dyn Job>> {
        while !self.watch.is_given_up()
            && let Some(job) = self.shared.waiting.try_next()
        {
            if let Some(begun) = self.begin(job) {
                return Some(begun);
            }
        }
        None
    }

    /// Runs a job in a transaction of its own until it no longer conflicts with another one, or too long after `since`: the
    /// jobs behind it wait too.
    fn run_alone(&mut self, mut job: Box<dyn Job>, since: Instant) {
        let mut last = StoreError::Contended(Cause::default());
        for _ in 0..MAX_RETRIES_ALONE {
            if since.elapsed() > self.shared.longest_alone || self.watch.is_given_up() || self.watch.was_late() {
                break;
            }
            let mut ended = Ok(());
            let worked = self.transaction(LockWait::Patient, |_, open| {
                if let Ran::RolledBack(error) = run_in_savepoint(job.as_mut(), Ahead::default(), open)? {
                    ended = Err(error);
                }
                Ok(Worked { jobs: 1, kept: usize::from(ended.is_ok()) })
            });
            match worked.map_err(StoreError::from).and(ended) {
                Err(error) if error.may_succeed_alone() => last = error,
                ended => return self.answer_and_log(job, ended),
            }
        }
        self.answer_and_log(job, Err(last));
    }

    fn answer_and_log(&self, job: Box<dyn Job>, ended: Result<(), StoreError>) {
        if let Err(error) = &ended {
            self.shared.outcomes.note_job_failed(error);
            error.log(job.request_id());
        }
        job.answer(ended);
    }

    /// Runs `work` in one transaction, writes what it deferred, and commits.
    fn transaction(
        &mut self,
        waiting: LockWait,
        work: impl FnOnce(&Self, &mut OpenTransaction) -> Result<Worked, StoreError>,
    ) -> Result<(), Failure> {
        self.watch.begin();
        let mut open = self.open(waiting)?;
        let mut writes = false;
        let worked = work(self, &mut open);
        let failure = if open.is_deferred_refused() { Failure::Deferred } else { Failure::Statement };
        let ended = worked.map_err(failure).and_then(|worked| {
            writes = open.writes();
            self.head = Some(self.commit(&mut open, worked.jobs)?);
            Ok(worked)
        });
        let error = ended.as_ref().err().map(Failure::error);
        self.connection = open.into_connection(error.is_some()).filter(|connection| is_kept_after(connection, error));
        match ended {
            // A full disk commits the transaction of a job that was rolled back, and of one that wrote nothing.
            Ok(Worked { kept, .. }) if kept > 0 && writes => self.shared.outcomes.note_written(),
            Ok(_) => {}
            Err(failure) => {
                self.shared.outcomes.note_transaction_failed(failure.error());
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Writes what a transaction deferred, and commits it. Returns the head of the chain after it.
    fn commit(&self, open: &mut OpenTransaction, jobs: usize) -> Result<ChainHead, Failure> {
        let since = instant();
        self.refuse_if_given_up()?;
        let head = open.write_deferred().map_err(Failure::Deferred)?;
        self.refuse_if_given_up()?;
        open.commit()?;
        self.shared.file.check()?;
        self.shared.observer.committed(jobs, since.elapsed());
        Ok(head)
    }

    /// Fails once the callers have been told that there was no answer: they may have tried again.
    fn refuse_if_given_up(&self) -> Result<(), StoreError> {
        let is_too_late = self.watch.is_given_up() || self.watch.was_late();
        if is_too_late { Err(StoreError::Unanswered) } else { Ok(()) }
    }

    /// Opens a transaction, which begins later where that saves round trips.
    fn open(&mut self, waiting: LockWait) -> Result<OpenTransaction, StoreError> {
        let head = self.head.take();
        let connection = self.connected()?;
        match (head, waiting) {
            (Some(head), LockWait::Brief) if connection.is_remote() => {
                Ok(OpenTransaction::later(connection, waiting, head))
            }
            _ => self.begun(connection, waiting),
        }
    }

    /// Begins a transaction and locks the chain. A connection that was lost while idle is replaced: nothing has run on it.
    fn begun(&mut self, mut connection: AnyConnection, waiting: LockWait) -> Result<OpenTransaction, StoreError> {
        match connection.begin(LockWait::Patient) {
            Err(_) if connection.is_remote() => {
                drop(connection);
                connection = self.connected()?;
                connection.begin(LockWait::Patient)?;
            }
            // Another process holds the file; nobody waits for it again.
            Err(error) => {
                self.shared.refuse_waiting(&error);
                self.connection = Some(connection);
                return Err(error);
            }
            Ok(()) => {}
        }
        let locked = OpenChain::lock(&mut connection, &self.chain);
        match locked.and_then(|chain| connection.set_lock_timeout(waiting).map(|()| chain)) {
            Ok(chain) => Ok(OpenTransaction::begun(connection, waiting, chain)),
            Err(error) => {
                self.shared.outcomes.note_transaction_failed(&error);
                if connection.command("ROLLBACK").is_ok() && is_kept_after(&connection, Some(&error)) {
                    self.connection = Some(connection);
                }
                Err(error)
            }
        }
    }

    /// Returns the connection; reconnects when it was lost.
    fn connected(&mut self) -> Result<AnyConnection, StoreError> {
        let is_recent = std::mem::replace(&mut self.used_at, instant()).elapsed() <= CHECKED_WHEN_IDLE;
        let kept = self.connection.take();
        let works = |connection: &mut AnyConnection| is_recent || answers(connection);
        match kept.and_then(|mut connection| works(&mut connection).then_some(connection)) {
            Some(connection) => Ok(connection),
            None => {
                let connected = self.shared.outage.attempt(|| {
                    let mut connection = self.shared.location.reconnect()?;
                    connection.plan_once()?;
                    self.shared.file.check()?;
                    Ok(connection)
                });
                // No job waits while the database is away.
                connected.inspect_err(|error| self.shared.refuse_waiting(error))
            }
        }
    }
}

/// Answers a job that does not run: its caller has been told, or may have been, that there was no answer.
fn refuse_unanswered(job: Box<dyn Job>) {
    job.answer(Err(StoreError::Unanswered));
}

/// Whether a connection is kept after this error: that to a server which has become read-only stays so, and a new one may reach
/// the new primary.
fn is_kept_after(connection: &AnyConnection, error: Option<&StoreError>) -> bool {
    !connection.is_remote() || !matches!(error, Some(StoreError::ReadOnly(_)))
}

/// Logs the error of a whole transaction once, for all of its requests.
fn log_for_all(error: &StoreError, jobs: &[Box<dyn Job>]) {
    let requests: Vec<&str> = jobs.iter().map(|job| job.request_id()).filter(|id| !id.is_empty()).collect();
    if error.has_cause() {
        error.log(&requests.join(", "));
    } else {
        log::error!("a transaction of {} jobs failed: {error}", jobs.len());
    }
}
