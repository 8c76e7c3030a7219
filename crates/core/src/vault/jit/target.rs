//! An account with its operator, for the calls of its target.

use chaveiro_rotation::{Account, TargetError, TargetIdentity};
use chaveiro_targets::{AccountOrder, Accounts, Created, Deleted, Plugin};

use super::location::{AccountLocation, is_of_location};
use super::state::{AccountProblem, JitAccount, JitMode};
use crate::crypto::SecretText;
use crate::store::id::CredentialId;
use crate::store::{AnyConnection, StoreError, credential};
use crate::vault::rotation::login;
use crate::vault::{Inner, VaultError};

/// An account on its target.
pub(super) struct JitTarget {
    credential: CredentialId,
    mode: JitMode,
    plugin: &'static Plugin,
    accounts: &'static dyn Accounts,
    location: AccountLocation,
    order: AccountOrder,
}

impl JitTarget {
    /// Loads what a call needs. Opens the secret of the operator, which an arrow has recorded.
    pub(super) fn load(
        connection: &mut AnyConnection,
        vault: &Inner,
        account: &JitAccount,
    ) -> Result<Self, VaultError> {
        let (plugin, accounts) = account.plugin()?;
        let location = account.location.clone();
        let current = AccountLocation::current_of(connection, vault, account)?;
        // What is pinned for the device holds for each account at its address.
        let pinned = if current.same_endpoint(&location) { current.identity } else { location.identity.clone() };
        let mut options = vault.settings.rotation.options.get(plugin.name).cloned().unwrap_or_default();
        options.retain(|name, _| !is_of_location(accounts, name));
        options.extend(location.options.clone());
        let on_target = Account {
            host: location.host.clone(),
            port: location.port,
            username: account.username.clone(),
            options,
            identity: pinned,
            timeout: vault.settings.rotation.default_policy().timeout(),
        };
        // Active or not: a device is deactivated with all of its credentials, and its accounts go all the same.
        let operator = credential::by_id(connection, account.operator)?.ok_or(StoreError::NotFound)?;
        let operator = login(connection, vault, operator)?;
        let order = AccountOrder { account: on_target, operator, mark: account.mark.clone() };
        Ok(Self { credential: account.credential, mode: account.mode, plugin, accounts, location, order })
    }

    /// Returns the credential of the account.
    pub(super) fn credential(&self) -> CredentialId {
        self.credential
    }

    /// Returns where the account was when it was loaded.
    pub(super) fn location(&self) -> &AccountLocation {
        &self.location
    }

    /// Returns what the target presents, if no identity is pinned yet.
    pub(super) async fn unpinned(&self) -> Result<Option<TargetIdentity>, TargetError> {
        match self.order.account.identity {
            Some(_) => Ok(None),
            None => self.plugin.target.identify(&self.order.account).await,
        }
    }

    /// Returns the identity that the target has to present.
    pub(super) fn identity(&self) -> Option<&TargetIdentity> {
        self.order.account.identity.as_ref()
    }

    /// Requires this identity from now on.
    pub(super) fn require_identity(&mut self, identity: TargetIdentity) {
        self.order.account.identity = Some(identity);
    }

    /// Creates or enables the account.
    pub(super) async fn begin(&self, password: &SecretText) -> Result<(), AccountProblem> {
        let done = match self.mode {
            JitMode::Create => self.accounts.create(&self.order, password).await,
            JitMode::Enable => self.accounts.enable(&self.order, password).await.map(|()| Created::Now),
        };
        match done {
            Ok(Created::Now) => Ok(()),
            Ok(Created::Before) => Err(AccountProblem::ExistedBefore),
            Err(error) => Err(failed(error)),
        }
    }

    /// Deletes the account if this creation has made it, which its mark says.
    pub(super) async fn undo(&self) -> Result<(), AccountProblem> {
        match self.mode {
            JitMode::Create => self.end().await,
            // Another client may have enabled it since.
            JitMode::Enable => Ok(()),
        }
    }

    /// Deletes or disables the account.
    pub(super) async fn end(&self) -> Result<(), AccountProblem> {
        let done = match self.mode {
            JitMode::Create => self.accounts.delete(&self.order).await,
            JitMode::Enable => self.accounts.disable(&self.order).await.map(|()| Deleted::Now),
        };
        match done {
            Ok(Deleted::Now) => Ok(()),
            Ok(Deleted::NotOurs) => Err(AccountProblem::NotOurs),
            Ok(Deleted::InUse) => Err(AccountProblem::InUse),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Logs the cause, a fixed text.
pub(super) fn failed(error: TargetError) -> AccountProblem {
    log::warn!("just-in-time account: {error}");
    error.failure.into()
}
