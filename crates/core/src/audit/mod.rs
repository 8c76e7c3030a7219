//! The audit log: the fields of a record, the MAC chain, and its verification.
//!
//! The MAC of a record is HMAC-SHA-256 (RFC 2104) under the audit key over a canonical encoding of all fields: the
//! length of each (8 bytes, big endian) and its bytes. Among the fields are the name of the chain, the number of the
//! record and the MAC of the record before it, so that a changed, deleted, swapped or inserted record is detected. A
//! truncated chain is detected by an authenticated head that was stored elsewhere. Old records can be archived and deleted: the
//! chain then begins after a checkpoint, which has a MAC of its own.
//!
//! A record never contains a secret. It names objects by kind and id.

mod chain;
mod checkpoint;
mod head;
mod row_mac;

pub use chain::{Break, ChainCheck, seal};
pub use checkpoint::seal_checkpoint;
pub use head::AuthenticatedHead;
pub use row_mac::RowMac;

use chrono::{DateTime, Utc};

/// A record of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The time of the event.
    pub at: DateTime<Utc>,
    /// The request id, as in the answer and in the access log; empty for the command line.
    pub request_id: String,
    /// The actor: a client id, `command-line`, or empty without authentication.
    pub actor: String,
    /// The source address; empty for the command line.
    pub source: String,
    /// The protocol family that the request came through; empty for the command line and merged failures.
    pub family: &'static str,
    /// The action, from a fixed list.
    pub action: &'static str,
    /// The object as `kind:id`; empty when none was found.
    pub object: String,
    /// `ok`; `repeated` for a repeated request with the same idempotency key; `unchanged` for an `If-None-Match` that
    /// matched; or the stable reason of a refusal.
    pub outcome: String,
    /// The reason that the client gave for its request; empty when it gave none.
    pub reason: String,
    /// The number of equal events in this record; more than 1 only for failed authentications and issued tokens.
    pub times: i32,
}
