//! What rotation asks of the database.

use futures_util::future::BoxFuture;

use crate::arrow::Arrow;
use crate::record::{Record, Waiting};
use crate::target::{Account, Login, LoginSecret, Operator, TargetError};

/// The durable state of one account, under a lease that one node has at a time.
///
/// A rotator may be dropped at any await, and a process may end at any moment: only what [`Journal::apply`] committed counts.
pub trait Journal: Send + Sync {
    /// Loads the record, and opens the secrets.
    fn load(&self) -> BoxFuture<'_, Result<Loaded, JournalError>>;

    /// Applies an arrow in one transaction: the lease is held (and renewed), the stored record has the revision
    /// [`Arrow::expected_revision`] and becomes [`Arrow::record`], the request [`Arrow::takes`] is removed
    /// ([`Waiting::without`]), the effect changes the versions of the secret, and the audit record is inserted. All or nothing.
    ///
    /// # Errors
    /// [`JournalError::Lost`] if the lease, the revision or the request is not as expected. After [`JournalError::Failed`]
    /// the arrow may have been committed all the same.
    fn apply<'a>(&'a self, arrow: &'a Arrow) -> BoxFuture<'a, Result<(), JournalError>>;

    /// Renews the lease. Called before each call of the target that does not follow [`Journal::apply`]. The lease must last longer
    /// than any call of the target.
    ///
    /// # Errors
    /// [`JournalError::Lost`] if another node has it.
    fn renew(&self) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Notes an error of the target for the operator: its cause is more than the arrow that follows from it says.
    fn note_error(&self, _error: TargetError) {}

    /// Returns the time in microseconds since 1970, by the clock that leases and records go by.
    fn now(&self) -> i64;
}

/// What a journal knows of an account.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The record.
    pub record: Record,
    /// The requests that wait.
    pub waiting: Waiting,
    /// The account, with the pinned identity.
    pub account: Account,
    /// Why the target must not be contacted, if so. Every step on it ends with this error, and `operator` and `reconciliation` have no
    /// secret.
    pub refusal: Option<TargetError>,
    /// Who makes the change.
    pub operator: Operator,
    /// The reconciliation account.
    pub reconciliation: Option<Login>,
    /// The version in the state `current`; `None` if there is none, or if it is known to be wrong.
    pub current: Option<LoginSecret>,
    /// The version in the state `candidate` or `unverified`.
    pub candidate: Option<LoginSecret>,
    /// The value that the last change replaces, for [`crate::Target::retire`]. `None` while it is still the current one.
    pub former: Option<LoginSecret>,
}

/// Why a journal did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Another node has the lease, or the record has changed. The rotator ends at once and sends nothing more.
    #[error("another node has the lease, or the record has changed")]
    Lost,
    /// The database failed. What was asked for may have been committed.
    #[error("the journal failed: {0}")]
    Failed(&'static str),
}
