//! Where an account is. The vault stores it: the account has to be found when its device points elsewhere, or the options changed.

use std::collections::BTreeMap;

use chaveiro_rotation::TargetIdentity;
use chaveiro_targets::Accounts;

use super::policy::AccountPlugin;
use super::state::JitAccount;
use crate::store::id::DeviceId;
use crate::store::jit_account::JitAccountRow;
use crate::store::{AnyConnection, StoreError, device, target_identity};
use crate::vault::Inner;
use crate::vault::device::port_of;
use crate::vault::rotation::{host, service};

/// Where an account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccountLocation {
    pub(super) host: String,
    /// The port; `None`: the usual one of the target.
    pub(super) port: Option<u16>,
    /// The options of the plugin that say where on its target an account is.
    pub(super) options: BTreeMap<String, String>,
    /// What the target presented when it was last reached; `None`: nothing yet.
    pub(super) identity: Option<TargetIdentity>,
}

impl AccountLocation {
    /// Returns the location that the device of an account and the settings say, with the identity that is pinned for it.
    pub(super) fn current(
        connection: &mut AnyConnection,
        vault: &Inner,
        (plugin, accounts): AccountPlugin,
        device: DeviceId,
    ) -> Result<Self, StoreError> {
        let device = device::by_id(connection, device)?.ok_or(StoreError::NotFound)?;
        let port = port_of(&device.connectivities, plugin.connectivities);
        let mut options = vault.settings.rotation.options.get(plugin.name).cloned().unwrap_or_default();
        options.retain(|name, _| is_of_location(accounts, name));
        let pinned = target_identity::find(connection, device.id, &service(plugin, port))?;
        Ok(Self { host: host(&device).into(), port, options, identity: pinned.map(TargetIdentity) })
    }

    /// As [`AccountLocation::current`], for an account.
    pub(super) fn current_of(
        connection: &mut AnyConnection,
        vault: &Inner,
        account: &JitAccount,
    ) -> Result<Self, StoreError> {
        Self::current(connection, vault, account.plugin()?, account.device)
    }

    /// Whether both have the same host and port.
    pub(super) fn same_endpoint(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }

    /// Whether both are the same but for the identity.
    pub(super) fn same_account(&self, other: &Self) -> bool {
        self.same_endpoint(other) && self.options == other.options
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// [`StoreError::Query`] for a row that the vault did not write.
    pub(super) fn from_row(row: &JitAccountRow) -> Result<Self, StoreError> {
        let unreadable = StoreError::Query("the location of an account cannot be read");
        let Ok(options) = serde_json::from_str(&row.options) else { return Err(unreadable) };
        let Ok(port) = row.port.map(u16::try_from).transpose() else { return Err(unreadable) };
        Ok(Self { host: row.host.clone(), port, options, identity: row.identity.clone().map(TargetIdentity) })
    }

    /// Returns the options as stored.
    pub(super) fn options_text(&self) -> String {
        serde_json::json!(self.options).to_string()
    }
}

/// Whether an option says where on its target an account is.
pub(super) fn is_of_location(accounts: &dyn Accounts, option: &str) -> bool {
    accounts.location_options().contains(&option)
}
