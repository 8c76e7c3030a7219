//! The settings of a credential: rotation, just-in-time access, proxy sessions, and additional ones (contract, section 5.3).
//! A later request replaces the members that it sends. Secret members are sealed and stored separately.

use serde_json::{Map, Value};

use crate::crypto::SecretText;
use crate::store::id::CredentialId;
use crate::store::rotation::{JitChanges, JitRow, RotationChanges};
use crate::vault::{Field, VaultError};

/// Settings that the vault stores but does not interpret: validated members in canonical form.
pub type SettingsGroup = Map<String, Value>;

/// The settings in a request. `None`: not sent.
#[derive(Clone, Debug, Default)]
pub struct SettingsInput {
    /// Password rotation.
    pub rotation: Option<RotationSettings>,
    /// Just-in-time access.
    pub jit: Option<JitSettings>,
    /// Proxy sessions.
    pub session: Option<SessionSettings>,
    /// All other settings that are not secret.
    pub additional: Option<SettingsGroup>,
    /// The identifier to assign. The identifier outside the settings is the search key.
    pub identifier: Option<String>,
    /// The TOTP seed.
    pub totp_seed: Option<SecretText>,
    /// The additional authentication fields, as one JSON array.
    pub authentication_fields: Option<SecretText>,
    /// The notes.
    pub notes: Option<SecretText>,
}

/// A credential that settings reference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CredentialReference {
    pub username: String,
    pub hostname: String,
    pub ip: String,
}

/// The change of a reference to a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceChange {
    /// Removes the reference.
    Remove,
    /// Sets the reference.
    Set(CredentialReference),
}

/// Settings of password rotation. `None`: not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RotationSettings {
    /// The credential whose password this one shares.
    pub parent: Option<CredentialReference>,
    /// Whether the password is changed by age.
    pub automatic_change: Option<bool>,
    /// Whether an agent on the target changes the password.
    pub agent_based: Option<bool>,
    /// The connector that changes the password.
    pub plugin: Option<String>,
    /// The template of the connector.
    pub template: Option<String>,
    /// Whether the credential itself logs in to change its password.
    pub use_own_credential: Option<bool>,
    /// The credential that logs in otherwise.
    pub authentication: Option<ReferenceChange>,
    /// Whether a failed change is reconciled.
    pub reconcile: Option<bool>,
    /// The credential that reconciles.
    pub reconciliation: Option<ReferenceChange>,
    /// The connector that reconciles.
    pub reconciliation_plugin: Option<String>,
    /// The template of the reconciling connector.
    pub reconciliation_template: Option<String>,
}

impl RotationSettings {
    /// Whether the request names what carries the change out.
    pub(in crate::vault) fn names_plugin(&self) -> bool {
        self.plugin.is_some() || self.template.is_some()
    }
}

/// Settings of just-in-time access. `None`: not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JitSettings {
    /// Whether access is just in time.
    pub enabled: Option<bool>,
    /// Whether the account is created for a time window and deleted afterwards.
    pub create_and_delete: Option<bool>,
    /// Whether the account is enabled for a time window and disabled afterwards.
    pub enable_and_disable: Option<bool>,
    /// Whether the credential itself logs in for these steps.
    pub use_own_credential: Option<bool>,
    /// The credential that logs in otherwise.
    pub authentication: Option<ReferenceChange>,
    /// The connector of each step.
    pub steps: [JitStep; 4],
}

/// The connector of a step of just-in-time access. `None`: not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct JitStep {
    pub plugin: Option<String>,
    pub template: Option<String>,
}

/// The names of the steps, in the order of [`JitSettings::steps`].
pub const JIT_STEPS: [&str; 4] = ["creation", "deletion", "enable", "disable"];

/// Proxy sessions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionSettings {
    /// The checked members.
    pub members: SettingsGroup,
    /// The credential that logs in, if it is a different one.
    pub authentication: Option<CredentialReference>,
}

/// The columns that rotation settings change.
pub(super) fn rotation_changes(
    sent: &RotationSettings,
    authentication: Option<Option<CredentialId>>,
    reconciliation: Option<Option<CredentialId>>,
) -> RotationChanges {
    RotationChanges {
        automatic_change: sent.automatic_change,
        agent_based: sent.agent_based,
        plugin: sent.plugin.clone(),
        template: sent.template.clone(),
        use_own_credential: sent.use_own_credential,
        authentication_id: authentication,
        reconcile: sent.reconcile,
        reconciliation_id: reconciliation,
        reconciliation_plugin: sent.reconciliation_plugin.clone(),
        reconciliation_template: sent.reconciliation_template.clone(),
    }
}

