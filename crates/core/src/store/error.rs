//! Errors of the store.
//!
//! An error carries its cause until it leaves the store, where [`StoreError::log`] logs it once, with the request id.
//! Diesel exposes neither SQLSTATE nor SQLite's result code, only a kind and the primary message, so errors without a
//! kind are classified by their message (`classify.rs`).

mod cause;
mod classify;

use diesel::result::Error as DieselError;

pub use cause::Cause;

/// An error of a job or a query. The texts contain no value and no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The queue of writes, or the pool of readers, is full.
    #[error("the store is busy")]
    Busy,
    /// The job had not started by its deadline; it will not run.
    #[error("the store is overloaded: the operation did not start in time")]
    TimedOut,
    /// The database cannot be reached, or did not commit.
    #[error("the database is unavailable: {0}")]
    Unavailable(&'static str),
    /// PostgreSQL does not answer. The operation may have taken effect.
    #[error("PostgreSQL does not answer; whether the operation took effect is unknown")]
    Unanswered,
    /// The file of SQLite was removed or replaced while it was open.
    #[error("the database file was removed or replaced while it was open; put it back in place and restart")]
    FileReplaced,
    /// PostgreSQL does not accept a connection; with the reason.
    #[error("PostgreSQL does not accept the connection: {0}")]
    Connection(String),
    /// A unique violation, also when the job ran alone.
    #[error("a row with the same key exists")]
    Conflict(Cause),
    /// A conflict with another transaction (serialization failure, deadlock, lock timeout); the job may be retried.
    #[error("conflict with another transaction")]
    Contended(Cause),
    /// The database has no space left.
    #[error("the database has no space left; free disk space")]
    DiskFull(Cause),
    /// The database could not read or write its files.
    #[error("the database could not read or write its files")]
    InputOutput(Cause),
    /// The database is corrupt, or the file is not a database.
    #[error("the database is corrupt; restore a backup")]
    Corrupt(Cause),
    /// The database is read-only.
    #[error(
        "the database is read-only; check the permissions of its files and their directory, or that the server is no standby"
    )]
    ReadOnly(Cause),
    /// A statement exceeded its timeout.
    #[error("a statement exceeded its timeout")]
    StatementTimeout(Cause),
    /// A text contains a character that the encoding of the database lacks.
    #[error("a text contains a character that the encoding of the database lacks; use a UTF-8 database")]
    Encoding(Cause),
    /// The database rejected a statement, and would again.
    #[error("the database rejected a statement")]
    Refused(Cause),
    /// Another node holds the lease of the job; the transaction is rolled back.
    #[error("the lease of the job is lost")]
    LeaseLost,
    /// No such row.
    #[error("no such row")]
    NotFound,
    /// The job panicked; it was rolled back.
    #[error("the job panicked")]
    Panicked,
    /// A row violates an invariant of the vault.
    #[error("inconsistent data: {0}")]
    Query(&'static str),
    /// The location of the database is invalid, or leads to a database that cannot hold a vault.
    #[error("{0}")]
    Location(String),
    /// A migration failed.
    #[error("a migration of the database failed")]
    Migration,
    /// The database has migrations that this version does not know.
    #[error(
        "the database was migrated by a newer version of chaveiro ({0} is unknown here); use that version, or restore a backup"
    )]
    Newer(String),
    /// A table or a column is missing.
    #[error("the database is not one of this version: {0}; restore a backup")]
    Schema(String),
}

impl StoreError {
    /// Whether this is a unique violation.
    pub fn is_conflict(&self) -> bool {
        matches!(self, StoreError::Conflict(_))
    }

    /// Whether the same request may succeed later, without a change.
    pub fn is_temporary(&self) -> bool {
        match self {
            StoreError::Busy
            | StoreError::TimedOut
            | StoreError::Unavailable(_)
            | StoreError::Connection(_)
            | StoreError::Unanswered
            | StoreError::FileReplaced
            | StoreError::Contended(_)
            | StoreError::DiskFull(_)
            | StoreError::InputOutput(_)
            | StoreError::ReadOnly(_)
            | StoreError::StatementTimeout(_) => true,
            StoreError::Conflict(_)
            | StoreError::Corrupt(_)
            | StoreError::Encoding(_)
            | StoreError::Refused(_)
            | StoreError::LeaseLost
            | StoreError::NotFound
            | StoreError::Panicked
            | StoreError::Query(_)
            | StoreError::Location(_)
            | StoreError::Migration
            | StoreError::Newer(_)
            | StoreError::Schema(_) => false,
        }
    }

    /// Logs the cause with the request id, if there is a cause. [`super::Store`] does so for every error that it
    /// returns; call this for an error inside the result of a query.
    pub fn log(&self, request_id: &str) {
        if let Some(cause) = self.cause() {
            log::error!("request {}: {self}: {cause}", if request_id.is_empty() { "-" } else { request_id });
        }
    }

    /// Whether the database could not use its files.
    pub(super) fn is_of_files(&self) -> bool {
        matches!(
            self,
            StoreError::DiskFull(_) | StoreError::InputOutput(_) | StoreError::ReadOnly(_) | StoreError::Corrupt(_)
        )
    }

    /// Whether one of several rows can be the reason.
    pub(super) fn may_be_of_one_row(&self) -> bool {
        matches!(
            self,
            StoreError::Conflict(_)
                | StoreError::Contended(_)
                | StoreError::Encoding(_)
                | StoreError::Refused(_)
                | StoreError::Query(_)
                | StoreError::NotFound
        )
    }

    /// Whether the job may succeed when it is retried alone. A unique violation counts: two nodes may both have
    /// looked before either wrote, and the retry finds the row.
    pub(super) fn may_succeed_alone(&self) -> bool {
        matches!(self, StoreError::Conflict(_) | StoreError::Contended(_))
    }

    /// Whether the error has a cause from the database.
    pub(super) fn has_cause(&self) -> bool {
        self.cause().is_some()
    }

    fn cause(&self) -> Option<&Cause> {
        match self {
            StoreError::Conflict(cause)
            | StoreError::Contended(cause)
            | StoreError::DiskFull(cause)
            | StoreError::InputOutput(cause)
            | StoreError::Corrupt(cause)
            | StoreError::ReadOnly(cause)
            | StoreError::StatementTimeout(cause)
            | StoreError::Encoding(cause)
            | StoreError::Refused(cause) => Some(cause).filter(|cause| !cause.is_empty()),
            _ => None,
        }
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => StoreError::NotFound,
            DieselError::DatabaseError(kind, information) => classify::classify(kind, information.as_ref()),
            DieselError::BrokenTransactionManager => StoreError::Unavailable("the connection is broken"),
            DieselError::DeserializationError(_) => StoreError::Query("a row has an unexpected form"),
            DieselError::SerializationError(_) => StoreError::Query("a value has an unexpected form"),
            _ => StoreError::Refused(Cause::default()),
        }
    }
}
