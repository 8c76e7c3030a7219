//! The audit log: what a record says, how each is bound to the one before it, and how a chain is checked.
//!
//! A record's MAC is HMAC-SHA-256 (RFC 2104) under the audit key over a canonical encoding of all its fields: each
//! one as its length (8 bytes, big endian) and its bytes. The chain's name, the record's number and the MAC of the
//! record before it are among the fields, so that an edited, removed, swapped or inserted record shows. A tail that
//! was cut off shows against a head that was signed and written elsewhere before.
//!
//! A record never holds a secret. It names objects by kind and id.

mod chain;
mod head;
mod row_mac;

pub use chain::{Break, ChainCheck, seal};
pub use head::AuthenticatedHead;
pub use row_mac::RowMac;

use chrono::{DateTime, Utc};

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The request's id, which its answer and its log line bear too; empty for the command line.
    pub request_id: String,
    /// Who: a client id, `command-line`, or empty when nobody was authenticated.
    pub actor: String,
    /// The source address; empty for the command line.
    pub source: String,
    /// What was asked, from a fixed list.
    pub action: &'static str,
    /// What it was done to, as `kind:id`; empty when nothing was found.
    pub object: String,
    /// `ok`; `repeated`, when it was done before under its idempotency key; `unchanged`, when the client knew the state
    /// of what it asked for and got nothing more; or the stable reason of a refusal.
    pub outcome: String,
    /// How many like events this record stands for; more than 1 only for failed authentications.
    pub times: i32,
}
