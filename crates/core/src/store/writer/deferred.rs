//! What the jobs of a transaction leave to its end, where it takes few statements for all of them: audit records, the times
//! at which credentials were viewed, and new versions of passwords.

use super::super::StoreError;
use super::super::audit::{ChainHead, OpenChain};
use super::super::connection::AnyConnection;
use super::super::id::CredentialId;
use super::super::secret::{self, Replacement};

/// The audit records, views and new versions of a transaction.
pub(in crate::store) struct Deferred {
    chain: OpenChain,
    views: Vec<(CredentialId, i64)>,
    /// Each of another secret. They are written before the next statement that may see them.
    replacements: Vec<Replacement>,
}

/// What a transaction had deferred at some moment, to return to it.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    records: usize,
    views: usize,
    replacements: usize,
}

impl Deferred {
    pub(super) fn new(chain: OpenChain) -> Self {
        Self { chain, views: Vec::new(), replacements: Vec::new() }
    }

    /// The chain of audit records.
    pub(in crate::store) fn chain(&mut self) -> &mut OpenChain {
        &mut self.chain
    }

    /// Notes that the secret of a credential is shown at a time.
    pub(super) fn note_view(&mut self, id: CredentialId, at: i64) {
        self.views.push((id, at));
    }

    /// Adds a new version of a secret, of which none is deferred yet: otherwise returns it.
    pub(super) fn replace(&mut self, new: Replacement) -> Option<Replacement> {
        if self.replacements.iter().any(|other| other.owner == new.owner) {
            return Some(new);
        }
        self.replacements.push(new);
        None
    }

    /// Whether nothing is deferred.
    pub(super) fn is_empty(&self) -> bool {
        self.chain.len() == 0 && self.views.is_empty() && self.replacements.is_empty()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { records: self.chain.len(), views: self.views.len(), replacements: self.replacements.len() }
    }

    /// Drops what a job deferred that is rolled back.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.chain.truncate(mark.records);
        self.views.truncate(mark.views);
        self.replacements.truncate(mark.replacements);
    }

    /// Writes the new versions that jobs before this moment left, and no longer defers them.
    pub(super) fn write_replacements_until(
        &mut self,
        mark: Mark,
        connection: &mut AnyConnection,
    ) -> Result<(), StoreError> {
        let number = mark.replacements.min(self.replacements.len());
        if number == 0 {
            return Ok(());
        }
        let written = secret::replace_current(connection, &self.replacements[..number]);
        self.replacements.drain(..number);
        written
    }

    /// Writes everything. Returns the head of the chain after it.
    pub(super) fn write(&mut self, connection: &mut AnyConnection) -> Result<ChainHead, StoreError> {
        self.write_replacements_until(self.mark(), connection)?;
        self.chain.close(connection, &self.views)
    }
}
