//! Reads: take a snapshot on a read connection, write the audit record, then return the result.

use std::sync::Arc;
use std::time::Duration;

use super::{Done, Finished, OperationContext, Permit, Recorded, Subject};
use crate::clock::to_micros;
use crate::store::{AnyConnection, StoreError, Transaction};
use crate::vault::{Vault, VaultError};

/// Maximum age of a snapshot that a read is answered from. While its audit record waits, the object may be unlinked,
/// deactivated or changed.
const MAX_SNAPSHOT_AGE: Duration = Duration::from_millis(200);

/// The result of a snapshot, with the data for its audit record.
struct Snapshot<T> {
    result: Result<T, VaultError>,
    /// The object that was looked up last.
    found: Subject,
    /// The monotonic time just before the snapshot began.
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

    /// Runs `query` on a snapshot that may return sealed values. The returned [`Recorded`] opens them.
    ///
    /// `note` writes the side effects of a read in the transaction of the audit record. When the snapshot is older than
    /// [`MAX_SNAPSHOT_AGE`] by then, `query` runs again in that transaction.
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

    /// As [`Vault::reveal`], for a read that may have to write first: when `query` returns `None`, `rule` runs in a
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

    /// Writes the audit record of a read, then returns its result. When the snapshot is too old, `again` runs in the
    /// transaction of the record.
    async fn record_read<T: Send + 'static>(
        &self,
        permit: Permit,
        snapshot: Snapshot<Done<T>>,
        note: impl Fn(&mut AnyConnection, Subject, i64) -> Result<(), StoreError> + Send + 'static,
        again: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError> {
        let Snapshot { result, found, taken_at } = snapshot;
        let Finished { result, subject, outcome } = Finished::new(result, found);
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
            None => result?,
        };
        Ok((value, Recorded::new(permit)))
    }
}
