//! The transaction of a job, and the savepoints that let it fail alone.

use std::sync::Arc;

use super::super::StoreError;
use super::super::audit::OpenChain;
use super::super::connection::{AnyConnection, LockWait};
use super::super::credential_lock::LockedAhead;
use super::super::id::CredentialId;
use super::super::object_lookup::{self, FoundObject, ObjectLookup};
use super::deferred::{DeferrableWrite, Mark};
use super::open::{Changed, OpenTransaction};
use super::round::{Ahead, Lookup};
use super::submitted::Job;

/// The transaction of a job.
pub struct Transaction<'a> {
    open: &'a mut OpenTransaction,
    job: &'a mut RunningJob,
}

/// A job in its transaction.
struct RunningJob {
    /// What was deferred before it.
    before: Mark,
    /// Whether its savepoint is set. A job that only defers has none.
    has_savepoint: bool,
    /// What it may change.
    changes: Changed,
    /// Why the savepoint could not be set. Then the whole transaction is rolled back, whatever the job makes of the error.
    failed: Option<StoreError>,
    lookup: Option<Arc<ObjectLookup>>,
    ahead: Ahead,
}

impl Transaction<'_> {
    /// Returns the same transaction, for a shorter time.
    pub fn reborrow(&mut self) -> Transaction<'_> {
        Transaction { open: self.open, job: self.job }
    }

    /// Returns the connection, for the functions of the tables.
    pub fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        if let Some(error) = &self.job.failed {
            return Err(error.clone());
        }
        if !self.job.has_savepoint {
            let set = self.open.set_savepoint(self.job.before, self.job.changes);
            self.job.failed = set.as_ref().err().cloned();
            set?;
            self.job.has_savepoint = true;
        }
        self.open.connection()
    }

    /// As [`Transaction::connection`], of a transaction that has begun. If the savepoint cannot be set, the transaction is rolled back
    /// at the end of the job, with the statements that the job has run meanwhile.
    pub fn connection_when_begun(&mut self) -> &mut AnyConnection {
        // The error is noted, and fails the job at its end.
        let _ = self.connection();
        self.open.read_connection()
    }

    /// Returns the connection for a statement that writes nothing, which may need a savepoint.
    pub fn read_connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        if self.needs_savepoint_to_read() { self.connection() } else { Ok(self.open.read_connection()) }
    }

    /// Whether a statement that writes nothing needs a savepoint: not on SQLite, and on PostgreSQL not without a transaction. Within
    /// one, it would end that of the other jobs if it failed.
    pub fn needs_savepoint_to_read(&self) -> bool {
        self.open.has_begun_remotely()
    }

    /// Takes what the writer has locked for the job just before, together with that of other jobs: the account of its ticket, or the
    /// place of a new one.
    pub fn take_locked_account(&mut self) -> LockedAhead {
        let ahead = std::mem::take(&mut self.job.ahead.account);
        self.job.changes = ahead.only_id().map_or(Changed::AnyRow, Changed::Account);
        ahead
    }

    /// Leaves a write of the account that was locked ahead to the end of the transaction. Returns it when the job has to do it itself.
    pub fn write_later(&mut self, write: DeferrableWrite) -> Option<DeferrableWrite> {
        match self.job.changes {
            // Once the savepoint is set, the statements of the job have to see what it wrote, and a rollback has to undo that.
            Changed::Account(id) if !self.job.has_savepoint => self.open.write_later(id, write),
            _ => Some(write),
        }
    }

    /// Returns what the lookup of the job's ticket finds. On PostgreSQL the writer may have looked it up just before, together with
    /// that of other jobs, while no job had written anything. `None` also without a lookup.
    pub fn looked_up(&mut self) -> Result<Option<FoundObject>, StoreError> {
        match (std::mem::take(&mut self.job.ahead.lookup), self.job.lookup.clone()) {
            (Lookup::Made(found), _) => Ok(found),
            (Lookup::NotMade, Some(lookup)) => object_lookup::find(self.read_connection()?, &lookup),
            (Lookup::NotMade, None) => Ok(None),
        }
    }

    fn command(&mut self, statement: &'static str) -> Result<(), StoreError> {
        self.open.connection()?.prepared_command(statement)
    }

    /// Stores at the end of the transaction that the secret of a credential was shown at this time.
    pub fn note_view(&mut self, id: CredentialId, at: i64) {
        self.open.deferred().note_view(id, at);
    }

    /// Whether this job runs alone, after a conflict with another transaction. It then waits for locks.
    pub fn is_alone(&self) -> bool {
        self.open.waiting() == LockWait::Patient
    }

    /// Rolls back the writes of this job, audit records included. The job continues, to record why.
    pub fn roll_back(&mut self) -> Result<(), StoreError> {
        if self.job.has_savepoint {
            self.command("ROLLBACK TO SAVEPOINT job")?;
        }
        self.open.deferred().truncate(self.job.before);
        Ok(())
    }

    /// Runs `work` in a savepoint of its own: an error rolls back its writes and nothing else.
    pub fn savepoint<T, E>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        let mark = self.open.deferred().mark();
        self.connection()?.prepared_command("SAVEPOINT part")?;
        let result = work(self);
        if result.is_err() {
            self.command("ROLLBACK TO SAVEPOINT part")?;
            self.open.deferred().truncate(mark);
        }
        self.command("RELEASE SAVEPOINT part")?;
        Ok(result)
    }

    /// Returns this writer's chain of audit records.
    pub(in crate::store) fn chain(&mut self) -> &mut OpenChain {
        self.open.deferred().chain()
    }

    /// Ends the job: all of its writes remain, or none. An error means that the whole transaction is lost.
    fn end(mut self, result: Result<(), StoreError>) -> Result<Ran, StoreError> {
        if let Some(error) = self.job.failed.take() {
            return Err(error);
        }
        if let Err(error) = &result
            && !self.job.has_savepoint
            && self.open.was_ended_by_sqlite()
        {
            return Err(error.clone());
        }
        if let Err(error) = &result
            && let Err(lost) = self.roll_back()
        {
            // SQLite has rolled back the whole transaction: the first error is the cause, and the other one its effect.
            return Err(if error.is_of_files() { error.clone() } else { lost });
        }
        if self.job.has_savepoint {
            self.open.release_savepoint()?;
        }
        Ok(result.map_or_else(Ran::RolledBack, |()| Ran::Kept))
    }
}

pub(super) enum Ran {
    Kept,
    RolledBack(StoreError),
}

/// Runs a job, in a savepoint if it needs one: all of its rows remain, or none. An error means that the whole transaction is lost.
pub(super) fn run_in_savepoint(job: &mut dyn Job, ahead: Ahead, open: &mut OpenTransaction) -> Result<Ran, StoreError> {
    let (before, lookup) = (open.deferred().mark(), job.lookup().cloned());
    let mut running =
        RunningJob { before, has_savepoint: false, changes: Changed::AnyRow, failed: None, lookup, ahead };
    let mut transaction = Transaction { open, job: &mut running };
    let result = job.run(&mut transaction);
    transaction.end(result)
}
