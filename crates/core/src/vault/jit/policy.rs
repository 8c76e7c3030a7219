//! What the settings of a credential ask for.

use chaveiro_rotation::TargetIdentity;
use chaveiro_targets::{Accounts, Plugin};

use super::location::AccountLocation;
use super::state::{JitAccount, JitMode, JitState};
use crate::store::StoreError;
use crate::store::credential::{self, CredentialRow};
use crate::store::device::DeviceRow;
use crate::store::id::CredentialId;
use crate::store::rotation::{self, JitRow};
use crate::vault::credential::parent;
use crate::vault::device::port_of;
use crate::vault::operation::OperationContext;
use crate::vault::rotation::{AccountPlace, GrantedPlace, host, place_changed, plugin_named};
use crate::vault::{Field, VaultError};

/// The template that names the statement of the plugin itself.
const DEFAULT_TEMPLATE: &str = "default";

/// A plugin that makes accounts.
pub(super) type AccountPlugin = (&'static Plugin, &'static dyn Accounts);

/// Whether the account of a credential exists only while its custody lasts.
pub(in crate::vault) fn is_managed(context: &mut OperationContext<'_>, id: CredentialId) -> Result<bool, StoreError> {
    if !context.settings().rotation.just_in_time {
        return Ok(false);
    }
    Ok(rotation::find_jit(context.connection(), id)?.as_ref().and_then(mode_of).is_some())
}

/// Returns what the settings ask for. To create and delete is the stronger of two wishes.
fn mode_of(policy: &JitRow) -> Option<JitMode> {
    match (policy.enabled, policy.create_and_delete, policy.enable_and_disable) {
        (true, true, _) => Some(JitMode::Create),
        (true, false, true) => Some(JitMode::Enable),
        _ => None,
    }
}

/// Returns the plugin of the first step of a mode.
fn first_plugin(policy: &JitRow, mode: JitMode) -> Option<&'static Plugin> {
    let name = match mode {
        JitMode::Create => &policy.creation_plugin,
        JitMode::Enable => &policy.enable_plugin,
    };
    account_plugin(name.as_deref()?).map(|(plugin, _)| plugin)
}

/// Returns the plugins whose targets the settings may let the operator log in to, in one mode or the other.
pub(in crate::vault) fn plugins(policy: &JitRow) -> impl Iterator<Item = &'static Plugin> {
    [JitMode::Create, JitMode::Enable].map(|mode| first_plugin(policy, mode)).into_iter().flatten()
}

/// Returns the account that the settings ask for, and where it is reached, as a grant names it.
pub(in crate::vault) fn place(policy: &JitRow, credential: &CredentialRow, device: &DeviceRow) -> AccountPlace {
    let chosen = mode_of(policy).and_then(|mode| Some((mode, first_plugin(policy, mode)?)));
    let port = chosen.and_then(|(_, plugin)| port_of(&device.connectivities, plugin.connectivities));
    AccountPlace::new(credential, step_name(chosen), (host(device), port))
}

/// Names what is done to an account, and by which plugin. Empty: nothing.
fn step_name(chosen: Option<(JitMode, &Plugin)>) -> String {
    chosen.map_or_else(String::new, |(mode, plugin)| format!("{} {}", mode.as_str(), plugin.name))
}

/// Returns the plugin of a name that makes accounts.
pub(super) fn account_plugin(name: &str) -> Option<AccountPlugin> {
    let plugin = plugin_named(name)?;
    plugin.accounts.map(|accounts| (plugin, accounts))
}

