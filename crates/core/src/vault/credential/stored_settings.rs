//! Stored settings of a credential (rotation, just-in-time access, secrets) and the credentials that they reference.

use super::ChangeTime;
use super::input::CredentialInput;
use super::resolve;
use super::settings::{
    CredentialReference, ReferenceChange, RotationSettings, SettingsInput, jit_changes, rotation_changes,
};
use crate::store::id::CredentialId;
use crate::store::rotation;
use crate::vault::VaultError;
use crate::vault::operation::OperationContext;
use crate::vault::secrets::SecretOwner;

/// The ids of the credentials that the settings reference.
#[derive(Default)]
pub(super) struct References {
    pub(super) parent: Option<CredentialId>,
    authentication: Option<Option<CredentialId>>,
    reconciliation: Option<Option<CredentialId>>,
    jit_authentication: Option<Option<CredentialId>>,
}

/// Resolves every credential that the settings reference. Each must exist and be visible.
pub(super) fn resolve_references(
    context: &mut OperationContext<'_>,
    settings: &SettingsInput,
) -> Result<References, VaultError> {
    let mut references = References::default();
    if let Some(rotation) = &settings.rotation {
        references.authentication = changed(context, rotation.authentication.as_ref())?;
        references.reconciliation = changed(context, rotation.reconciliation.as_ref())?;
        references.parent = named(context, rotation.parent.as_ref())?;
    }
    if let Some(session) = &settings.session {
        named(context, session.authentication.as_ref())?;
    }
    if let Some(jit) = &settings.jit {
        references.jit_authentication = changed(context, jit.authentication.as_ref())?;
    }
    Ok(references)
}

fn named(
    context: &mut OperationContext<'_>,
    reference: Option<&CredentialReference>,
) -> Result<Option<CredentialId>, VaultError> {
    reference.map(|reference| Ok(resolve::referenced(context, reference)?.id)).transpose()
}

/// Returns the column value for a change of a reference: `None` leaves the column, `Some(None)` clears it.
fn changed(
    context: &mut OperationContext<'_>,
    change: Option<&ReferenceChange>,
) -> Result<Option<Option<CredentialId>>, VaultError> {
    match change {
        None => Ok(None),
        Some(ReferenceChange::Remove) => Ok(Some(None)),
        Some(ReferenceChange::Set(reference)) => Ok(Some(named(context, Some(reference))?)),
    }
}

/// Saves the settings of rotation of an SSH key. What they reference must exist and be visible. Returns whether they are others
/// than before, and whether they say anew where the login of another credential is sent.
pub(in crate::vault) fn save_rotation(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    sent: &RotationSettings,
) -> Result<(bool, bool), VaultError> {
    let authentication = changed(context, sent.authentication.as_ref())?;
    let reconciliation = changed(context, sent.reconciliation.as_ref())?;
    store_rotation(context, id, sent, &References { authentication, reconciliation, ..References::default() })
}

/// Stores settings of rotation, as [`save_rotation`].
fn store_rotation(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    sent: &RotationSettings,
    references: &References,
) -> Result<(bool, bool), VaultError> {
    let changes = rotation_changes(sent, references.authentication, references.reconciliation);
    let is_changed = rotation::store(context.connection(), id, &changes)?;
    Ok((is_changed, is_granting(sent, is_changed)))
}

/// Whether settings of rotation, which a save has changed or not, say anew where the login of another credential is sent: they name
/// one, or the plugin.
fn is_granting(sent: &RotationSettings, is_changed: bool) -> bool {
    let names_one = [&sent.authentication, &sent.reconciliation].into_iter().any(is_set);
    names_one || (is_changed && sent.names_plugin())
}

fn is_set(change: &Option<ReferenceChange>) -> bool {
    matches!(change, Some(ReferenceChange::Set(_)))
}

/// Stores the settings that have tables of their own: rotation, just-in-time access, secrets. Returns whether they say anew where the
/// login of another credential is sent.
pub(super) fn store_settings(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    input: &CredentialInput,
    references: &References,
    time: &mut ChangeTime,
) -> Result<bool, VaultError> {
    let settings = &input.settings;
    let mut is_policy_sent = false;
    if let Some(sent) = &settings.rotation {
        let (is_changed, is_granting) = store_rotation(context, id, sent, references)?;
        is_policy_sent |= is_granting;
        time.move_if(context, is_changed)?;
    }
    if let Some(sent) = &settings.jit {
        let changes = jit_changes(sent, references.jit_authentication);
        let is_changed = rotation::store_jit(context.connection(), id, &changes)?;
        is_policy_sent |= is_changed || is_set(&sent.authentication);
        time.move_if(context, is_changed)?;
    }
    for (owner, secret) in [
        (SecretOwner::TotpSeed(id), &settings.totp_seed),
        (SecretOwner::AuthenticationFields(id), &settings.authentication_fields),
        (SecretOwner::Notes(id), &settings.notes),
    ] {
        if let Some(secret) = secret {
            time.store_secret(context, owner, secret)?;
        }
    }
    Ok(is_policy_sent)
}
