//! The transaction that the jobs of a batch share.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::PgConnection;

use super::super::StoreError;
use super::super::audit::{ChainHead, OpenChain};
use super::super::connection::{AnyConnection, LockWait};
use super::super::credential_lock::{self, AccountLookup, LockedAhead};
use super::super::id::CredentialId;
use super::super::meta;
use super::super::object_lookup::{self, FoundObject, ObjectLookup};
use super::deferred::{DeferrableWrite, Deferred, Mark};

/// What a job may have changed of what was looked up ahead for those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Nothing,
    Account(CredentialId),
    AnyRow,
}

/// The most bytes of the values of a row that is in memory until the end of the transaction.
const MAX_DEFERRED_BYTES: usize = 64 * 1024;

/// A transaction on the connection of a writer.
///
/// On PostgreSQL it begins when a job first uses the connection, so that jobs that only append records cost one statement, which
/// is a transaction by itself.
pub(super) struct OpenTransaction {
    connection: AnyConnection,
    has_begun: bool,
    /// Whether the connection was used.
    is_used: bool,
    /// Whether the connection was found lost.
    is_lost: bool,
    /// Whether a job has set a savepoint. Without one, a job writes only what it defers.
    has_set_savepoint: bool,
    /// Whether the savepoint of a job that has ended is still set.
    has_ended_savepoint: bool,
    /// What the job has changed that runs now, or has just run.
    changed: Changed,
    /// Whether what was deferred could not be written.
    is_deferred_refused: bool,
    waiting: LockWait,
    deferred: Deferred,
}

impl OpenTransaction {
    /// Takes a connection on which a transaction has begun and `chain` is locked.
    pub(super) fn begun(connection: AnyConnection, waiting: LockWait, chain: OpenChain) -> Self {
        Self { has_begun: true, ..Self::new(connection, waiting, chain) }
    }

    /// Takes a connection on which the transaction begins later. `head` is the head of the chain after the last transaction.
    pub(super) fn later(connection: AnyConnection, waiting: LockWait, head: ChainHead) -> Self {
        Self::new(connection, waiting, OpenChain::after(head))
    }

