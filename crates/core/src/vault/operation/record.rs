//! The audit records of operations.

use super::Permit;
use crate::audit::{self, Record};
use crate::store::Transaction;
use crate::vault::Inner;

/// Proof that the audit record of an operation is durable. Opening a sealed value requires it, so no secret leaves before
/// its record.
#[derive(Debug)]
pub(in crate::vault) struct Recorded {
    permit: Permit,
}

impl Recorded {
    /// Created by the pipeline only, after the commit.
    pub(super) fn new(permit: Permit) -> Self {
        Self { permit }
    }

    /// The permit of the operation.
    pub(in crate::vault) fn permit(&self) -> &Permit {
        &self.permit
    }
}

impl Inner {
    /// Appends a record to the chain of the writer that runs the transaction.
    pub(super) fn append(&self, transaction: &mut Transaction<'_>, record: &Record) {
        crate::store::audit::append(transaction, |head| audit::seal(&self.audit_key, head, record));
    }

    /// Appends the record of a permitted operation.
    pub(super) fn record(
        &self,
        transaction: &mut Transaction<'_>,
        permit: &Permit,
        object: impl std::fmt::Display,
        outcome: &str,
    ) {
        let record = self.record_of(permit, object, outcome);
        self.append(transaction, &record);
    }

    /// Returns the record of a permitted operation.
    pub(in crate::vault) fn record_of(&self, permit: &Permit, object: impl std::fmt::Display, outcome: &str) -> Record {
        let (principal, origin) = (permit.principal(), permit.origin());
        Record {
            at: self.clock.now(),
            request_id: origin.request_id.clone(),
            actor: principal.actor().into(),
            source: if principal.is_remote() { origin.source.to_string() } else { String::new() },
            family: origin.family,
            action: permit.action().name(),
            object: object.to_string(),
            outcome: outcome.into(),
            reason: permit.request().options.reason.clone(),
            times: 1,
        }
    }
}
