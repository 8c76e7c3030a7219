//! What a person decides of a rotation that does not go on by itself, and the values to decide by.

use chaveiro_rotation::{Decision, TargetIdentity, decide};

use super::effect::apply;
use super::run::wake;
use super::setup::Setup;
use super::state::RotationState;
use super::status::{RotationStatus, status_of};
use crate::crypto::SecretText;
use crate::store::credential::CredentialKind;
use crate::store::id::CredentialId;
use crate::vault::credential::{resolve, resolve_for_change};
use crate::vault::custody;
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::secrets::{SecretOwner, rotated_versions};
use crate::vault::{Field, Noun, Switchable, Vault, VaultError};

/// The names of the decisions.
pub const ROTATION_DECISIONS: [&str; 4] = ["accept-candidate", "keep-current", "retry", "trust-identity"];

/// Returns the decision of a name. An identity belongs to `trust-identity` alone.
pub fn rotation_decision(name: &str, identity: Option<String>) -> Option<Decision> {
    match (name, identity) {
        ("accept-candidate", None) => Some(Decision::AcceptCandidate),
        ("keep-current", None) => Some(Decision::KeepCurrent),
        ("retry", None) => Some(Decision::Retry),
        ("trust-identity", Some(identity)) if !identity.is_empty() => {
            Some(Decision::TrustIdentity(TargetIdentity(identity)))
        }
        _ => None,
    }
}

/// The values of a password of which it is not proved which one is in force.
#[derive(Debug)]
pub struct UnverifiedPasswords {
    /// The credential.
    pub credential: CredentialId,
    /// The current value.
    pub current: Option<SecretText>,
    /// The candidate.
    pub candidate: SecretText,
}

impl Vault {
    /// Carries out a decision, and returns the state of the rotation.
    ///
    /// # Errors
    /// As for reading the credential; [`VaultError::Invalid`] for a decision that the phase does not allow.
    pub async fn decide_rotation(
        &self,
        permit: Permit,
        key: String,
        decision: Decision,
    ) -> Result<RotationStatus, VaultError> {
        let again = key.clone();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = resolve_for_change(context, &key, CredentialKind::Password)?;
            let (row, _) = resolve::readable(context, row, Switchable::Credential)?;
            let (id, now) = (row.id, context.micros());
            let setup = Setup::load(context.connection(), id)?;
            let state = RotationState::lock(context.connection(), id)?;
            let arrow = decide(&state.record, &decision, now).map_err(|_| {
                VaultError::invalid(Field::Decision, "the state of the rotation does not allow this decision")
            })?;
            apply(context, &setup, state, &arrow)?;
            let actor = context.principal().actor().to_string();
            wake(context.connection(), id, &actor, now)?;
            let object = format!("{}, {}", Subject::Credential(id), arrow.event);
            Ok(Done::several(object, status_of(context, id)?))
        };
        let revalidate = move |context: &mut OperationContext<'_>, _: &RotationStatus| {
            resolve::readable_by_key(context, &again).map(drop)
        };
        self.execute_idempotent(permit, rule, revalidate).await.map(|(status, _)| status)
    }

    /// Returns both values of a password that is being changed. Takes custody, as any read does.
    ///
    /// # Errors
    /// As for reading the credential; [`VaultError::NotFound`] while there is no candidate.
    pub async fn read_unverified_passwords(
        &self,
        permit: Permit,
        key: String,
    ) -> Result<UnverifiedPasswords, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let (row, _) = resolve::locked_readable_by_key(context, &key)?;
            let vault = context.vault;
            let versions = rotated_versions(context.connection(), vault, SecretOwner::Password(row.id))?;
            let candidate = versions.candidate.ok_or(VaultError::NotFound(Noun::Version))?;
            if context.principal().authorization().is_some() {
                custody::take(context, &row)?;
            }
            Ok(Done::new(Subject::Credential(row.id), (row.id, versions.current, candidate)))
        };
        let ((credential, current, candidate), recorded) = self.execute(permit, rule).await?;
        let current = self.unseal_optional(&recorded, current.as_ref()).await?;
        let candidate = self.unseal(&recorded, &candidate).await?;
        Ok(UnverifiedPasswords { credential, current, candidate })
    }
}