    fn new(connection: AnyConnection, waiting: LockWait, chain: OpenChain) -> Self {
        Self {
            connection,
            has_begun: false,
            is_used: false,
            is_lost: false,
            has_set_savepoint: false,
            has_ended_savepoint: false,
            changed: Changed::Nothing,
            is_deferred_refused: false,
            waiting,
            deferred: Deferred::new(chain),
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
        self.is_used = true;
        Ok(&mut self.connection)
    }

    /// Sets the savepoint of a job that may change so much. `before` is what was deferred when it began: that is written before the
    /// savepoint, and what the job itself has deferred, after it.
    pub(super) fn set_savepoint(&mut self, before: Mark, changes: Changed) -> Result<(), StoreError> {
        self.write_rows_until(before)?;
        self.has_set_savepoint = true;
        self.changed = changes;
        let replaces = std::mem::take(&mut self.has_ended_savepoint);
        let connection = self.connection()?;
        if replaces {
            connection.command("RELEASE SAVEPOINT job; SAVEPOINT job")?;
        } else {
            connection.prepared_command("SAVEPOINT job")?;
        }
        self.write_rows_until(self.deferred.mark())
    }

    /// Releases the savepoint of a job. On PostgreSQL the next savepoint or the commit does, which saves a round trip.
    pub(super) fn release_savepoint(&mut self) -> Result<(), StoreError> {
        let connection = self.connection()?;
        if connection.is_remote() {
            self.has_ended_savepoint = true;
            return Ok(());
        }
        connection.prepared_command("RELEASE SAVEPOINT job")
    }

    /// Returns the connection for a statement that writes nothing, in or before the transaction.
    pub(super) fn read_connection(&mut self) -> &mut AnyConnection {
        self.is_used = true;
        &mut self.connection
    }

    /// Whether the transaction has begun, and a statement that fails ends it, unless there is a savepoint.
    pub(super) fn has_begun_remotely(&self) -> bool {
        self.has_begun && self.connection.is_remote()
    }

    /// Asks after the failure of a job without a savepoint whether SQLite has ended the transaction, as it does after an error of its
    /// files. What a later job wrote would be durable at once, without its record.
    pub(super) fn was_ended_by_sqlite(&mut self) -> bool {
        // Within a transaction, no other one begins.
        self.has_begun && !self.connection.is_remote() && self.connection.command("BEGIN").is_ok()
    }

    /// Whether each statement is a round trip.
    pub(super) fn is_remote(&self) -> bool {
        self.connection.is_remote()
    }

    /// Returns what several lookups find. Nothing when they fail, and the jobs then look up for themselves, and each has its own error;
    /// nothing in a transaction, which a failure would end.
    pub(super) fn look_up_ahead(&mut self, lookups: &[&ObjectLookup]) -> Vec<Option<FoundObject>> {
        if self.has_begun {
            return Vec::new();
        }
        self.is_used = true;
        self.together(|connection| object_lookup::find_each(connection, lookups)).unwrap_or_default()
    }

    /// Begins the transaction, locks several accounts and the places of new ones, as far as nobody else has locked them, and returns
    /// them. Nothing when that fails, and in a transaction that has begun, as [`OpenTransaction::look_up_ahead`].
    pub(super) fn lock_ahead(&mut self, lookups: &[&AccountLookup]) -> Vec<LockedAhead> {
        // A job that begins the transaction itself has the same error, and the means to deal with it.
        if self.has_begun || self.connection().is_err() {
            return Vec::new();
        }
        self.together(|connection| credential_lock::lock_ahead(connection, lookups)).unwrap_or_else(|| {
            // On a connection that is lost, the first job fails to begin.
            let _ = self.connection.command("ROLLBACK");
            self.has_begun = false;
            Vec::new()
        })
    }

    /// Runs a lookup for several jobs, on PostgreSQL. `None` when it fails.
    fn together<T>(&mut self, look_up: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>) -> Option<T> {
        let AnyConnection::Postgresql(c) = &mut self.connection else { return None };
        let found = catch_unwind(AssertUnwindSafe(|| look_up(c))).unwrap_or(Err(StoreError::Panicked));
        found.inspect_err(|error| log::debug!("several lookups at once failed: {error}")).ok()
    }

    /// Leaves a write of an account that was locked ahead to the end of the transaction, where one statement does those of all jobs.
    /// Returns it when its job has to do it.
    pub(super) fn write_later(&mut self, account: CredentialId, write: DeferrableWrite) -> Option<DeferrableWrite> {
        let is_large = write.bytes() > MAX_DEFERRED_BYTES;
        if !self.has_begun_remotely() || is_large || write.account() != Some(account) {
            return Some(write);
        }
        let refused = self.deferred.push(write);
        if refused.is_none() {
            self.changed = Changed::Account(account);
        }
        refused
    }

    fn write_rows_until(&mut self, mark: Mark) -> Result<(), StoreError> {
        let written = self.deferred.write_rows_until(mark, &mut self.connection);
        self.is_deferred_refused |= written.is_err();
        written
    }

    /// Returns what the last job has changed.
    pub(super) fn take_changed(&mut self) -> Changed {
        std::mem::replace(&mut self.changed, Changed::Nothing)
    }

    /// Whether what was deferred could not be written, for which another job than the one that runs may be the reason.
    pub(super) fn is_deferred_refused(&self) -> bool {
        self.is_deferred_refused
    }

    /// Whether a job has written rows, or left something to be written at the end.
    pub(super) fn writes(&self) -> bool {
        self.has_set_savepoint || !self.deferred.is_empty()
    }

    /// Asks after the failure of a job whether the connection is lost and the transaction has not begun: then nothing of its jobs
    /// was written, and they can run again.
    pub(super) fn is_lost_before_it_began(&mut self) -> bool {
        self.is_lost |= !self.has_begun && !answers(&mut self.connection);
        self.is_lost
    }

    /// Tests the connection if no job has used it, such as jobs of lists, which only append their records. Nobody knows of records that
    /// were sent on a lost connection whether they are stored, so the loss has to be noticed before.
    pub(super) fn check_unused(&mut self) -> Result<(), StoreError> {
        if self.has_begun || self.is_used || !self.connection.is_remote() {
            return Ok(());
        }
        let answered = meta::answers(&mut self.connection);
        self.is_lost = answered.is_err();
        answered
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

    /// Rolls back what is not committed. Returns the connection, if it still works: after a failure that is asked.
    pub(super) fn into_connection(mut self, has_failed: bool) -> Option<AnyConnection> {
        let works = if self.has_begun {
            self.connection.command("ROLLBACK").is_ok()
        } else {
            !has_failed || (!self.is_lost && answers(&mut self.connection))
        };
        works.then_some(self.connection)
    }
}

/// Whether a connection still works. To a file none is lost.
pub(super) fn answers(connection: &mut AnyConnection) -> bool {
    !connection.is_remote() || meta::answers(connection).is_ok()
}
