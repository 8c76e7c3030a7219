//! Several calls in one: each in a savepoint of its own, with a record of its own, in one transaction.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::once::{mark, under_key};
use super::{Action, Call, Conditions, Inner, InvalidInput, Vault, VaultError, Work};
use crate::store::claim::claim;
use crate::store::{StoreError, Transaction};

impl Vault {
    /// Runs `rule` for each of `actions`, by its index. What is refused takes back nothing but its own. Under an
    /// idempotency key an item that succeeded is not done again; see [`Vault::perform_once`] for what `T` may hold.
    /// `whole` is what a refusal of everything is recorded as.
    ///
    /// # Errors
    /// [`VaultError::IdempotencyKeyUsed`], and then nothing was done; otherwise errors are in their places.
    pub(super) async fn perform_each<T>(
        &self,
        call: &Call,
        whole: Action,
        actions: Vec<Action>,
        rule: impl Fn(&mut Work<'_, '_>, usize) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<Vec<Result<T, VaultError>>, VaultError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let ticket = call.ticket().for_items(actions.len());
        let (inner, job_call) = (Arc::clone(&self.0), call.clone());
        let job = move |transaction: &mut Transaction<'_>| {
            let call = &job_call;
            if transaction.is_alone() {
                // Locks are taken item by item, so two that have items in common in another order would stop each
                // other again and again. Of those that have met one, one at a time goes on; the rest gives way soon.
                claim(transaction.connection(), "several calls in one")?;
            }
            let mut answers = Vec::with_capacity(actions.len());
            for (index, action) in actions.iter().enumerate() {
                let part = |work: &mut Work<'_, '_>| match &call.conditions()?.once {
                    None => rule(work, index),
                    Some(once) => {
                        let done = under_key(work, &once.part(work.inner, index), |work| rule(work, index))?;
                        mark(work, once)?;
                        Ok(done)
                    }
                };
                let answer = attempt(transaction, call, &inner, *action, part)?;
                if let Err(VaultError::IdempotencyKeyUsed) = answer {
                    transaction.roll_back()?;
                    return Ok(Err(VaultError::IdempotencyKeyUsed));
                }
                answers.push(answer);
            }
            Ok(Ok(answers))
        };
        match self.0.store.write(ticket, job).await? {
            Err(refusal) => Err(self.refuse(call, whole, refusal).await),
            answers => answers,
        }
    }
}

/// One item: permission, rule, record.
fn attempt<T>(
    transaction: &mut Transaction<'_>,
    call: &Call,
    inner: &Inner,
    action: Action,
    rule: impl FnOnce(&mut Work<'_, '_>) -> Result<T, VaultError>,
) -> Result<Result<T, VaultError>, StoreError> {
    let (mut object, mut outcome) = (None, "ok");
    let answer = transaction.savepoint(|transaction| {
        let mut work = Work::new(transaction, call, inner);
        let answer = call.permit(action).and_then(|()| rule(&mut work));
        (object, outcome) = (work.object, work.outcome);
        answer
    })?;
    match &answer {
        Ok(_) => {}
        Err(VaultError::Store(error)) => return Err(error.clone()),
        Err(refusal) => outcome = refusal.reason(),
    }
    inner.record(transaction, &call.record(action, object, outcome, inner.clock.now()))?;
    Ok(answer)
}

impl Conditions {
    /// Refuses conditions that name a state: several items have no common one.
    pub(super) fn refuse_states(&self) -> Result<(), VaultError> {
        match self.name_states() {
            false => Ok(()),
            true => Err(InvalidInput::header("If-Match or If-None-Match", "this call takes none")),
        }
    }
}
