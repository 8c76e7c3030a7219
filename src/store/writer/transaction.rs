//! The transaction of a job, and the savepoints that let it fail alone.

use super::super::StoreError;
use super::super::audit::ChainHead;
use super::super::connection::{AnyConnection, LockWait};
use super::submitted::Job;

/// The transaction of a job.
pub struct Transaction<'a> {
    connection: &'a mut AnyConnection,
    head: &'a mut ChainHead,
    /// The head before this job.
    before: &'a ChainHead,
    waiting: LockWait,
}

impl Transaction<'_> {
    /// Returns the connection, for the functions of the tables.
    pub fn connection(&mut self) -> &mut AnyConnection {
        self.connection
    }

    /// Whether this job runs alone, after a conflict with another transaction. It then waits for locks.
    pub fn is_alone(&self) -> bool {
        self.waiting == LockWait::Patient
    }

    /// Rolls back the writes of this job, audit records included. The job continues, to record why.
    pub fn roll_back(&mut self) -> Result<(), StoreError> {
        self.connection.command("ROLLBACK TO SAVEPOINT job")?;
        self.head.clone_from(self.before);
        Ok(())
    }

    /// Runs `work` in a savepoint of its own: an error rolls back its writes and nothing else.
    pub fn savepoint<T, E>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, StoreError> {
        let before = self.head.clone();
        self.connection.command("SAVEPOINT part")?;
        let result = work(self);
        if result.is_err() {
            self.connection.command("ROLLBACK TO SAVEPOINT part")?;
            *self.head = before;
        }
        self.connection.command("RELEASE SAVEPOINT part")?;
        Ok(result)
    }

    /// Returns the connection and the head of this writer's chain of audit records.
    pub(in crate::store) fn chain(&mut self) -> (&mut AnyConnection, &mut ChainHead) {
        (self.connection, self.head)
    }
}

pub(super) enum Ran {
    Kept,
    RolledBack(StoreError),
}

/// Runs a job in a savepoint: all of its rows remain, or none. An error means that the whole transaction is lost.
pub(super) fn run_in_savepoint(
    job: &mut dyn Job,
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
            Ok(Ran::RolledBack(error))
        }
    }
}
