//! Where an account is. The vault remembers it: the account has to be found when its device points elsewhere, or the options changed.

use std::collections::BTreeMap;

use chaveiro_rotation::TargetIdentity;

use super::policy::AccountPlugin;
use crate::store::device::DeviceRow;
use crate::store::jit_account::JitAccountRow;
use crate::store::{AnyConnection, StoreError, target_identity};
use crate::vault::Inner;
use crate::vault::device::port_of;
use crate::vault::rotation::{host, service};

/// Where an account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    /// The port; `None`: the usual one of the target.
    pub(super) port: Option<u16>,
    /// The options of the plugin that say where on its target an account is.
    pub(super) options: BTreeMap<String, String>,
    /// What the target has to present; `None`: nothing is pinned yet.
    pub(super) identity: Option<TargetIdentity>,
}

impl Place {
    /// Returns the place that the device of an account and the settings say.
    pub(super) fn of_device(
        connection: &mut AnyConnection,
        vault: &Inner,
        (plugin, accounts): AccountPlugin,
        device: &DeviceRow,
    ) -> Result<Self, StoreError> {
        let port = port_of(&device.connectivities, plugin.connectivities);
        let mut options = vault.settings.rotation.options.get(plugin.name).cloned().unwrap_or_default();
        options.retain(|name, _| accounts.place_options().contains(&name.as_str()));
        let pinned = target_identity::find(connection, device.id, &service(plugin, port))?;
        Ok(Self { host: host(device).into(), port, options, identity: pinned.map(TargetIdentity) })
    }

    /// Whether it is on the same service as another place.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }

    /// # Errors
    /// [`StoreError::Query`] for a row that the vault did not write.
    pub(super) fn from_row(row: &JitAccountRow) -> Result<Self, StoreError> {
        let unreadable = StoreError::Query("the place of an account cannot be read");
        let Ok(options) = serde_json::from_str(&row.options) else { return Err(unreadable) };
        let Ok(port) = row.port.map(u16::try_from).transpose() else { return Err(unreadable) };
        Ok(Self { host: row.host.clone(), port, options, identity: row.identity.clone().map(TargetIdentity) })
    }

    /// Returns the options as stored.
    pub(super) fn options_text(&self) -> String {
        serde_json::json!(self.options).to_string()
    }
}
