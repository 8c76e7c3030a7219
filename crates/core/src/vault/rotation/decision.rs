//! What a person decides of a rotation that does not go on by itself, and the values to decide by.

use chaveiro_rotation::{Decision, Effect, TargetIdentity, decide};

use super::effect::apply;
use super::granted_place::{grant_to_trusted, require_sight_of_service};
use super::rotatable::{Rotatable, require_readable};
use super::run::wake;
use super::secret::{RotatedSecret, SealedVersions};
use super::setup::Setup;
use super::state::{ReplacedVersions, RotationState};
use super::status::{RotationStatus, status_of};
use crate::crypto::SecretText;
use crate::store::id::CredentialId;
use crate::vault::custody;
use crate::vault::operation::{Done, OperationContext, Permit, Recorded, Subject};
use crate::vault::secrets::Sealed;
use crate::vault::{Field, Noun, Vault, VaultError, jit};

/// The names of the decisions.
pub const ROTATION_DECISIONS: [&str; 5] =
    ["accept-candidate", "keep-current", "retry", "trust-identity", "follow-device"];

/// Returns the decision of a name. An identity belongs to `trust-identity` alone.
pub fn rotation_decision(name: &str, identity: Option<String>) -> Option<Decision> {
    match (name, identity) {
        ("accept-candidate", None) => Some(Decision::AcceptCandidate),
        ("keep-current", None) => Some(Decision::KeepCurrent),
        ("retry", None) => Some(Decision::Retry),
        ("follow-device", None) => Some(Decision::FollowDevice),
        ("trust-identity", Some(identity)) if !identity.is_empty() => {
            Some(Decision::TrustIdentity(TargetIdentity(identity)))
        }
        _ => None,
    }
}

/// The values of a secret of which it is not proved which one is in force.
#[derive(Debug)]
pub struct UnverifiedSecrets {
    /// The credential or SSH key.
    pub credential: CredentialId,
    /// The current value.
    pub current: Option<UnverifiedSecret>,
    /// The candidate.
    pub candidate: UnverifiedSecret,
}

/// A value that may be in force.
#[derive(Debug)]
pub struct UnverifiedSecret {
    /// The password or the private key.
    pub value: SecretText,
    /// The passphrase of the private key.
    pub passphrase: Option<SecretText>,
}

impl Vault {
    /// Carries out a decision, and returns the state of the rotation.
    ///
    /// # Errors
    /// As for reading the credential; [`VaultError::Invalid`] for a decision that the phase does not allow.
    pub async fn decide_rotation(
        &self,
        permit: Permit,
        what: Rotatable,
        key: String,
        decision: Decision,
    ) -> Result<RotationStatus, VaultError> {
        let again = key.clone();
        let rule = move |context: &mut OperationContext<'_>| {
            let row = what.for_decision(context, &key)?;
            let (id, now) = (row.id, context.micros());
            if let Some(done) = jit::decide_account(context, id, &decision)? {
                let object = format!("{}, {done}", Subject::Credential(id));
                return Ok(Done::several(object, status_of(context, id)?));
            }
            require_readable(context, row)?;
            let setup = Setup::load(context.connection(), id)?;
            let state = RotationState::lock(context.connection(), id)?;
            let arrow = decide(&state.record, &decision, now).map_err(|_| {
                VaultError::invalid(Field::Decision, "the state of the rotation does not allow this decision")
            })?;
            if let Effect::Pin(_) = arrow.effect {
                require_sight_of_service(context, setup.device(), &setup.service())?;
            }
            // No decision stores a candidate.
            apply(context, &setup, state, &arrow, None)?;
            if let Effect::Pin(_) = arrow.effect {
                // Who trusts another identity of the target trusts it where the account is now.
                grant_to_trusted(context, id)?;
            }
            let actor = context.principal().actor().to_string();
            wake(context.connection(), id, &actor, now)?;
            let object = format!("{}, {}", Subject::Credential(id), arrow.event);
            Ok(Done::several(object, status_of(context, id)?))
        };
        let revalidate =
            move |context: &mut OperationContext<'_>, _: &RotationStatus| what.resolve(context, &again).map(drop);
        self.execute_idempotent(permit, rule, revalidate).await.map(|(status, _)| status)
    }

    /// Returns both values of a secret that is being changed. Takes custody of a password, as any read does.
    ///
    /// # Errors
    /// As for reading the credential; [`VaultError::NotFound`] while there is no candidate.
    pub async fn read_unverified_secrets(
        &self,
        permit: Permit,
        what: Rotatable,
        key: String,
    ) -> Result<UnverifiedSecrets, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = what.locked(context, &key)?;
            let (secret, vault) = (RotatedSecret::new(&row), context.vault);
            let versions = secret.versions(context.connection(), vault, ReplacedVersions::default())?;
            if versions.values.candidate.is_none() {
                return Err(VaultError::NotFound(Noun::Version));
            }
            if context.principal().authorization().is_some() && secret == RotatedSecret::Password(row.id) {
                custody::take(context, &row)?;
            }
            Ok(Done::new(Subject::Credential(row.id), (row.id, versions)))
        };
        let ((credential, versions), recorded) = self.execute(permit, rule).await?;
        let SealedVersions { values, passphrases } = versions;
        let current = self.unseal_unverified(&recorded, values.current, passphrases.current).await?;
        let candidate = self.unseal_unverified(&recorded, values.candidate, passphrases.candidate).await?;
        let candidate = candidate.ok_or(VaultError::NotFound(Noun::Version))?;
        Ok(UnverifiedSecrets { credential, current, candidate })
    }

    async fn unseal_unverified(
        &self,
        recorded: &Recorded,
        value: Option<Sealed>,
        passphrase: Option<Sealed>,
    ) -> Result<Option<UnverifiedSecret>, VaultError> {
        let Some(value) = self.unseal_optional(recorded, value.as_ref()).await? else { return Ok(None) };
        let passphrase = self.unseal_optional(recorded, passphrase.as_ref()).await?;
        // An empty passphrase was removed.
        let passphrase = passphrase.filter(|passphrase| !passphrase.is_empty());
        Ok(Some(UnverifiedSecret { value, passphrase }))
    }
}
