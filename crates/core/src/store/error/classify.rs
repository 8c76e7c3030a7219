//! Classification of the errors of both engines.
//!
//! PostgreSQL translates its messages into the language of `lc_messages`; a connection sets English
//! (`connection.rs`). SQLite's messages are fixed (`sqlite3ErrStr`).

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

use super::{Cause, StoreError};

/// Maps a kind and a message to an error.
pub(super) fn classify(kind: DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> StoreError {
    let cause = |class: &str| Cause::new(class, &kind, information);
    match kind {
        DatabaseErrorKind::UniqueViolation => StoreError::Conflict(cause("unique violation")),
        DatabaseErrorKind::SerializationFailure => StoreError::Contended(cause("serialization failure, 40001")),
        DatabaseErrorKind::ReadOnlyTransaction => StoreError::ReadOnly(cause("read-only transaction, 25006")),
        DatabaseErrorKind::ForeignKeyViolation => StoreError::Refused(cause("foreign key violation")),
        DatabaseErrorKind::NotNullViolation => StoreError::Refused(cause("not-null violation")),
        DatabaseErrorKind::CheckViolation => StoreError::Refused(cause("check violation")),
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            StoreError::Unavailable("the connection is closed")
        }
        _ => match Class::from_message(information.message()) {
            Some(class) => (class.error)(cause(class.name)),
            None => StoreError::Refused(cause("unknown")),
        },
    }
}

/// A class of errors without a kind in diesel.
struct Class {
    /// Our name; PostgreSQL's SQLSTATE and SQLite's result code where there is exactly one.
    name: &'static str,
    error: fn(Cause) -> StoreError,
    /// Substrings of the messages of this class.
    messages: &'static [&'static str],
}

/// The classes, by priority: the first match counts.
const CLASSES: [Class; 8] = [
    Class { name: "deadlock, 40P01", error: StoreError::Contended, messages: &["deadlock detected"] },
    Class {
        name: "lock timeout, 55P03, SQLITE_BUSY",
        error: StoreError::Contended,
        messages: &[
            "canceling statement due to lock timeout",
            "database is locked",
            "database table is locked",
            "database schema is locked",
        ],
    },
    Class {
        name: "statement timeout, 57014",
        error: StoreError::StatementTimeout,
        messages: &["canceling statement due to statement timeout"],
    },
    Class {
        name: "disk full, 53100, SQLITE_FULL",
        error: StoreError::DiskFull,
        messages: &["database or disk is full", "No space left on device", "Disk quota exceeded"],
    },
    Class {
        name: "read-only, SQLITE_READONLY",
        error: StoreError::ReadOnly,
        messages: &["attempt to write a readonly database", "Read-only file system"],
    },
    Class {
        name: "corruption, XX001, SQLITE_CORRUPT, SQLITE_NOTADB",
        error: StoreError::Corrupt,
        messages: &[
            "database disk image is malformed",
            "file is not a database",
            "malformed database schema",
            "invalid page in block",
            "of 8192 bytes",
            "contains unexpected zero page",
            "contains corrupted page",
            "missing chunk number",
            "unexpected chunk number",
            "failed to re-find parent key",
        ],
    },
    Class {
        name: "I/O error, 58030, SQLITE_IOERR",
        error: StoreError::InputOutput,
        messages: &[
            "disk I/O error",
            "unable to open database file",
            "Input/output error",
            "could not fsync file",
            "could not read block",
            "could not write block",
        ],
    },
    Class {
        name: "encoding, 22021, 22P05",
        error: StoreError::Encoding,
        messages: &[
            "has no equivalent in encoding",
            "invalid byte sequence for encoding",
            "unsupported Unicode escape",
        ],
    },
];

impl Class {
    fn from_message(message: &str) -> Option<&'static Class> {
        CLASSES.iter().find(|class| class.messages.iter().any(|part| message.contains(part)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(kind: DatabaseErrorKind, message: &str) -> StoreError {
        classify(kind, &message.to_string())
    }

    #[test]
    fn messages_that_no_test_can_provoke_have_their_classes() {
        let cause = Cause::default;
        for (message, expected) in [
            ("could not extend file \"base/5/16\": No space left on device", StoreError::DiskFull(cause())),
            ("could not read block 3 in file \"base/5/16\": read only 0 of 8192 bytes", StoreError::Corrupt(cause())),
            ("invalid page in block 3 of relation base/5/16", StoreError::Corrupt(cause())),
            ("could not read block 3 in file \"base/5/16\": Input/output error", StoreError::InputOutput(cause())),
            ("could not fsync file \"base/5/16\": Input/output error", StoreError::InputOutput(cause())),
            ("disk I/O error", StoreError::InputOutput(cause())),
        ] {
            assert_eq!(classified(DatabaseErrorKind::Unknown, message), expected, "{message}");
        }
    }

    #[test]
    fn only_what_another_transaction_caused_may_pass_alone() {
        let alone = [
            (DatabaseErrorKind::UniqueViolation, "duplicate key value violates unique constraint \"x\""),
            (DatabaseErrorKind::SerializationFailure, "could not serialize access due to concurrent update"),
            (DatabaseErrorKind::Unknown, "deadlock detected"),
            (DatabaseErrorKind::Unknown, "canceling statement due to lock timeout"),
            (DatabaseErrorKind::Unknown, "database is locked"),
        ];
        for (kind, message) in alone {
            assert!(classified(kind, message).may_succeed_alone(), "{message}");
        }
        let never = [
            (DatabaseErrorKind::Unknown, "index row size 2800 exceeds btree version 4 maximum 2704 for index \"x\""),
            (DatabaseErrorKind::Unknown, "canceling statement due to statement timeout"),
            (DatabaseErrorKind::Unknown, "database or disk is full"),
            (DatabaseErrorKind::NotNullViolation, "null value in column \"x\""),
        ];
        for (kind, message) in never {
            assert!(!classified(kind, message).may_succeed_alone(), "{message}");
        }
    }

    #[test]
    fn an_unknown_error_is_not_temporary() {
        let unknown =
            classified(DatabaseErrorKind::Unknown, "index row size 2800 exceeds btree version 4 maximum 2704");
        assert_eq!(unknown, StoreError::Refused(Cause::default()));
        assert!(!unknown.is_temporary());
    }
}
