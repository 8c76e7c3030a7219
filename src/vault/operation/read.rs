//! Reads: a snapshot on a connection for reading, then the record, and only then the result.

use std::sync::Arc;
use std::time::Duration;

use super::{Done, OperationContext, Permit, Precondition, Recorded, Subject};
use crate::clock::to_micros;
use crate::store::{AnyConnection, StoreError, Transaction};
use crate::vault::{Vault, VaultError};

/// The age at which a snapshot is not good enough any more for a read to be answered from it: the record has waited, and what
/// was read may have been unlinked, deactivated or changed meanwhile.
const MAX_SNAPSHOT_AGE: Duration = Duration::from_millis(200);

/// What a snapshot yielded, and what its record says.
struct Snapshot<T> {
    result: Result<T, VaultError>,
    /// The object that was looked up last.
    found: Subject,
    /// The monotonic time before it began.
    taken_at: Duration,
}

impl Vault {
    /// Runs `query` on a snapshot without secrets, then records it.
    pub(in crate::vault) async fn query<T>(
        &self,
        permit: Permit,
        query: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + Sync + 'static,
    ) -> Result<T, VaultError>
    where
        T: Send + 'static,
    {
        self.reveal(permit, query, |_, _, _| Ok(())).await.map(|(value, _)| value)
    }

    /// Runs `query` on a snapshot that may yield sealed values. They open against the record, which is durable by then.
    /// `note` writes, beside the record, what a read leaves behind. When the record had to wait, `query` runs again in its
    /// transaction.
    pub(in crate::vault) async fn reveal<T>(
        &self,
        permit: Permit,
        query: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + Sync + 'static,
        note: impl Fn(&mut AnyConnection, Subject, i64) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Send + 'static,
    {
        let query = Arc::new(query);
        let on_snapshot = Arc::clone(&query);
        let snapshot = self.snapshot(&permit, move |context| on_snapshot(context)).await?;
        self.record_read(permit, snapshot, note, move |context| query(context)).await
    }

    /// As [`Vault::reveal`], for a read that may have to write first: where `query` returns nothing, `rule` runs in a
    /// transaction instead.
    pub(in crate::vault) async fn reveal_or_execute<T>(
        &self,
        permit: Permit,
        query: impl Fn(&mut OperationContext<'_>) -> Result<Option<Done<T>>, VaultError> + Send + Sync + 'static,
        note: impl Fn(&mut AnyConnection, Subject, i64) -> Result<(), StoreError> + Send + 'static,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Send + 'static,
    {
        let Snapshot { result, found, taken_at } = self.snapshot(&permit, query).await?;
        let result = match result {
            Ok(None) => return self.execute(permit, rule).await,
            Ok(Some(done)) => Ok(done),
            Err(error) => Err(error),
        };
        self.record_read(permit, Snapshot { result, found, taken_at }, note, rule).await
    }

    async fn snapshot<T: Send + 'static>(
        &self,
        permit: &Permit,
        query: impl FnOnce(&mut OperationContext<'_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<Snapshot<T>, VaultError> {
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let read = move |connection: &mut AnyConnection| {
            let taken_at = inner.clock.monotonic();
            let principal = job_permit.principal().clone();
            let mut context = OperationContext::new(connection, &job_permit, principal, &inner);
            let result = query(&mut context);
            if let Err(VaultError::Store(error)) = result {
                return Err(error);
            }
            Ok(Snapshot { result, found: context.found, taken_at })
        };
        Ok(self.0.store.snapshot(&permit.origin().request_id, read).await?)
    }

    /// Records a read, and only then returns what it found. `again` runs in the transaction of the record when the snapshot is
    /// too old.
    async fn record_read<T: Send + 'static>(
        &self,
        permit: Permit,
        snapshot: Snapshot<Done<T>>,
        note: impl Fn(&mut AnyConnection, Subject, i64) -> Result<(), StoreError> + Send + 'static,
        again: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError> {
        let Snapshot { result, found, taken_at } = snapshot;
        let (subject, outcome) = match &result {
            Ok(done) => (done.subject, done.outcome.to_string()),
            Err(error @ VaultError::Precondition(Precondition::NotModified { subject, .. })) => {
                (*subject, error.reason())
            }
            Err(refusal) => (found, refusal.reason()),
        };
        let succeeded = result.is_ok();
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let job = move |transaction: &mut Transaction<'_>| {
            if inner.clock.monotonic().saturating_sub(taken_at) > MAX_SNAPSHOT_AGE {
                let late = inner.run(transaction, &job_permit, |context| {
                    let done = again(context)?;
                    let now = context.micros();
                    note(context.connection(), done.subject, now)?;
                    Ok(done)
                })?;
                return Ok(late.map(Some));
            }
            if let Err(denied) = inner.revalidate(&job_permit) {
                inner.record(transaction, &job_permit, subject, &denied.reason())?;
                return Ok(Err(denied));
            }
            if succeeded {
                note(transaction.connection(), subject, to_micros(inner.clock.now()))?;
            }
            inner.record(transaction, &job_permit, subject, &outcome)?;
            Ok(Ok(None))
        };
        let late = self.submit(&permit, 1, job).await??;
        let value = match late {
            Some(value) => value,
            None => result?.value,
        };
        Ok((value, Recorded::new(permit)))
    }
}
