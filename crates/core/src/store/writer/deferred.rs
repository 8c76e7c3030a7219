//! What the jobs of a transaction leave to its end, where it takes few statements for all of them: audit records, the times
//! at which credentials were viewed, and rows of accounts that were locked for several jobs.

use super::super::StoreError;
use super::super::audit::{ChainHead, OpenChain};
use super::super::connection::AnyConnection;
use super::super::credential::{self, NewAccount};
use super::super::id::CredentialId;
use super::super::secret::{self, FirstVersion, Replacement, SecretOwner};

/// A write of one account, which other jobs' writes of the same kind can share a statement with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeferrableWrite {
    /// Inserts a new password.
    Account(NewAccount),
    /// Inserts the first version of a secret.
    FirstVersion(FirstVersion),
    /// Replaces the current version of a secret.
    Replacement(Replacement),
}

impl DeferrableWrite {
    /// The credential that it writes, if it is one of a password.
    pub(super) fn account(&self) -> Option<CredentialId> {
        match self {
            Self::Account(new) => Some(new.id()),
            Self::FirstVersion(FirstVersion { owner, .. }) | Self::Replacement(Replacement { owner, .. }) => {
                if let SecretOwner::Password(id) = owner {
                    Some(*id)
                } else {
                    None
                }
            }
        }
    }

    /// The number of bytes of its large values.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Account(new) => new.bytes(),
            Self::FirstVersion(FirstVersion { row, .. }) | Self::Replacement(Replacement { row, .. }) => {
                row.sealed.len()
            }
        }
    }

    /// Writes it at once.
    pub fn write(self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        write_all(connection, vec![self])
    }
}

/// Writes rows, those of a kind by one statement: accounts before their versions.
fn write_all(
    connection: &mut AnyConnection,
    writes: impl IntoIterator<Item = DeferrableWrite>,
) -> Result<(), StoreError> {
    let (mut accounts, mut first, mut replacements) = (Vec::new(), Vec::new(), Vec::new());
    for write in writes {
        match write {
            DeferrableWrite::Account(new) => accounts.push(new),
            DeferrableWrite::FirstVersion(new) => first.push(new),
            DeferrableWrite::Replacement(new) => replacements.push(new),
        }
    }
    if !accounts.is_empty() {
        credential::insert_accounts(connection, &accounts)?;
    }
    if !first.is_empty() {
        secret::insert_first(connection, &first)?;
    }
    if replacements.is_empty() { Ok(()) } else { secret::replace_current(connection, &replacements) }
}

/// The audit records, views and rows of a transaction.
pub(in crate::store) struct Deferred {
    chain: OpenChain,
    views: Vec<(CredentialId, i64)>,
    /// They are written before the next statement that may see them.
    rows: Vec<DeferrableWrite>,
}

/// What a transaction had deferred at some moment, to return to it.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    records: usize,
    views: usize,
    rows: usize,
}

impl Deferred {
    pub(super) fn new(chain: OpenChain) -> Self {
        Self { chain, views: Vec::new(), rows: Vec::new() }
    }

    /// The chain of audit records.
    pub(in crate::store) fn chain(&mut self) -> &mut OpenChain {
        &mut self.chain
    }

    /// Notes that the secret of a credential is shown at a time.
    pub(super) fn note_view(&mut self, id: CredentialId, at: i64) {
        self.views.push((id, at));
    }

    /// Adds a write, unless one of its kind of the same account is deferred: then returns it.
    pub(super) fn push(&mut self, write: DeferrableWrite) -> Option<DeferrableWrite> {
        let is_like = |other: &DeferrableWrite| {
            std::mem::discriminant(other) == std::mem::discriminant(&write) && other.account() == write.account()
        };
        if self.rows.iter().any(is_like) {
            return Some(write);
        }
        self.rows.push(write);
        None
    }

    /// Whether nothing is deferred.
    pub(super) fn is_empty(&self) -> bool {
        self.chain.len() == 0 && self.views.is_empty() && self.rows.is_empty()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { records: self.chain.len(), views: self.views.len(), rows: self.rows.len() }
    }

    /// Drops what a job deferred that is rolled back.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.chain.truncate(mark.records);
        self.views.truncate(mark.views);
        self.rows.truncate(mark.rows);
    }

    /// Writes the rows that jobs before this moment left, and no longer defers them.
    pub(super) fn write_rows_until(&mut self, mark: Mark, connection: &mut AnyConnection) -> Result<(), StoreError> {
        let number = mark.rows.min(self.rows.len());
        write_all(connection, self.rows.drain(..number))
    }

    /// Writes everything. Returns the head of the chain after it.
    pub(super) fn write(&mut self, connection: &mut AnyConnection) -> Result<ChainHead, StoreError> {
        self.write_rows_until(self.mark(), connection)?;
        self.chain.close(connection, &self.views)
    }
}
