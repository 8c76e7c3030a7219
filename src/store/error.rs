//! What can go wrong in the store, in the store's own words.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why a job or a query did not happen. The texts name no value and no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The queue of writes, or the pool of readers, is full.
    #[error("the store is busy")]
    Busy,
    /// The database cannot be reached, or did not commit.
    #[error("the database is unavailable: {0}")]
    Unavailable(&'static str),
    /// A unique index refused a row, also after running alone.
    #[error("a row with the same key exists")]
    Conflict,
    /// Another transaction was in the way; the job may run again.
    #[error("another transaction was in the way")]
    Contended,
    /// No such row.
    #[error("no such row")]
    NotFound,
    /// The job panicked; nothing of it was kept.
    #[error("the job panicked")]
    Panicked,
    /// The database refused a statement.
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
    /// Whether the same job may well succeed when it runs again alone.
    ///
    /// PostgreSQL reports deadlocks and lock time-outs without a kind of their own, hence `Contended` for what
    /// diesel does not know. A unique violation counts too: two nodes may both have looked before either wrote, and
    /// the second run finds the row.
    pub(super) fn may_pass_alone(&self) -> bool {
        matches!(self, StoreError::Conflict | StoreError::Contended)
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => StoreError::NotFound,
            DieselError::DatabaseError(kind, about) => {
                // The message may quote a value; only the log at debug level of a developer's build could want it.
                let _ = about;
                match kind {
                    DatabaseErrorKind::UniqueViolation => StoreError::Conflict,
                    DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::Unknown => StoreError::Contended,
                    DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                        StoreError::Unavailable("the connection is closed")
                    }
                    DatabaseErrorKind::ReadOnlyTransaction => StoreError::Unavailable("the database is read-only"),
                    DatabaseErrorKind::ForeignKeyViolation => StoreError::Query("foreign key"),
                    DatabaseErrorKind::NotNullViolation => StoreError::Query("not null"),
                    DatabaseErrorKind::CheckViolation => StoreError::Query("check"),
                    _ => StoreError::Query("other"),
                }
            }
            DieselError::BrokenTransactionManager => StoreError::Unavailable("the connection is broken"),
            DieselError::DeserializationError(_) => StoreError::Query("a row has an unexpected form"),
            DieselError::SerializationError(_) => StoreError::Query("a value has an unexpected form"),
            _ => StoreError::Query("other"),
        }
    }
}
