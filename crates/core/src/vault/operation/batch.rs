//! Batches: several operations in one request, each in its own savepoint and with its own audit record.
//!
//! Items run in order, a few per transaction, so that a large batch does not block other clients. A refused item rolls back
//! its own changes only.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::idempotency::{self, store_marker};
use super::{Action, Done, OperationContext, Permit, Recorded};
use crate::store::lock::lock_name;
use crate::store::{StoreError, Transaction};
use crate::vault::access::check;
use crate::vault::{Inner, Vault, VaultError};

/// Number of items per transaction.
const ITEMS_PER_TRANSACTION: usize = 8;

/// The results of a batch, in the order of its items.
pub(in crate::vault) type BatchResults<T> = Vec<Result<(T, Recorded), VaultError>>;

impl Vault {
    /// Runs `rule` for each item, under the permission of the item's own action. With an idempotency key an item that
    /// succeeded before is not repeated.
    ///
    /// # Errors
    /// [`Precondition::KeyReused`](crate::vault::Precondition::KeyReused) before the first item runs. The error of an item is
    /// in its result. A failure of the store ends the batch; earlier items may be committed.
    pub(in crate::vault) async fn execute_batch<I, T>(
        &self,
        permit: Permit,
        items: Vec<(Action, I)>,
        rule: impl Fn(&mut OperationContext<'_>, &I) -> Result<Done<T>, VaultError> + Send + Sync + 'static,
        revalidate: impl Fn(&mut OperationContext<'_>, &T) -> Result<(), VaultError> + Send + Sync + 'static,
    ) -> Result<BatchResults<T>, VaultError>
    where
        I: Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let (items, rule, revalidate) = (Arc::new(items), Arc::new(rule), Arc::new(revalidate));
        let mut results: BatchResults<T> = Vec::with_capacity(items.len());
        for first in (0..items.len()).step_by(ITEMS_PER_TRANSACTION) {
            let last = items.len().min(first + ITEMS_PER_TRANSACTION);
            let (inner, job_permit, job_items) = (Arc::clone(&self.0), permit.clone(), Arc::clone(&items));
            let (rule, revalidate) = (Arc::clone(&rule), Arc::clone(&revalidate));
            let job = move |transaction: &mut Transaction<'_>| {
                if transaction.is_alone() {
                    // Items lock one by one, so two batches with common items in different orders would deadlock on each
                    // retry. After a conflict batches run one at a time.
                    lock_name(transaction.connection()?, "batch")?;
                }
                if let (0, Some(key)) = (first, &job_permit.request().options.idempotency_key) {
                    let mut context = OperationContext::new(
                        transaction.connection()?,
                        &job_permit,
                        job_permit.principal().clone(),
                        &inner,
                    );
                    match store_marker(&mut context, key) {
                        Ok(()) => {}
                        Err(VaultError::Store(error)) => return Err(error),
                        Err(refusal) => return Ok(Err(refusal)),
                    }
                }
                let mut answers = Vec::with_capacity(last - first);
                for (index, (action, item)) in job_items.iter().enumerate().take(last).skip(first) {
                    let part = job_permit.for_part(*action);
                    let run = |context: &mut OperationContext<'_>| {
                        check::permitted(context.principal(), *action, part.origin())?;
                        match &part.request().options.idempotency_key {
                            None => rule(context, item),
                            Some(key) => {
                                let item_key = key.of_item(&inner, index);
                                idempotency::run(context, &item_key, |context| rule(context, item), &*revalidate)
                            }
                        }
                    };
                    answers.push(inner.run_in_savepoint(transaction, &part, run)?);
                }
                Ok(Ok(answers))
            };
            let items_in_job = u32::try_from(last - first).unwrap_or(u32::MAX);
            let answers = match self.submit(&permit, items_in_job, job).await? {
                Ok(answers) => answers,
                Err(refusal) => return Err(self.refuse(&permit, refusal).await),
            };
            for (answer, (action, _)) in answers.into_iter().zip(&items[first..last]) {
                let recorded = Recorded::new(permit.for_part(*action));
                results.push(answer.map(|value| (value, recorded)));
            }
        }
        Ok(results)
    }
}

impl Inner {
    /// As [`Inner::run`], for one of several rules in a transaction: a refusal rolls back this rule's changes only.
    fn run_in_savepoint<T>(
        &self,
        transaction: &mut Transaction<'_>,
        permit: &Permit,
        rule: impl FnOnce(&mut OperationContext<'_>) -> Result<Done<T>, VaultError>,
    ) -> Result<Result<T, VaultError>, StoreError> {
        let kept = transaction.savepoint(|transaction| match self.run_rule(transaction, permit, rule) {
            Ok(finished) if finished.stands() => Ok(finished),
            undone => Err(undone),
        })?;
        let finished = match kept {
            Ok(finished) => finished,
            Err(undone) => undone?,
        };
        self.record(transaction, permit, &finished.object, &finished.outcome);
        Ok(finished.result)
    }
}
