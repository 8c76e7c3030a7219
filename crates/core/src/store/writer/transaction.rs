//! The transaction of a job, and the savepoints that let it fail alone.

use std::sync::Arc;

use super::super::StoreError;
use super::super::audit::OpenChain;
use super::super::connection::{AnyConnection, LockWait};
use super::super::id::CredentialId;
use super::super::object_lookup::{self, FoundObject, ObjectLookup};
use super::deferred::Mark;
use super::open::OpenTransaction;
use super::round::Ahead;
use super::submitted::Job;

/// The transaction of a job.
pub struct Transaction<'a> {
    open: &'a mut OpenTransaction,
    /// What was deferred before this job.
    before: Mark,
    /// Whether the savepoint of this job is set. A job that only appends records has none.
    has_savepoint: bool,
    /// Why the savepoint could not be set. Then the whole transaction is lost, whatever the job makes of the error.
    failed: Option<StoreError>,
    lookup: Option<Arc<ObjectLookup>>,
    ahead: Ahead,
}

impl Transaction<'_> {
    /// Returns the connection, for the functions of the tables.
    pub fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        if !self.has_savepoint {
            let set = self.open.set_savepoint();
            self.failed = set.as_ref().err().cloned();
            set?;
            self.has_savepoint = true;
        }
        self.open.connection()
    }

    /// Returns the connection for a statement that writes nothing. On SQLite it needs no savepoint. On PostgreSQL it needs no
    /// transaction; within one, it would end that of the other jobs if it failed.
    pub fn read_connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        if self.open.needs_savepoint_to_read() { self.connection() } else { Ok(self.open.read_connection()) }
    }

    /// Returns what the lookup of the job's ticket finds. On PostgreSQL the writer may have looked it up just before, together with
    /// that of other jobs, while no job had written anything. `None` also without a lookup.
    pub fn looked_up(&mut self) -> Result<Option<FoundObject>, StoreError> {
        match (std::mem::replace(&mut self.ahead, Ahead::NotLookedUp), self.lookup.clone()) {
            (Ahead::LookedUp(found), _) => Ok(found),
            (Ahead::NotLookedUp, Some(lookup)) => object_lookup::find(self.read_connection()?, &lookup),
            (Ahead::NotLookedUp, None) => Ok(None),
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
        if self.has_savepoint {
            self.command("ROLLBACK TO SAVEPOINT job")?;
        }
        self.open.deferred().truncate(self.before);
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
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Err(error) = &result
            && let Err(lost) = self.roll_back()
        {
            // SQLite has rolled back the whole transaction: the first error is the cause, and the other one its effect.
            return Err(if error.is_of_files() { error.clone() } else { lost });
        }
        if self.has_savepoint {
            self.open.release_savepoint()?;
        }
        Ok(result.map_or_else(Ran::RolledBack, |()| Ran::Kept))
    }
}

pub(super) enum Ran {
    Kept,
    RolledBack(StoreError),
}

/// Runs a job in a savepoint: all of its rows remain, or none. An error means that the whole transaction is lost.
pub(super) fn run_in_savepoint(job: &mut dyn Job, ahead: Ahead, open: &mut OpenTransaction) -> Result<Ran, StoreError> {
    let (before, lookup) = (open.deferred().mark(), job.lookup().cloned());
    let mut transaction = Transaction { open, before, has_savepoint: false, failed: None, lookup, ahead };
    let result = job.run(&mut transaction);
    transaction.end(result)
}
