//! What the jobs of a transaction leave to its end, where it takes few statements for all of them: audit records, and the times
//! at which credentials were viewed.

use super::super::StoreError;
use super::super::audit::{ChainHead, OpenChain};
use super::super::connection::AnyConnection;
use super::super::id::CredentialId;

/// The audit records and views of a transaction.
pub(in crate::store) struct Deferred {
    chain: OpenChain,
    views: Vec<(CredentialId, i64)>,
}

/// What a transaction had deferred at some moment, to return to it.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    records: usize,
    views: usize,
}

impl Deferred {
    pub(super) fn new(chain: OpenChain) -> Self {
        Self { chain, views: Vec::new() }
    }

    /// The chain of audit records.
    pub(in crate::store) fn chain(&mut self) -> &mut OpenChain {
        &mut self.chain
    }

    /// Notes that the secret of a credential is shown at a time.
    pub(super) fn note_view(&mut self, id: CredentialId, at: i64) {
        self.views.push((id, at));
    }

    /// Whether nothing is deferred.
    pub(super) fn is_empty(&self) -> bool {
        self.chain.len() == 0 && self.views.is_empty()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { records: self.chain.len(), views: self.views.len() }
    }

    /// Drops what a job deferred that is rolled back.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.chain.truncate(mark.records);
        self.views.truncate(mark.views);
    }

    /// Writes everything. Returns the head of the chain after it.
    pub(super) fn write(&self, connection: &mut AnyConnection) -> Result<ChainHead, StoreError> {
        self.chain.close(connection, &self.views)
    }
}
