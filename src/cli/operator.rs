//! Permits for commands. Access to the data directory and its root key makes a command the operator's, which may do
//! everything. Each command still takes a permit, so that it always has an audit record.

use super::CliError;
use crate::vault::Vault;
use crate::vault::operation::{Action, Permit, Request};

/// Permits an action of the operator.
pub(super) async fn permit(vault: &Vault, action: Action) -> Result<Permit, CliError> {
    // Opening the vault may have taken longer than grants stay fresh, by a migration for example.
    vault.refresh().await?;
    Ok(vault.authorize(Request::operator(), action).await?)
}

/// Records the failure of a step between the permit and the vault, such as reading a file, and returns the result.
pub(super) async fn recorded<T>(vault: &Vault, permit: &Permit, result: Result<T, CliError>) -> Result<T, CliError> {
    match result {
        Ok(value) => Ok(value),
        Err(CliError::Vault(error)) => Err(vault.refuse(permit, error).await.into()),
        Err(error) => {
            vault.record_refusal(permit, error.reason()).await?;
            Err(error)
        }
    }
}
