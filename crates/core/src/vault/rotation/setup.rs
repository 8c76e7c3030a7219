//! The account of a credential, its target, and who makes the change, from the rows of the credential.

use chaveiro_rotation::{Account, Login, LoginSecret, Operator, TargetIdentity};
use chaveiro_targets::{Plugin, Script, template_target};
use chaveiro_templates::Executor;

use super::granted_place::{AccountPlace, GrantedPlace, place_changed};
use super::policy::{self, PolicyFacts, plugin_named};
use super::secret::{RotatedSecret, current_login};
use crate::config::{RotationPolicy, RotationSettings};
use crate::crypto::SecretText;
use crate::store::credential::{self, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::id::{CredentialId, DeviceId};
use crate::store::rotation::{self, RotationRow};
use crate::store::{AnyConnection, StoreError, target_identity};
use crate::vault::credential::parent::owner_of;
use crate::vault::device::port_of;
use crate::vault::template;
use crate::vault::{Field, Inner, Noun, VaultError};

/// A credential or an SSH key that can be changed on its target.
pub(super) struct Setup {
    pub(super) credential: CredentialRow,
    pub(super) policy: RotationRow,
    pub(super) plugin: &'static Plugin,
    /// What carries the template out, and its name. `None`: the plugin needs none.
    pub(super) template: Option<(Executor, String)>,
    device: DeviceRow,
    port: Option<u16>,
}

impl Setup {
    /// Loads the rows of a credential.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for an unknown plugin, and for one that changes secrets of another kind.
    pub(super) fn load(connection: &mut AnyConnection, id: CredentialId) -> Result<Self, VaultError> {
        let credential = credential::by_id(connection, id)?.ok_or(VaultError::NotFound(Noun::Credential))?;
        let device = device::by_id(connection, credential.device_id)?.ok_or(StoreError::NotFound)?;
        let policy = rotation::find(connection, id)?.ok_or_else(no_plugin)?;
        let (plugin, template) = plugin_of(connection, &policy)?;
        RotatedSecret::new(&credential).require(plugin)?;
        let port = port_of(&device.connectivities, plugin.connectivities);
        Ok(Self { credential, policy, plugin, template, device, port })
    }

    /// The device of the account.
    pub(super) fn device(&self) -> DeviceId {
        self.device.id
    }

    /// What the identity of the target is pinned for.
    pub(super) fn service(&self) -> String {
        service(self.plugin, self.port)
    }

    /// What is changed.
    pub(super) fn secret(&self) -> RotatedSecret {
        RotatedSecret::new(&self.credential)
    }

    /// The policy of the settings.
    pub(super) fn rules<'a>(&self, settings: &'a RotationSettings) -> RotationPolicy<'a> {
        let facts = PolicyFacts::new(&self.credential, &self.device, Some(self.plugin.name));
        policy::choose(settings, &facts)
    }

    /// The account, with the pinned identity of its target.
    pub(super) fn account(&self, connection: &mut AnyConnection, vault: &Inner) -> Result<Account, StoreError> {
        let pinned = target_identity::find(connection, self.device(), &self.service())?;
        let mut options = vault.settings.rotation.options.get(self.plugin.name).cloned().unwrap_or_default();
        if !self.credential.domain.is_empty() {
            options.entry("domain".into()).or_insert_with(|| self.credential.domain.clone());
        }
        let device = &self.device;
        if let Some((executor, name)) = &self.template {
            let source = template::source_to_run(connection, vault, *executor, name)?;
            let (executor, additional_information) = (*executor, self.credential.additional.as_str());
            Script { executor, source: &source, ip: &device.ip, hostname: &device.hostname, additional_information }
                .set(&mut options);
        }
        Ok(Account {
            host: host(device).into(),
            port: self.port,
            username: self.credential.username.clone(),
            options,
            identity: pinned.map(TargetIdentity),
            timeout: self.rules(&vault.settings.rotation).timeout(),
        })
    }

    /// The credential that makes the change; `None`: this one itself.
    pub(super) fn operator_id(&self) -> Option<CredentialId> {
        self.policy.authentication_id.filter(|_| !self.policy.use_own_credential)
    }

    /// The credential that reconciles, by the same template as a change if there is one: another is not run.
    pub(super) fn reconciliation_id(&self) -> Option<CredentialId> {
        let another = self.policy.reconciliation_template.as_deref().filter(|name| !name.is_empty());
        let is_same = |(_, name): &(Executor, String)| another.is_none_or(|another| another.eq_ignore_ascii_case(name));
        let fits = self.template.as_ref().is_none_or(is_same);
        self.policy.reconciliation_id.filter(|_| self.policy.reconcile && fits)
    }

    /// The account and where it is reached, as a grant names it.
    pub(super) fn place(&self) -> AccountPlace {
        AccountPlace::of_rotation(&self.credential, &self.policy, (host(&self.device), self.port))
    }

    /// Requires that the login of a credential may be sent to the account, which is the one of [`Setup::account`].
    ///
    /// # Errors
    /// [`VaultError::Invalid`] if the account is not where the login was granted for.
    pub(super) fn require_granted(
        &self,
        login: Option<CredentialId>,
        identity: Option<&TargetIdentity>,
    ) -> Result<(), VaultError> {
        let Some(login) = login.filter(|login| *login != self.credential.id) else { return Ok(()) };
        let granted = GrantedPlace::from_column(self.policy.granted_place.as_deref());
        let is_granted = granted.is_some_and(|granted| granted.allows(login, &self.place(), identity));
        if is_granted { Ok(()) } else { Err(place_changed()) }
    }

    /// As [`Setup::require_granted`], of who makes the change, by the identity that is pinned now.
    pub(super) fn require_operator_granted(&self, connection: &mut AnyConnection) -> Result<(), VaultError> {
        if self.operator_id().is_none() {
            return Ok(());
        }
        let pinned = target_identity::find(connection, self.device(), &self.service())?.map(TargetIdentity);
        self.require_granted(self.operator_id(), pinned.as_ref())
    }

    /// Who makes the change of an account.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] if the account is not where the login of another credential was granted for.
    pub(super) fn operator(
        &self,
        connection: &mut AnyConnection,
        vault: &Inner,
        account: &Account,
    ) -> Result<Operator, VaultError> {
        let Some(id) = self.operator_id() else { return Ok(Operator::Itself) };
        self.require_granted(Some(id), account.identity.as_ref())?;
        Ok(Operator::Other(login_of(connection, vault, id)?))
    }

    /// The login of the credential that reconciles an account.
    ///
    /// # Errors
    /// As for [`Setup::operator`].
    pub(super) fn reconciliation(
        &self,
        connection: &mut AnyConnection,
        vault: &Inner,
        account: &Account,
    ) -> Result<Option<Login>, VaultError> {
        let Some(id) = self.reconciliation_id() else { return Ok(None) };
        self.require_granted(Some(id), account.identity.as_ref())?;
        Ok(Some(login_of(connection, vault, id)?))
    }
}

