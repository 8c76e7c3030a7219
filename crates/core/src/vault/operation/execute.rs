//! Running a rule in a transaction of the writer, with its audit record.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Done, OperationContext, Permit, Recorded, idempotency};
use crate::store::Transaction;
use crate::vault::{Vault, VaultError};

impl Vault {
    /// Runs `rule` in one transaction with its record.
    pub(in crate::vault) async fn execute<T>(
        &self,
        permit: Permit,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Send + 'static,
    {
        self.execute_items(permit, 1, rule).await
    }

    /// As [`Vault::execute`], at the cost of several items in the fair queue.
    async fn execute_items<T>(
        &self,
        permit: Permit,
        items: u32,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Send + 'static,
    {
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let job = move |transaction: &mut Transaction<'_>| inner.run(transaction, &job_permit, &rule);
        let value = self.submit(&permit, items, job).await??;
        Ok((value, Recorded::new(permit)))
    }

    /// As [`Vault::execute`], for a request that may have an idempotency key.
    ///
    /// `T` is stored as JSON: it must hold all that the response needs, and no plaintext secret. `revalidate` checks the
    /// permission for a stored result.
    pub(in crate::vault) async fn execute_idempotent<T>(
        &self,
        permit: Permit,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
        revalidate: impl Fn(&mut OperationContext<'_>, &T) -> Result<(), VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        self.execute_idempotent_items(permit, 1, rule, revalidate).await
    }

    /// As [`Vault::execute_idempotent`], at the cost of several items in the fair queue.
    pub(in crate::vault) async fn execute_idempotent_items<T>(
        &self,
        permit: Permit,
        items: u32,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
        revalidate: impl Fn(&mut OperationContext<'_>, &T) -> Result<(), VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let key = permit.request().options.idempotency_key.clone();
        let idempotent = move |context: &mut OperationContext<'_>| match &key {
            None => rule(context),
            Some(key) => idempotency::run(context, key, &rule, &revalidate),
        };
        self.execute_items(permit, items, idempotent).await
    }

    /// Runs a change of grants, then reloads the grants of this node; other nodes follow within a second. When the reload
    /// fails, the change stays committed and its value is returned.
    pub(in crate::vault) async fn execute_and_refresh<T: Send + 'static>(
        &self,
        permit: Permit,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let (value, _) = self.execute(permit, rule).await?;
        if let Err(error) = self.refresh().await {
            log::error!("a change of grants is stored and not yet loaded: {error}");
        }
        Ok(value)
    }
}
