//! The transaction that the jobs of a batch share.

use super::super::StoreError;
use super::super::audit::{ChainHead, OpenChain};
use super::super::connection::{AnyConnection, LockWait};
use super::super::meta;
use super::deferred::Deferred;

/// A transaction on the connection of a writer.
///
/// On PostgreSQL it begins when a job first uses the connection, so that jobs that only append records cost one statement, which
/// is a transaction by itself.
pub(super) struct OpenTransaction {
    connection: AnyConnection,
    has_begun: bool,
    /// Whether a job failed before the transaction began, perhaps since the connection is lost.
    is_doubted: bool,
    waiting: LockWait,
    deferred: Deferred,
}

impl OpenTransaction {
    /// Takes a connection on which a transaction has begun and `chain` is locked.
    pub(super) fn begun(connection: AnyConnection, waiting: LockWait, chain: OpenChain) -> Self {
        Self { connection, has_begun: true, is_doubted: false, waiting, deferred: Deferred::new(chain) }
    }

    /// Takes a connection on which the transaction begins later. `head` is the head of the chain after the last transaction.
    pub(super) fn later(connection: AnyConnection, waiting: LockWait, head: ChainHead) -> Self {
        Self {
            connection,
            has_begun: false,
            is_doubted: false,
            waiting,
            deferred: Deferred::new(OpenChain::after(head)),
        }
    }

    /// How long its statements wait for locks.
    pub(super) fn waiting(&self) -> LockWait {
        self.waiting
    }

    /// What is written at its end.
    pub(super) fn deferred(&mut self) -> &mut Deferred {
        &mut self.deferred
    }

    /// Returns the connection. Begins the transaction if it has not begun.
    pub(super) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        if !self.has_begun {
            self.connection.begin(self.waiting)?;
            self.has_begun = true;
        }
        Ok(&mut self.connection)
    }

    /// Returns the connection for a statement that writes nothing, in or before the transaction.
    pub(super) fn read_connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }

    /// Whether a statement that fails ends the transaction, unless there is a savepoint.
    pub(super) fn needs_savepoint_to_read(&self) -> bool {
        self.has_begun && self.connection.is_remote()
    }

    /// Notes that a job failed. Before the transaction has begun, no later statement tells whether the connection is lost.
    pub(super) fn note_failed_job(&mut self) {
        self.is_doubted |= !self.has_begun;
    }

    /// Writes what was deferred. The audit records of a transaction that has not begun are durable then.
    pub(super) fn write_deferred(&mut self) -> Result<ChainHead, StoreError> {
        self.deferred.write(&mut self.connection)
    }

    /// Commits, unless nothing has begun.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        if self.has_begun {
            self.connection.prepared_command("COMMIT")?;
            self.has_begun = false;
        }
        Ok(())
    }

    /// Rolls back what is not committed. Returns the connection, if it still works.
    pub(super) fn into_connection(mut self) -> Option<AnyConnection> {
        let works = !self.has_begun || self.connection.command("ROLLBACK").is_ok();
        let connection = works.then_some(self.connection)?;
        if self.is_doubted { answering(connection) } else { Some(connection) }
    }
}

/// Returns the connection if it still works. To a file none is lost.
pub(super) fn answering(mut connection: AnyConnection) -> Option<AnyConnection> {
    let works = !connection.is_remote() || meta::answers(&mut connection).is_ok();
    works.then_some(connection)
}
