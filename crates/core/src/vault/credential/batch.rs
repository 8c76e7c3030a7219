//! Batches of reads and saves of credentials, with a result per item. An addition to the contract.
//!
//! Items run in order, each in its own savepoint and with the audit record of its own operation.

use serde::{Deserialize, Serialize};

use super::composite::revalidate_read;
use super::{CredentialInput, ReadCredential, Readable, SavePolicy, SavedCredential, SealedCredential, save, taken};
use crate::vault::operation::{Action, Done, OperationContext, Permit};
use crate::vault::{Field, Vault, VaultError};

/// Maximum number of items in a batch.
pub const MAX_BATCH_ITEMS: usize = 500;

/// An item of a batch.
#[derive(Clone, Debug)]
pub enum BatchItem {
    /// A read of a credential by its key, as in a path.
    Read(String),
    /// A credential to create or update.
    Save(Box<CredentialInput>),
    /// An item that could not be parsed; the parser holds the reason.
    Invalid,
}

/// The result of an item.
#[derive(Debug)]
pub enum BatchResult {
    /// The credential with its password.
    Read(Box<ReadCredential>),
    /// The credential that was saved.
    Saved(SavedCredential),
}

/// The result of an item with sealed secrets, as the transaction returns it.
#[derive(Serialize, Deserialize)]
enum SealedResult {
    Read(Box<SealedCredential>),
    Saved(SavedCredential),
}

impl Vault {
    /// Runs every item, in order. With an idempotency key an item that succeeded before is not repeated.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for an empty or too large batch; [`VaultError::Precondition`] for a reused idempotency key. The
    /// error of an item is in its result.
    pub async fn batch_credentials(
        &self,
        permit: Permit,
        items: Vec<BatchItem>,
        policy: SavePolicy,
    ) -> Result<Vec<Result<BatchResult, VaultError>>, VaultError> {
        if !(1..=MAX_BATCH_ITEMS).contains(&items.len()) {
            let error = VaultError::invalid(Field::Items, "expected 1 to 500 of them");
            return Err(self.refuse(&permit, error).await);
        }
        let items: Vec<(Action, BatchItem)> = items.into_iter().map(|item| (action(&item), item)).collect();
        let rule = move |context: &mut OperationContext<'_>, item: &BatchItem| run(context, item, policy);
        let results = self.execute_batch(permit, items, rule, revalidate).await?;
        let mut opened = Vec::with_capacity(results.len());
        for result in results {
            opened.push(match result {
                Ok((SealedResult::Saved(saved), _)) => Ok(BatchResult::Saved(saved)),
                Ok((SealedResult::Read(found), recorded)) => {
                    self.unseal_credential(&recorded, *found).await.map(|read| BatchResult::Read(Box::new(read)))
                }
                Err(refusal) => Err(refusal),
            });
        }
        Ok(opened)
    }
}

/// The action of an item, for its permission and audit record.
fn action(item: &BatchItem) -> Action {
    match item {
        BatchItem::Read(_) => Action::CREDENTIAL_READ,
        BatchItem::Save(_) => Action::CREDENTIAL_SAVE,
        BatchItem::Invalid => Action::CREDENTIAL_BATCH,
    }
}

fn run(
    context: &mut OperationContext<'_>,
    item: &BatchItem,
    policy: SavePolicy,
) -> Result<Done<SealedResult>, VaultError> {
    match item {
        BatchItem::Read(key) => {
            let readable = Readable::locked_by_key(context, key)?;
            let done = taken(context, readable)?;
            Ok(done.map(|found| SealedResult::Read(Box::new(found))))
        }
        BatchItem::Save(input) => Ok(save::save(context, input, policy)?.map(SealedResult::Saved)),
        BatchItem::Invalid => Err(VaultError::invalid(Field::Items, "expected read or save")),
    }
}

/// Checks the permission for a stored result.
fn revalidate(context: &mut OperationContext<'_>, result: &SealedResult) -> Result<(), VaultError> {
    match result {
        SealedResult::Read(found) => revalidate_read(context, found),
        SealedResult::Saved(saved) => save::revalidate(context, saved),
    }
}
