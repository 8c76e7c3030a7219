//! Running a rule in a transaction of the writer, with its audit record.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Done, OperationContext, Permit, Recorded, idempotency, ticket};
use crate::store::credential_lock::AccountLookup;
use crate::store::{Ticket, Transaction};
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
        let ticket = ticket(&permit, 1);
        self.execute_with(permit, ticket, rule).await
    }

    /// As [`Vault::execute`], with a ticket of the permit.
    async fn execute_with<T>(
        &self,
        permit: Permit,
        ticket: Ticket,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Send + 'static,
    {
        let (inner, job_permit) = (Arc::clone(&self.0), permit.clone());
        let job = move |transaction: &mut Transaction<'_>| inner.run(transaction, &job_permit, &rule);
        let value = self.write(ticket, job).await??;
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

    /// As [`Vault::execute_idempotent`], for a request that changes the account of a lookup, if there is one: the writer may lock it
    /// ahead, together with those of other requests.
    pub(in crate::vault) async fn execute_idempotent_on<T>(
        &self,
        permit: Permit,
        account: Option<AccountLookup>,
        rule: impl Fn(&mut OperationContext<'_>) -> Result<Done<T>, VaultError> + Send + 'static,
        revalidate: impl Fn(&mut OperationContext<'_>, &T) -> Result<(), VaultError> + Send + 'static,
    ) -> Result<(T, Recorded), VaultError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        // The row of a key, and with preconditions the device, are locked first.
        let options = &permit.request().options;
        let account = account.filter(|_| options.idempotency_key.is_none() && !options.preconditions.any());
        let ticket = ticket(&permit, 1).with_account(account);
        self.execute_idempotent_with(permit, ticket, rule, revalidate).await
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
        let ticket = ticket(&permit, items);
        self.execute_idempotent_with(permit, ticket, rule, revalidate).await
    }

    /// As [`Vault::execute_idempotent`], with a ticket of the permit.
    async fn execute_idempotent_with<T>(
        &self,
        permit: Permit,
        ticket: Ticket,
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
        self.execute_with(permit, ticket, idempotent).await
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
