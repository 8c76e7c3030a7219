//! What can go wrong in the store, in the store's own words, and what the database said about it.
//!
//! An error carries its cause until it leaves the store, where [`StoreError::log`] writes it down once, with the id of
//! the request. Diesel hands out neither SQLSTATE nor SQLite's result code, only a kind and the primary message, so
//! what has no kind is told apart by its message (`classify.rs`).

mod cause;
mod classify;

use diesel::result::Error as DieselError;

pub use cause::Cause;

/// Why a job or a query did not happen. The texts name no value and no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The queue of writes, or the pool of readers, is full.
    #[error("the store is busy")]
    Busy,
    /// The job had not started by its deadline, and never will.
    #[error("the store did not begin in time")]
    TimedOut,
    /// The database cannot be reached, or did not commit.
    #[error("the database is unavailable: {0}")]
    Unavailable(&'static str),
    /// A unique index refused a row, also after running alone.
    #[error("a row with the same key exists")]
    Conflict(Cause),
    /// Another transaction was in the way (serialization failure, deadlock, lock timeout); the job may run again.
    #[error("another transaction was in the way")]
    Contended(Cause),
    /// The database has no space left.
    #[error("the database has no space left")]
    DiskFull(Cause),
    /// The database could not read or write its files.
    #[error("the database could not read or write its files")]
    InputOutput(Cause),
    /// The database is damaged, or is no database.
    #[error("the database is damaged")]
    Corrupt(Cause),
    /// The database takes no writes.
    #[error("the database is read-only")]
    ReadOnly(Cause),
    /// A statement took longer than it may.
    #[error("a statement took too long")]
    StatementTimeout(Cause),
    /// A text holds a character that the encoding of the database does not have.
    #[error("a text does not fit the encoding of the database")]
    Encoding(Cause),
    /// The database refused a statement, and would again.
    #[error("the database refused a statement")]
    Refused(Cause),
    /// Another node holds the job now; whatever its former holder wrote in this transaction is rolled back.
    #[error("the lease of the job is lost")]
    LeaseLost,
    /// No such row.
    #[error("no such row")]
    NotFound,
    /// The job panicked; nothing of it was kept.
    #[error("the job panicked")]
    Panicked,
    /// What the vault expects of its rows does not hold.
    #[error("the database refused a statement ({0})")]
    Query(&'static str),
    /// The location of the database makes no sense.
    #[error("{0}")]
    Location(String),
    /// A migration did not apply.
    #[error("the database could not be migrated")]
    Migration,
}

impl StoreError {
    /// Whether this is the refusal of a unique index.
    pub fn is_conflict(&self) -> bool {
        matches!(self, StoreError::Conflict(_))
    }

    /// Whether the same request may well succeed later, without anybody changing it.
    pub fn is_temporary(&self) -> bool {
        match self {
            StoreError::Busy
            | StoreError::TimedOut
            | StoreError::Unavailable(_)
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
            | StoreError::Migration => false,
        }
    }

    /// Logs what the database said, if it said anything, with the id of the request that it was said to. [`super::Store`]
    /// does so for every error that it returns; call it for an error that a query hands out inside of its result.
    pub fn log(&self, request_id: &str) {
        if let Some(cause) = self.cause() {
            log::error!("request {}: {self}: {cause}", if request_id.is_empty() { "-" } else { request_id });
        }
    }

    /// Whether the same job may well succeed when it runs again alone. A unique violation counts: two nodes may both
    /// have looked before either wrote, and the second run finds the row.
    pub(super) fn may_pass_alone(&self) -> bool {
        matches!(self, StoreError::Conflict(_) | StoreError::Contended(_))
    }

    /// Whether the database said why.
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
