//! An account with its operator, for the calls of its target.

use chaveiro_rotation::{Account, Failure, TargetError, TargetIdentity};
use chaveiro_targets::{AccountOrder, Accounts, Created, Deleted, Plugin};

use super::policy::account_plugin;
use super::remove::wake;
use super::state::{AccountProblem, JitAccount, JitMode, JitState};
use crate::crypto::SecretText;
use crate::store::id::{CredentialId, DeviceId};
use crate::store::{AnyConnection, StoreError, credential, device, target_identity};
use crate::vault::device::port_of;
use crate::vault::operation::OperationContext;
use crate::vault::rotation::{host, login, service};
use crate::vault::{Inner, VaultError};

/// An account on its target.
pub(super) struct JitTarget {
    credential: CredentialId,
    mode: JitMode,
    plugin: &'static Plugin,
    accounts: &'static dyn Accounts,
    device: DeviceId,
    order: AccountOrder,
}

impl JitTarget {
    /// Loads what a call needs. Opens the secret of the operator, which an arrow has recorded.
    pub(super) fn load(
        connection: &mut AnyConnection,
        vault: &Inner,
        account: &JitAccount,
    ) -> Result<Self, VaultError> {
        let unknown = StoreError::Query("the plugin of an account is not in this build");
        let (plugin, accounts) = account_plugin(&account.plugin).ok_or(unknown)?;
        let device = device::by_id(connection, account.device)?.ok_or(StoreError::NotFound)?;
        let port = port_of(&device.connectivities, plugin.connectivities);
        let pinned = target_identity::find(connection, device.id, &service(plugin, port))?;
        let on_target = Account {
            host: host(&device).into(),
            port,
            username: account.username.clone(),
            options: vault.settings.rotation.options.get(plugin.name).cloned().unwrap_or_default(),
            identity: pinned.map(TargetIdentity),
            timeout: vault.settings.rotation.default_policy().timeout(),
        };
        // Active or not: a device is deactivated with all of its credentials, and its accounts go all the same.
        let operator = credential::by_id(connection, account.operator)?.ok_or(StoreError::NotFound)?;
        let operator = login(connection, vault, operator)?;
        let order = AccountOrder { account: on_target, operator, mark: account.mark.clone() };
        Ok(Self { credential: account.credential, mode: account.mode, plugin, accounts, device: device.id, order })
    }

    /// Returns the credential of the account.
    pub(super) fn credential(&self) -> CredentialId {
        self.credential
    }

    /// Returns what the target presents, if no identity is pinned yet.
    pub(super) async fn unpinned(&self) -> Result<Option<TargetIdentity>, TargetError> {
        match self.order.account.identity {
            Some(_) => Ok(None),
            None => self.plugin.target.identify(&self.order.account).await,
        }
    }

    /// Requires this identity from now on. Returns where it is pinned.
    pub(super) fn pin(&mut self, identity: TargetIdentity) -> (DeviceId, String) {
        self.order.account.identity = Some(identity);
        (self.device, service(self.plugin, self.order.account.port))
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

/// Pins another identity of the target, by which the last step was stopped. Returns whether one was.
pub(in crate::vault) fn trust_identity(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    identity: &TargetIdentity,
) -> Result<bool, VaultError> {
    let stopped = AccountProblem::from(Failure::IdentityChanged);
    let account = JitAccount::find(context.connection(), id)?.filter(|account| account.problem == Some(stopped));
    let Some(account) = account else { return Ok(false) };
    let Some((plugin, _)) = account_plugin(&account.plugin) else { return Ok(false) };
    let (now, actor) = (context.micros(), context.principal().actor().to_string());
    let connection = context.connection();
    let device = device::by_id(connection, account.device)?.ok_or(StoreError::NotFound)?;
    let service = service(plugin, port_of(&device.connectivities, plugin.connectivities));
    target_identity::pin(connection, device.id, &service, &identity.0, now)?;
    if account.state == JitState::Removing {
        wake(connection, id, &actor, now)?;
    }
    Ok(true)
}

/// Logs the cause, a fixed text.
pub(super) fn failed(error: TargetError) -> AccountProblem {
    log::warn!("just-in-time account: {error}");
    error.failure.into()
}
