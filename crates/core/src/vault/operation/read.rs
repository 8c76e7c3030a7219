//! Reads: look up, write the audit record, then return the result. Lists and searches take a snapshot on a read connection.

use std::sync::Arc;
use std::time::Duration;

use super::{Done, Finished, OperationContext, Permit, Recorded, Subject, ticket};
use crate::clock::to_micros;
use crate::store::id::CredentialId;
use crate::store::object_lookup::Lookup;
use crate::store::{AnyConnection, StoreError, Transaction};
use crate::vault::{Inner, Vault, VaultError};

/// How long the result of a snapshot may wait for its audit record. Meanwhile the object may be unlinked, deactivated or
/// changed.
const MAX_SNAPSHOT_AGE: Duration = Duration::from_millis(200);

/// The result of a snapshot, with the data for its audit record.
struct Snapshot<T> {
    result: Result<T, VaultError>,
    /// The object that was looked up last.
    found: Subject,
    /// The credential whose view is to be stored with the record.
    viewed: Option<CredentialId>,
    /// The monotonic time at which the query returned.
    returned_at: Duration,
}

/// The audit record of a read.
struct ReadRecord {
    subject: Subject,
    /// The object that the record names.
    object: String,
    outcome: String,
    /// The credential whose view is stored with it.
    viewed: Option<CredentialId>,
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
        self.search(permit, query).await.map(|(value, _)| value)
    }

    /// Runs `query`, of any number of statements, on a snapshot that may return sealed values. The returned [`Recorded`] opens them.
    ///
    /// The writer never runs `query`: it may take long, and all other clients would wait. When the result has waited longer
    /// than [`MAX_SNAPSHOT_AGE`] for its record, `query` runs again on a reading connection; a result that the record does not
    /// describe is not returned.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the second result differs from the record.
    pub(in crate::vault) async fn search<T>(
        &self,
        permit: Permit,
        query: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + Sync + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Send + 'static,
    {
        let query = Arc::new(query);
        let on_snapshot = Arc::clone(&query);
        let Snapshot { result, found, viewed, returned_at, .. } =
            self.snapshot(&permit, move |context| on_snapshot(context)).await?;
        let finished = Finished::new(result, found);
        let record = ReadRecord {
            subject: finished.subject,
            object: finished.object.clone(),
            outcome: finished.outcome.clone(),
            viewed,
        };
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let job = move |transaction: &mut Transaction<'_>| inner.record_snapshot(transaction, &job_permit, &record);
        self.submit(&permit, 1, job).await??;
        let waited = self.0.clock.monotonic().saturating_sub(returned_at);
        let finished = if waited > MAX_SNAPSHOT_AGE {
            // A list without a page is large, and must not be in memory twice.
            let Finished { object, outcome, .. } = finished;
            self.search_again(&permit, query, &object, &outcome).await?
        } else {
            finished
        };
        Ok((finished.result?, Recorded::new(permit)))
    }

    /// Returns the current result of a search that is recorded already.
    async fn search_again<T: Send + 'static>(
        &self,
        permit: &Permit,
        query: Arc<impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + Sync + 'static>,
        object: &str,
        outcome: &str,
    ) -> Result<Finished<T>, VaultError> {
        let Snapshot { result, found, .. } = self.snapshot(permit, move |context| query(context)).await?;
        let current = Finished::new(result, found);
        if let Err(denied) = self.0.revalidate(permit) {
            return Err(self.refuse(permit, denied).await);
        }
        let is_recorded = (current.object.as_str(), current.outcome.as_str()) == (object, outcome);
        if is_recorded { Ok(current) } else { Err(StoreError::Busy.into()) }
    }

    /// Runs `query`, which looks up one object by its key and may return sealed values. The returned [`Recorded`] opens them.
    ///
    /// With one writer (SQLite), `query` runs there, in the transaction of its record: each commit empties the page caches of
    /// the other connections, so that a lookup costs more on them, and it has to wait for the writer anyway. With several it
    /// runs on a snapshot, beside other lookups.
    pub(in crate::vault) async fn reveal<T>(
        &self,
        permit: Permit,
        query: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + Sync + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Send + 'static,
    {
        if self.0.store.has_one_writer() {
            return self.execute(permit, query).await;
        }
        self.search(permit, query).await
    }

    /// As [`Vault::reveal`], for a query of a single statement. It needs no snapshot, and runs in the writer on both engines, without
    /// a savepoint.
    pub(in crate::vault) async fn reveal_at_once<T: Send + 'static>(
        &self,
        permit: Permit,
        query: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + Sync + 'static,
    ) -> Result<(T, Recorded), VaultError> {
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let job = move |transaction: &mut Transaction<'_>| {
            let at_once = |context: &mut OperationContext<'_>| query(context).map(Some);
            match inner.try_at_once(transaction, &job_permit, at_once)? {
                Some(result) => Ok(result),
                None => inner.run(transaction, &job_permit, &query),
            }
        };
        let value = self.submit(&permit, 1, job).await??;
        Ok((value, Recorded::new(permit)))
    }

    /// As [`Vault::reveal`], for a read that may have to write first. `at_once` tries to do with what `lookup` finds, without a
    /// savepoint, in the writer on both engines; when there is nothing or it returns `None`, `rule` runs in a transaction.
    pub(in crate::vault) async fn reveal_or_execute<L, T>(
        &self,
        permit: Permit,
        lookup: Option<L>,
        at_once: impl Fn(&mut OperationContext<'_>, L::Found) -> Result<Option<Done<T>>, VaultError> + Send + 'static,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        L: Lookup + 'static,
        T: Send + 'static,
    {
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let job = move |transaction: &mut Transaction<'_>| match inner.try_found::<L, T>(
            transaction,
            &job_permit,
            &at_once,
        )? {
            Some(result) => Ok(result),
            None => inner.run(transaction, &job_permit, &rule),
        };
        let value = self.write(ticket(&permit, 1).with_lookup(lookup.map(Into::into)), job).await??;
        Ok((value, Recorded::new(permit)))
    }

    /// Tries a read with what `lookup` finds, without a savepoint, in the writer on both engines. Returns `None`, and records
    /// nothing, when there is nothing or `at_once` returns `None`.
    pub(in crate::vault) async fn reveal_found<L, T>(
        &self,
        permit: &Permit,
        lookup: Option<L>,
        at_once: impl Fn(&mut OperationContext<'_>, L::Found) -> Result<Option<Done<T>>, VaultError> + Send + 'static,
    ) -> Result<Option<(T, Recorded)>, VaultError>
    where
        L: Lookup + 'static,
        T: Send + 'static,
    {
        let Some(lookup) = lookup else { return Ok(None) };
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let job = move |transaction: &mut Transaction<'_>| inner.try_found::<L, T>(transaction, &job_permit, &at_once);
        let value = self.write(ticket(permit, 1).with_lookup(Some(lookup.into())), job).await?.transpose()?;
        Ok(value.map(|value| (value, Recorded::new(permit.clone()))))
    }

    /// As [`Vault::reveal`], with what `lookup` finds where that is enough for `at_once`.
    pub(in crate::vault) async fn reveal_at_once_or<L, T>(
        &self,
        permit: Permit,
        lookup: Option<L>,
        at_once: impl Fn(&mut OperationContext<'_>, L::Found) -> Result<Option<Done<T>>, VaultError> + Send + 'static,
        query: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + Sync + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        L: Lookup + 'static,
        T: Send + 'static,
    {
        if self.0.store.has_one_writer() {
            return self.reveal_or_execute(permit, lookup, at_once, query).await;
        }
        match self.reveal_found(&permit, lookup, at_once).await? {
            Some(found) => Ok(found),
            None => self.search(permit, query).await,
        }
    }

    async fn snapshot<T: Send + 'static>(
        &self,
        permit: &Permit,
        query: impl FnOnce(&mut OperationContext<'_>) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<Snapshot<T>, VaultError> {
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let read = move |connection: &mut AnyConnection| {
            let principal = job_permit.principal().clone();
            let mut context = OperationContext::new(connection, &job_permit, principal, &inner);
            let result = query(&mut context);
            if let Err(VaultError::Store(error)) = result {
                return Err(error);
            }
            let found = context.found;
            let viewed = context.viewed.filter(|_| result.is_ok());
            Ok(Snapshot { result, found, viewed, returned_at: inner.clock.monotonic() })
        };
        Ok(self.0.store.snapshot(&permit.origin().request_id, read).await?)
    }
}

impl Inner {
    /// Runs `at_once` with what the lookup of the job's ticket finds, and appends its record. Returns `None` when there is nothing,
    /// and when `at_once` does.
    fn try_found<L: Lookup, T>(
        &self,
        transaction: &mut Transaction<'_>,
        permit: &Permit,
        at_once: impl Fn(&mut OperationContext<'_>, L::Found) -> Result<Option<Done<T>>, VaultError>,
    ) -> Result<Option<Result<T, VaultError>>, StoreError> {
        let Some(found) = transaction.looked_up()?.and_then(L::found) else { return Ok(None) };
        self.try_at_once(transaction, permit, |context| at_once(context, found))
    }

    /// Runs `at_once` without a savepoint, and appends its record. Returns `None` when it does.
    fn try_at_once<T>(
        &self,
        transaction: &mut Transaction<'_>,
        permit: &Permit,
        at_once: impl FnOnce(&mut OperationContext<'_>) -> Result<Option<Done<T>>, VaultError>,
    ) -> Result<Option<Result<T, VaultError>>, StoreError> {
        // The rule records that the permit is no longer valid.
        let Ok(principal) = self.revalidate(permit) else { return Ok(None) };
        let mut context = OperationContext::for_read(transaction, permit, principal, self)?;
        let result = match at_once(&mut context) {
            Ok(None) => return Ok(None),
            Ok(Some(done)) => Ok(done),
            Err(VaultError::Store(error)) => return Err(error),
            Err(error) => Err(error),
        };
        let (found, viewed) = (context.found, context.viewed_at());
        if let Some((id, at)) = viewed.filter(|_| result.is_ok()) {
            transaction.note_view(id, at);
        }
        let finished = Finished::new(result, found);
        self.record(transaction, permit, &finished.object, &finished.outcome);
        Ok(Some(finished.result))
    }

    /// Appends the record of a snapshot, and stores the view of a credential. Records a permit that is no longer valid
    /// as a refusal, and returns it as the inner error.
    fn record_snapshot(
        &self,
        transaction: &mut Transaction<'_>,
        permit: &Permit,
        record: &ReadRecord,
    ) -> Result<Result<(), VaultError>, StoreError> {
        if let Err(denied) = self.revalidate(permit) {
            self.record(transaction, permit, record.subject, &denied.reason());
            return Ok(Err(denied));
        }
        if let Some(id) = record.viewed {
            transaction.note_view(id, to_micros(self.clock.now()));
        }
        self.record(transaction, permit, &record.object, &record.outcome);
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests;
