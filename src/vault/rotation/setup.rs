//! The account of a credential, its target, and who makes the change, from the rows of the credential.

use chaveiro_rotation::{Account, Limits, Login, LoginSecret, Operator, TargetIdentity};
use chaveiro_targets::{OldSecret, Plugin};

use crate::config::Settings;
use crate::crypto::SecretText;
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::id::{CredentialId, DeviceId};
use crate::store::rotation::{self, RotationRow};
use crate::store::{AnyConnection, StoreError, target_identity};
use crate::vault::credential::parent::owner_of;
use crate::vault::device::port_of;
use crate::vault::secrets::{SecretOwner, rotated_versions};
use crate::vault::{Field, Inner, Noun, VaultError};

/// A credential whose password can be changed on its target.
pub(super) struct Setup {
    pub(super) credential: CredentialRow,
    pub(super) policy: RotationRow,
    pub(super) plugin: &'static Plugin,
    device: DeviceRow,
    port: Option<u16>,
}

impl Setup {
    /// Loads the rows of a credential.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for a plugin that is none.
    pub(super) fn load(connection: &mut AnyConnection, id: CredentialId) -> Result<Self, VaultError> {
        let credential = credential::by_id(connection, id)?.ok_or(VaultError::NotFound(Noun::Credential))?;
        let device = device::by_id(connection, credential.device_id)?.ok_or(StoreError::NotFound)?;
        let policy = rotation::find(connection, id)?.ok_or_else(no_plugin)?;
        let plugin = policy.plugin.as_deref().and_then(plugin_named).ok_or_else(no_plugin)?;
        let port = port_of(&device.connectivities, plugin.connectivities);
        Ok(Self { credential, policy, plugin, device, port })
    }

    /// The device of the account.
    pub(super) fn device(&self) -> DeviceId {
        self.device.id
    }

    /// What the identity of the target is pinned for.
    pub(super) fn service(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.plugin.name),
            None => self.plugin.name.into(),
        }
    }

    /// The owner of the password.
    pub(super) fn password(&self) -> SecretOwner {
        SecretOwner::Password(self.credential.id)
    }

    /// The account, with the pinned identity of its target.
    pub(super) fn account(&self, connection: &mut AnyConnection, settings: &Settings) -> Result<Account, StoreError> {
        let pinned = target_identity::find(connection, self.device(), &self.service())?;
        let mut options = settings.rotation.options.get(self.plugin.name).cloned().unwrap_or_default();
        if !self.credential.domain.is_empty() {
            options.entry("domain".into()).or_insert_with(|| self.credential.domain.clone());
        }
        let device = &self.device;
        Ok(Account {
            host: if device.ip.is_empty() { device.hostname.clone() } else { device.ip.clone() },
            port: self.port,
            username: self.credential.username.clone(),
            options,
            identity: pinned.map(TargetIdentity),
        })
    }

    /// The credential that makes the change; `None`: this one itself.
    pub(super) fn operator_id(&self) -> Option<CredentialId> {
        self.policy.authentication_id.filter(|_| !self.policy.use_own_credential)
    }

    /// The credential that reconciles.
    pub(super) fn reconciliation_id(&self) -> Option<CredentialId> {
        self.policy.reconciliation_id.filter(|_| self.policy.reconcile)
    }

    /// Who makes the change.
    pub(super) fn operator(&self, connection: &mut AnyConnection, vault: &Inner) -> Result<Operator, VaultError> {
        match self.operator_id() {
            Some(id) => Ok(Operator::Other(login_of(connection, vault, id)?)),
            None => Ok(Operator::Itself),
        }
    }

    /// The login of the credential that reconciles.
    pub(super) fn reconciliation(
        &self,
        connection: &mut AnyConnection,
        vault: &Inner,
    ) -> Result<Option<Login>, VaultError> {
        self.reconciliation_id().map(|id| login_of(connection, vault, id)).transpose()
    }
}

/// The bounds of a rotation.
pub(super) fn limits(settings: &Settings) -> Limits {
    Limits { attempts: settings.rotation.attempts, ..Limits::default() }
}

fn no_plugin() -> VaultError {
    VaultError::invalid(Field::ChangePlugin, "expected the name of a plugin, as docs/rotation.md lists them")
}

/// Returns a plugin for passwords. The targets that take both secrets for a while are those of key pairs, which are not generated.
fn plugin_named(name: &str) -> Option<&'static Plugin> {
    let mut plugins = chaveiro_targets::plugins().iter();
    plugins.find(|plugin| plugin.name.eq_ignore_ascii_case(name) && plugin.old_secret != OldSecret::UntilRetired)
}

/// Returns the login of a credential or an SSH key. One that has no secret, or is inactive, logs in with an empty password, which
/// every target refuses as a wrong setting.
fn login_of(connection: &mut AnyConnection, vault: &Inner, id: CredentialId) -> Result<Login, VaultError> {
    let row = credential::by_id(connection, id)?.ok_or(VaultError::NotFound(Noun::Credential))?;
    let owner = owner_of(connection, &row)?;
    let mut open = |owner: SecretOwner| -> Result<Option<SecretText>, VaultError> {
        let current = rotated_versions(connection, vault, owner)?.current;
        current.filter(|_| row.active).map(|sealed| sealed.open_for_target(connection, vault)).transpose()
    };
    let secret = match row.kind() {
        CredentialKind::Password => {
            LoginSecret::Password(open(SecretOwner::Password(owner))?.unwrap_or_else(|| SecretText::new(String::new())))
        }
        CredentialKind::SshKey => match open(SecretOwner::SshPrivateKey(id))? {
            Some(key) => LoginSecret::PrivateKey { key, passphrase: open(SecretOwner::SshPassphrase(id))? },
            None => LoginSecret::Password(SecretText::new(String::new())),
        },
    };
    Ok(Login { username: row.username, secret })
}
