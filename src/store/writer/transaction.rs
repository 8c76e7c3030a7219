//! The transaction that a job runs in, and the savepoints that let it fail alone.

use super::super::StoreError;
use super::super::audit::ChainHead;
use super::super::connection::{AnyConnection, LockWait};
use super::submitted::Job;

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
    pub fn roll_back(&mut self) -> Result<(), StoreError> {
        self.connection.command("ROLLBACK TO SAVEPOINT job")?;
        self.head.clone_from(self.before);
        Ok(())
    }

    /// Runs `work` in a savepoint of its own: an error takes back what it has written, and nothing else.
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

    /// The head of this writer's chain of audit records, and the connection to append to it with.
    pub(in crate::store) fn chain(&mut self) -> (&mut AnyConnection, &mut ChainHead) {
        (self.connection, self.head)
    }
}

pub(super) enum Ran {
    Kept,
    RolledBack(StoreError),
}

/// Runs a job so that it leaves all of its rows or none. An error means that the whole transaction is lost.
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
