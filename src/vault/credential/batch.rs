//! Many reads and upserts in one call, each with an answer of its own. An addition to the contract.
//!
//! They run in their order, in one transaction and one commit, each in a savepoint: what is refused takes nothing
//! back but itself. Each is recorded as the call that it stands for.

use serde::{Deserialize, Serialize};

use super::{CredentialInput, Found, ReadCredential, SavedCredential, read, save};
use crate::vault::{Action, Call, InvalidInput, Vault, VaultError, Work};

/// The most items of a batch.
pub const LARGEST_BATCH: usize = 500;

/// One item of a batch.
#[derive(Clone, Debug)]
pub enum BatchItem {
    /// A read, by a key as in a path.
    Read(String),
    /// A credential to create or update.
    Save(Box<CredentialInput>),
}

/// What an item did.
#[derive(Debug)]
pub enum BatchDone {
    /// The credential with its password.
    Read(Box<ReadCredential>),
    /// The credential that was saved.
    Saved(SavedCredential),
}

/// What the job hands out for an item.
#[derive(Serialize, Deserialize)]
enum Done {
    Read(Box<Found>),
    Saved(SavedCredential),
}

impl Vault {
    /// Does every item, in order. Under an idempotency key an item that succeeded is not done again.
    ///
    /// # Errors
    /// When there is nothing to do, or too much; [`VaultError::IdempotencyKeyUsed`]. Errors of items are in their
    /// places.
    pub async fn batch_credentials(
        &self,
        call: &Call,
        items: Result<Vec<Result<BatchItem, VaultError>>, VaultError>,
    ) -> Result<Vec<Result<BatchDone, VaultError>>, VaultError> {
        // Who may not call at all is refused once, and not item by item.
        let permitted = call.permit(Action::CredentialBatch);
        let conditions = permitted.and_then(|()| call.conditions()?.refuse_states());
        let sound = conditions.and(items).and_then(|items| match items.len() {
            1..=LARGEST_BATCH => Ok(items),
            _ => Err(InvalidInput::parameter("items", "expected 1 to 500 of them")),
        });
        let items = match sound {
            Ok(items) => items,
            Err(refusal) => return Err(self.refuse(call, Action::CredentialBatch, refusal).await),
        };
        let actions: Vec<Action> = items.iter().map(action).collect();
        let rule = move |work: &mut Work<'_, '_>, index: usize| do_item(work, items[index].as_ref());
        let done = self.perform_each(call, Action::CredentialBatch, actions.clone(), rule).await?;
        let mut answers = Vec::with_capacity(done.len());
        for (done, action) in done.into_iter().zip(actions) {
            answers.push(match done {
                Ok(Done::Saved(saved)) => Ok(BatchDone::Saved(saved)),
                Ok(Done::Read(found)) => {
                    self.open_found(call, action, *found).await.map(|read| BatchDone::Read(Box::new(read)))
                }
                Err(refusal) => Err(refusal),
            });
        }
        Ok(answers)
    }
}

/// What an item is recorded as; one that is neither a read nor an upsert as the batch that it came in.
fn action(item: &Result<BatchItem, VaultError>) -> Action {
    match item {
        Ok(BatchItem::Read(_)) => Action::CredentialRead,
        Ok(BatchItem::Save(_)) => Action::CredentialSave,
        Err(_) => Action::CredentialBatch,
    }
}

fn do_item(work: &mut Work<'_, '_>, item: Result<&BatchItem, &VaultError>) -> Result<Done, VaultError> {
    match item {
        Ok(BatchItem::Read(key)) => Ok(Done::Read(Box::new(read(work, key)?))),
        Ok(BatchItem::Save(input)) => Ok(Done::Saved(save::save(work, input)?)),
        Err(error) => Err(error.clone()),
    }
}