/// What the identity of a target is pinned for.
pub(in crate::vault) fn service(plugin: &Plugin, port: Option<u16>) -> String {
    port.map_or_else(|| plugin.name.into(), |port| format!("{}:{port}", plugin.name))
}

/// Where a device is reached.
pub(in crate::vault) fn host(device: &DeviceRow) -> &str {
    if device.ip.is_empty() { &device.hostname } else { &device.ip }
}

/// A plugin, and what it runs.
type Chosen = (&'static Plugin, Option<(Executor, String)>);

/// Returns the target of a policy: that of its plugin, or the one that runs its template, whose plugin is an executor.
fn plugin_of(connection: &mut AnyConnection, policy: &RotationRow) -> Result<Chosen, VaultError> {
    let name = policy.plugin.as_deref().ok_or_else(no_plugin)?;
    let Some(template) = policy.template.as_deref().filter(|template| !template.is_empty()) else {
        return Ok((plugin_named(name).ok_or_else(no_plugin)?, None));
    };
    let invalid = |field, expected| Err(VaultError::invalid(field, expected));
    let Ok(executor) = name.parse::<Executor>() else {
        let expected = "a template is run by an executor: SSH, Tk Expect, LDAP, PostgreSQL or MySQL";
        return invalid(Field::ChangePlugin, expected);
    };
    let Some(target) = template_target(executor) else {
        return invalid(Field::ChangePlugin, "templates of this executor are not run");
    };
    if !template::exists(connection, executor, template)? {
        return invalid(Field::ChangeTemplate, "the executor has no template of this name; see chaveiro template list");
    }
    Ok((&target.plugin, Some((executor, template.into()))))
}

fn no_plugin() -> VaultError {
    VaultError::invalid(Field::ChangePlugin, "expected the name of a plugin, as docs/rotation.md lists them")
}

/// Returns the login of a credential or an SSH key. One that has no secret, or is inactive, logs in with an empty password, which
/// every target refuses as a wrong setting.
fn login_of(connection: &mut AnyConnection, vault: &Inner, id: CredentialId) -> Result<Login, VaultError> {
    let row = credential::by_id(connection, id)?.ok_or(VaultError::NotFound(Noun::Credential))?;
    if row.active { login(connection, vault, row) } else { Ok(without_secret(row)) }
}

/// Returns the login of a credential or an SSH key, active or not.
pub(in crate::vault) fn login(
    connection: &mut AnyConnection,
    vault: &Inner,
    row: CredentialRow,
) -> Result<Login, VaultError> {
    let owner = owner_of(connection, &row)?;
    match current_login(connection, vault, &row, owner)? {
        Some(secret) => Ok(Login { username: row.username, secret }),
        None => Ok(without_secret(row)),
    }
}

fn without_secret(row: CredentialRow) -> Login {
    Login { username: row.username, ..no_login() }
}

/// Returns a login of nobody, for a target that must not be contacted.
pub(super) fn no_login() -> Login {
    Login { username: String::new(), secret: LoginSecret::Password(SecretText::new(String::new())) }
}