/// The columns that just-in-time settings change.
pub(super) fn jit_changes(sent: &JitSettings, authentication: Option<Option<CredentialId>>) -> JitChanges {
    let [creation, deletion, enable, disable] = sent.steps.clone();
    JitChanges {
        enabled: sent.enabled,
        create_and_delete: sent.create_and_delete,
        enable_and_disable: sent.enable_and_disable,
        use_own_credential: sent.use_own_credential,
        authentication_id: authentication,
        creation_plugin: creation.plugin,
        creation_template: creation.template,
        deletion_plugin: deletion.plugin,
        deletion_template: deletion.template,
        enable_plugin: enable.plugin,
        enable_template: enable.template,
        disable_plugin: disable.plugin,
        disable_template: disable.template,
    }
}

/// The stored just-in-time settings.
pub(super) fn jit_from_row(row: JitRow) -> JitSettings {
    let step = |plugin, template| JitStep { plugin, template };
    JitSettings {
        enabled: Some(row.enabled),
        create_and_delete: Some(row.create_and_delete),
        enable_and_disable: Some(row.enable_and_disable),
        use_own_credential: Some(row.use_own_credential),
        authentication: None,
        steps: [
            step(row.creation_plugin, row.creation_template),
            step(row.deletion_plugin, row.deletion_template),
            step(row.enable_plugin, row.enable_template),
            step(row.disable_plugin, row.disable_template),
        ],
    }
}

impl JitSettings {
    /// Merges sent settings into the stored ones.
    pub(super) fn merged_into(self, stored: Self) -> Self {
        let mut stored_steps = stored.steps.into_iter();
        let steps = self.steps.map(|step| {
            let stored = stored_steps.next().unwrap_or_default();
            JitStep { plugin: step.plugin.or(stored.plugin), template: step.template.or(stored.template) }
        });
        Self {
            enabled: self.enabled.or(stored.enabled),
            create_and_delete: self.create_and_delete.or(stored.create_and_delete),
            enable_and_disable: self.enable_and_disable.or(stored.enable_and_disable),
            use_own_credential: self.use_own_credential.or(stored.use_own_credential),
            authentication: self.authentication.or(stored.authentication),
            steps,
        }
    }

    /// Requires the connectors and templates of the modes that are on.
    ///
    /// # Errors
    /// [`VaultError::Missing`]: all connectors of a mode before its templates.
    pub(super) fn check(&self) -> Result<(), VaultError> {
        if self.enabled != Some(true) {
            return Ok(());
        }
        let [creation, deletion, enable, disable] = &self.steps;
        let modes = [(self.create_and_delete, [creation, deletion]), (self.enable_and_disable, [enable, disable])];
        let is_empty = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
        for (_, steps) in modes.iter().filter(|(on, _)| *on == Some(true)) {
            if steps.iter().any(|step| is_empty(&step.plugin)) {
                return Err(VaultError::Missing(Field::JitPlugin));
            }
            if steps.iter().any(|step| is_empty(&step.template)) {
                return Err(VaultError::Missing(Field::JitTemplate));
            }
        }
        Ok(())
    }
}

/// Merges sent members into a stored group.
pub(super) fn merged(stored: Option<&str>, sent: &SettingsGroup) -> SettingsGroup {
    let mut group: SettingsGroup = stored.and_then(|stored| serde_json::from_str(stored).ok()).unwrap_or_default();
    group.extend(sent.clone());
    group
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_later_request_replaces_the_members_that_it_sends() {
        let sent = json!({"a": 2, "c": 3});
        let merged = merged(Some(r#"{"a":1,"b":1}"#), sent.as_object().unwrap());
        assert_eq!(Value::Object(merged), json!({"a": 2, "b": 1, "c": 3}));
    }

    #[test]
    fn jit_needs_the_connectors_of_its_mode_and_then_the_templates() {
        let mut jit = JitSettings { enabled: Some(true), create_and_delete: Some(true), ..JitSettings::default() };
        assert_eq!(jit.check(), Err(VaultError::Missing(Field::JitPlugin)));
        jit.steps[0].plugin = Some("P".into());
        assert_eq!(jit.check(), Err(VaultError::Missing(Field::JitPlugin)));
        jit.steps[1].plugin = Some("P".into());
        assert_eq!(jit.check(), Err(VaultError::Missing(Field::JitTemplate)));
        jit.steps[0].template = Some("T".into());
        jit.steps[1].template = Some("T".into());
        assert_eq!(jit.check(), Ok(()));
        jit.enable_and_disable = Some(true);
        assert_eq!(jit.check(), Err(VaultError::Missing(Field::JitPlugin)));
        jit.enabled = Some(false);
        assert_eq!(jit.check(), Ok(()));
    }
}