/// Returns the account that the settings of a credential ask for, before it is created.
///
/// # Errors
/// [`VaultError::Invalid`] for settings that cannot be followed.
pub(super) fn planned(context: &mut OperationContext<'_>, row: &CredentialRow) -> Result<JitAccount, VaultError> {
    let policy = rotation::find_jit(context.connection(), row.id)?;
    let managed = policy.as_ref().and_then(|policy| Some((policy, mode_of(policy)?)));
    if row.parent_id.is_some() || parent::sharing(context, row)?.members.len() > 1 {
        let expected = "a password that credentials share belongs to no account that exists just in time";
        return Err(VaultError::invalid(Field::Parent, expected));
    }
    // Without settings of its own it shares a password with one that has them.
    let (policy, mode) = managed.ok_or(StoreError::NotFound)?;
    let [begins, ends] = match mode {
        JitMode::Create => {
            [(&policy.creation_plugin, &policy.creation_template), (&policy.deletion_plugin, &policy.deletion_template)]
        }
        JitMode::Enable => {
            [(&policy.enable_plugin, &policy.enable_template), (&policy.disable_plugin, &policy.disable_template)]
        }
    };
    let plugin = step(begins.0, begins.1)?;
    if is_given(ends.0) && step(ends.0, ends.1)?.0.name != plugin.0.name {
        return Err(VaultError::invalid(Field::JitPlugin, "both steps of a mode need the same plugin"));
    }
    let vault = context.vault;
    let location = AccountLocation::current(context.connection(), vault, plugin, row.device_id)?;
    let operator = operator(context, policy)?;
    let place = AccountPlace::new(row, step_name(Some((mode, plugin.0))), (&location.host, location.port));
    require_granted(policy, operator, &place, location.identity.as_ref())?;
    Ok(JitAccount {
        credential: row.id,
        state: JitState::Creating,
        mode,
        plugin: plugin.0.name.into(),
        device: row.device_id,
        username: row.username.clone(),
        location,
        operator,
        mark: JitAccount::new_mark(),
        attempts: 0,
        problem: None,
        changed_at: context.micros(),
    })
}

/// Requires that the login of the operator may be sent to an account.
///
/// # Errors
/// [`VaultError::Invalid`] if the account is not where the login was granted for.
fn require_granted(
    policy: &JitRow,
    operator: CredentialId,
    place: &AccountPlace,
    identity: Option<&TargetIdentity>,
) -> Result<(), VaultError> {
    let granted = GrantedPlace::from_column(policy.granted_place.as_deref());
    let is_granted = granted.is_some_and(|granted| granted.allows(operator, place, identity));
    if is_granted { Ok(()) } else { Err(place_changed()) }
}

/// Stores the identity that the target has presented when it created an account at the granted place: at another address it proves
/// the target.
pub(super) fn prove(
    context: &mut OperationContext<'_>,
    account: &JitAccount,
    identity: &TargetIdentity,
) -> Result<(), StoreError> {
    let id = account.credential;
    let Some(policy) = rotation::find_jit(context.connection(), id)? else { return Ok(()) };
    let Some(row) = credential::by_id(context.connection(), id)? else { return Ok(()) };
    let (plugin, _) = account.plugin()?;
    let location = &account.location;
    let place = AccountPlace::new(&row, step_name(Some((account.mode, plugin))), (&location.host, location.port));
    let granted = GrantedPlace::from_column(policy.granted_place.as_deref());
    match granted.and_then(|granted| granted.with_identity(&place, identity)) {
        Some(proved) => rotation::set_granted_place_of_jit(context.connection(), id, &proved.to_column()),
        None => Ok(()),
    }
}

fn is_given(text: &Option<String>) -> bool {
    text.as_deref().is_some_and(|text| !text.is_empty())
}

/// Returns the plugin of a step.
fn step(plugin: &Option<String>, template: &Option<String>) -> Result<AccountPlugin, VaultError> {
    let name = plugin.as_deref().unwrap_or_default();
    let plugin = account_plugin(name).ok_or(VaultError::invalid(
        Field::JitPlugin,
        "just-in-time accounts need the plugin postgresql, linux-password or openldap in each step",
    ))?;
    let template = template.as_deref().unwrap_or_default();
    if template.is_empty() || template.eq_ignore_ascii_case(DEFAULT_TEMPLATE) {
        return Ok(plugin);
    }
    Err(VaultError::invalid(Field::JitTemplate, "no template creates accounts: leave it empty, or say default"))
}

/// Returns the credential that creates and removes the account: that of the just-in-time settings, or the one that changes its password.
fn operator(context: &mut OperationContext<'_>, policy: &JitRow) -> Result<CredentialId, VaultError> {
    let own = policy.authentication_id.filter(|_| !policy.use_own_credential);
    let found = match own {
        Some(id) => Some(id),
        None => rotation::find(context.connection(), policy.credential_id)?
            .and_then(|row| row.authentication_id.filter(|_| !row.use_own_credential)),
    };
    let invalid = |expected| VaultError::invalid(Field::AuthenticationCredential, expected);
    let found = found.filter(|id| *id != policy.credential_id).ok_or(invalid(
        "an account does not create or enable itself: name another one, with use_own_credential_to_connect false",
    ))?;
    if is_managed(context, found)? {
        // It would be gone when the account has to go.
        return Err(invalid("an account that exists just in time creates no other one"));
    }
    let is_active = credential::by_id(context.connection(), found)?.is_some_and(|row| row.active);
    if is_active { Ok(found) } else { Err(invalid("the credential that creates the account is inactive")) }
}
