//! The settings of a credential in their tables: rotation, just-in-time access, secrets; and the credentials that they name.

use super::input::CredentialInput;
use super::resolve;
use super::settings::{CredentialReference, SettingsInput, jit_changes, rotation_changes};
use crate::store::id::CredentialId;
use crate::store::rotation;
use crate::vault::operation::OperationContext;
use crate::vault::secrets::SecretOwner;
use crate::vault::{VaultError, secrets};

/// The ids of the credentials that the settings name.
#[derive(Default)]
pub(super) struct References {
    pub(super) parent: Option<CredentialId>,
    authentication: Option<CredentialId>,
    reconciliation: Option<CredentialId>,
    jit_authentication: Option<CredentialId>,
}

/// Resolves every credential that the settings name. Each has to exist and be visible.
pub(super) fn resolve_references(
    context: &mut OperationContext<'_>,
    settings: &SettingsInput,
) -> Result<References, VaultError> {
    let mut id = |reference: Option<&CredentialReference>| {
        reference.map(|reference| Ok::<_, VaultError>(resolve::referenced(context, reference)?.id)).transpose()
    };
    let mut references = References::default();
    if let Some(rotation) = &settings.rotation {
        references.authentication = id(rotation.authentication.as_ref())?;
        references.reconciliation = id(rotation.reconciliation.as_ref())?;
        references.parent = id(rotation.parent.as_ref())?;
    }
    if let Some(session) = &settings.session {
        id(session.authentication.as_ref())?;
    }
    if let Some(jit) = &settings.jit {
        references.jit_authentication = id(jit.authentication.as_ref())?;
    }
    Ok(references)
}

/// Stores the settings that have tables of their own: rotation, just-in-time access, secrets.
pub(super) fn store_settings(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    input: &CredentialInput,
    references: &References,
) -> Result<(), VaultError> {
    let settings = &input.settings;
    if let Some(sent) = &settings.rotation {
        let changes = rotation_changes(sent, references.authentication, references.reconciliation);
        rotation::store(context.connection(), id, &changes)?;
    }
    if let Some(sent) = &settings.jit {
        rotation::store_jit(context.connection(), id, &jit_changes(sent, references.jit_authentication))?;
    }
    for (owner, secret) in [
        (SecretOwner::TotpSeed(id), &settings.totp_seed),
        (SecretOwner::AuthenticationFields(id), &settings.authentication_fields),
        (SecretOwner::Notes(id), &settings.notes),
    ] {
        if let Some(secret) = secret {
            secrets::store(context, owner, secret)?;
        }
    }
    Ok(())
}
