//! What an arrow changes beside the record, within its transaction.

use chaveiro_rotation::{Arrow, AuditEvent, Effect, Shape};

use super::policy;
use super::secret::NewSshKey;
use super::setup::Setup;
use super::shared;
use super::state::{RotationState, event_of};
use crate::config::{RotationPolicy, RotationSettings};
use crate::crypto::{SecretText, random_bytes};
use crate::store::id::CredentialId;
use crate::store::secret::SecretState;
use crate::store::{AnyConnection, StoreError, rotation_record, target_identity};
use crate::vault::operation::OperationContext;
use crate::vault::{Field, VaultError};

/// Applies an arrow to the locked state of a credential. One that stores a candidate for an SSH key needs the new key.
///
/// # Errors
/// [`StoreError::LeaseLost`] if the state is another one than that which the arrow was computed from.
pub(super) fn apply(
    context: &mut OperationContext<'_>,
    setup: &Setup,
    mut state: RotationState,
    arrow: &Arrow,
    new: Option<&NewSshKey>,
) -> Result<(), VaultError> {
    if state.record.revision != arrow.expected_revision() {
        return Err(StoreError::LeaseLost.into());
    }
    state.waiting = state.waiting.after(arrow).ok_or(StoreError::LeaseLost)?;
    let (id, now) = (setup.credential.id, context.micros());
    change_versions(context, setup, arrow, new)?;
    if arrow.effect == Effect::Promote {
        state.changed_at = Some(now);
        state.is_behind = shared::is_behind(context, &setup.credential)?;
    }
    state.record = arrow.record.clone();
    state.store(context.connection(), id)?;
    // What its target may still know is kept, for a person who removes it there.
    if arrow.event == AuditEvent::Finished {
        setup.secret().end_change(context)?;
    }
    Ok(rotation_record::insert_event(context.connection(), &event_of(arrow, id, now))?)
}

fn change_versions(
    context: &mut OperationContext<'_>,
    setup: &Setup,
    arrow: &Arrow,
    new: Option<&NewSshKey>,
) -> Result<(), VaultError> {
    let secret = setup.secret();
    match &arrow.effect {
        Effect::None => Ok(()),
        Effect::StoreCandidate(shape) => secret.store_candidate(context, setup, *shape, new),
        Effect::MarkSent => secret.advance(context, SecretState::Unverified),
        Effect::Promote => secret.advance(context, SecretState::Current),
        Effect::Reject => secret.advance(context, SecretState::Rejected),
        Effect::Pin(identity) => {
            let now = context.micros();
            let (device, service) = (setup.device(), setup.service());
            // Another account of the device may have been first. Only a person replaces what is pinned.
            let is_first = arrow.event == AuditEvent::IdentityPinned;
            if is_first && target_identity::find(context.connection(), device, &service)?.is_some() {
                return Ok(());
            }
            Ok(target_identity::pin(context.connection(), device, &service, &identity.0, now)?)
        }
    }
}

/// Draws a password by the policy of a credential.
pub(in crate::vault) fn new_password(
    connection: &mut AnyConnection,
    settings: &RotationSettings,
    id: CredentialId,
) -> Result<SecretText, VaultError> {
    generate(policy::of_credential(connection, settings, id)?, Shape::First)
}

/// Draws a password of a shape.
pub(super) fn generate(policy: RotationPolicy<'_>, shape: Shape) -> Result<SecretText, VaultError> {
    let mut random = || u64::from_ne_bytes(random_bytes());
    let drawn = policy.password().generate(shape, &mut random);
    drawn.map_err(|_| VaultError::invalid(Field::Password, "no password fits [rotation] of the settings"))
}
