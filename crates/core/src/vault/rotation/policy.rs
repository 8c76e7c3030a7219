//! The policy of a credential. One function chooses it, for every cause of a change.

use chaveiro_targets::{Plugin, template_target};
use chaveiro_templates::Executor;

use crate::config::{NamedPolicy, RotationPolicy, RotationSettings};
use crate::store::credential::{self, CredentialRow};
use crate::store::device::{self, DeviceRow};
use crate::store::id::CredentialId;
use crate::store::rotation::{self, RotationRow};
use crate::store::rotation_record::AgedRow;
use crate::store::{AnyConnection, StoreError};
use crate::text::{case_folded, comma_separated};

/// What a policy is chosen by.
#[derive(Clone, Copy, Debug)]
pub(super) struct PolicyFacts<'a> {
    pub(super) identifier: Option<&'a str>,
    pub(super) username: &'a str,
    pub(super) hostname: &'a str,
    pub(super) tags: [&'a str; 2],
    pub(super) device_type: &'a str,
    pub(super) plugin: Option<&'a str>,
}

impl<'a> PolicyFacts<'a> {
    /// Takes them of the rows of a credential.
    pub(super) fn new(row: &'a CredentialRow, device: &'a DeviceRow, plugin: Option<&'a str>) -> Self {
        Self {
            identifier: row.identifier.as_deref(),
            username: &row.username,
            hostname: &device.hostname,
            tags: [&row.tags, &device.tags],
            device_type: &device.kind,
            plugin,
        }
    }

    /// Takes them of the row of a list.
    pub(super) fn of_aged(row: &'a AgedRow) -> Self {
        Self {
            identifier: row.identifier.as_deref(),
            username: &row.username,
            hostname: &row.hostname,
            tags: [&row.tags, &row.device_tags],
            device_type: &row.device_type,
            plugin: plugin_name(row.plugin.as_deref(), row.template.as_deref()),
        }
    }

    /// Whether a policy of the list names the credential, by its identifier or as `username@hostname`.
    fn is_named_by(&self, policy: &NamedPolicy) -> bool {
        let is_account = |name: &str| {
            name.rsplit_once('@').is_some_and(|(user, host)| same(user, self.username) && same(host, self.hostname))
        };
        let is_named = |name: &String| self.identifier.is_some_and(|own| same(name, own)) || is_account(name);
        policy.credentials.iter().any(is_named)
    }

    /// Whether each of the other lists of a policy that is not empty has what the credential has.
    fn is_matched_by(&self, policy: &NamedPolicy) -> bool {
        let has_tag = |tag: &String| self.tags.iter().flat_map(|tags| comma_separated(tags)).any(|own| same(tag, own));
        let has_plugin = |plugin: &String| self.plugin.is_some_and(|own| same(plugin, own));
        let lists = [&policy.tags, &policy.device_types, &policy.plugins];
        lists.iter().any(|list| !list.is_empty())
            && (policy.tags.is_empty() || policy.tags.iter().any(has_tag))
            && (policy.device_types.is_empty() || policy.device_types.iter().any(|kind| same(kind, self.device_type)))
            && (policy.plugins.is_empty() || policy.plugins.iter().any(has_plugin))
    }
}

fn same(one: &str, other: &str) -> bool {
    case_folded(one) == case_folded(other)
}

/// Returns the policy of a credential: the first of the list that names it, else the first whose lists all match it, else the section
/// `[rotation]`.
pub(super) fn choose<'a>(settings: &'a RotationSettings, facts: &PolicyFacts<'_>) -> RotationPolicy<'a> {
    let named = settings.policies.iter().find(|policy| facts.is_named_by(policy));
    let chosen = named.or_else(|| settings.policies.iter().find(|policy| facts.is_matched_by(policy)));
    chosen.map_or(settings.default_policy(), |chosen| RotationPolicy::named(settings, chosen))
}

/// Returns the policy of a credential, whether it can be changed or not.
pub(super) fn of_credential<'a>(
    connection: &mut AnyConnection,
    settings: &'a RotationSettings,
    id: CredentialId,
) -> Result<RotationPolicy<'a>, StoreError> {
    if settings.policies.is_empty() {
        return Ok(settings.default_policy());
    }
    let row: CredentialRow = credential::by_id(connection, id)?.ok_or(StoreError::NotFound)?;
    let device = device::by_id(connection, row.device_id)?.ok_or(StoreError::NotFound)?;
    let own: Option<RotationRow> = rotation::find(connection, id)?;
    let (plugin, template) = own.map_or((None, None), |own| (own.plugin, own.template));
    let plugin = plugin_name(plugin.as_deref(), template.as_deref());
    let facts = PolicyFacts::new(&row, &device, plugin);
    Ok(choose(settings, &facts))
}

/// Returns the name of the plugin that carries out what a credential's own settings name. `None`: nothing does.
fn plugin_name(plugin: Option<&str>, template: Option<&str>) -> Option<&'static str> {
    plugin_of_names(plugin, template).map(|plugin| plugin.name)
}

/// Returns the plugin that carries out what a credential's own settings name. `None`: nothing does.
pub(super) fn plugin_of_names(plugin: Option<&str>, template: Option<&str>) -> Option<&'static Plugin> {
    let plugin = plugin?;
    match template.filter(|template| !template.is_empty()) {
        Some(_) => Some(&template_target(plugin.parse::<Executor>().ok()?)?.plugin),
        None => plugin_named(plugin),
    }
}

/// Returns the plugin of a name.
pub(in crate::vault) fn plugin_named(name: &str) -> Option<&'static Plugin> {
    chaveiro_targets::plugins().iter().find(|plugin| plugin.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
