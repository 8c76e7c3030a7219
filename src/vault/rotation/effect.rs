//! What an arrow changes beside the record, within its transaction.

use chaveiro_rotation::{Arrow, Cause, CharacterClass, Effect, PasswordPolicy, Shape};

use super::secret::NewSshKey;
use super::setup::Setup;
use super::shared;
use super::state::{RotationState, event_of};
use crate::config::RotationSettings;
use crate::crypto::{SecretText, random_bytes};
use crate::store::rotation_record;
use crate::store::secret::SecretState;
use crate::store::{StoreError, target_identity};
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
    if let Some(cause) = arrow.takes {
        state.waiting = state.waiting.without(cause).ok_or(StoreError::LeaseLost)?;
    }
    let (id, now) = (setup.credential.id, context.micros());
    change_versions(context, setup, &arrow.effect, new)?;
    match arrow.effect {
        Effect::Promote => {
            state.changed_at = Some(now);
            state.is_behind = shared::is_behind(context, &setup.credential)?;
        }
        // The value of the parent is the newest one, which answers a request that came meanwhile.
        Effect::StoreCandidate(_) => state.waiting = state.waiting.without(Cause::Parent).unwrap_or(state.waiting),
        _ => {}
    }
    state.record = arrow.record.clone();
    state.store(context.connection(), id)?;
    Ok(rotation_record::insert_event(context.connection(), &event_of(arrow, id, now))?)
}

fn change_versions(
    context: &mut OperationContext<'_>,
    setup: &Setup,
    effect: &Effect,
    new: Option<&NewSshKey>,
) -> Result<(), VaultError> {
    let secret = setup.secret();
    match effect {
        Effect::None => Ok(()),
        Effect::StoreCandidate(shape) => secret.store_candidate(context, setup, *shape, new),
        Effect::MarkSent => secret.advance(context, SecretState::Unverified),
        Effect::Promote => secret.advance(context, SecretState::Current),
        Effect::Reject => secret.advance(context, SecretState::Rejected),
        Effect::Pin(identity) => {
            let now = context.micros();
            let (device, service) = (setup.device(), setup.service());
            Ok(target_identity::pin(context.connection(), device, &service, &identity.0, now)?)
        }
    }
}

/// Returns a password of a shape, as the settings say.
pub(in crate::vault) fn generate(settings: &RotationSettings, shape: Shape) -> Result<SecretText, VaultError> {
    let mut random = || u64::from_ne_bytes(random_bytes());
    policy(settings)
        .generate(shape, &mut random)
        .map_err(|_| VaultError::invalid(Field::Password, "no password fits [rotation] of the settings"))
}

/// Requires that the settings allow a password.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(in crate::vault) fn check_policy(settings: &RotationSettings) -> Result<(), VaultError> {
    Shape::ALL.into_iter().try_for_each(|shape| generate(settings, shape).map(drop))
}

/// Returns the policy of new passwords.
fn policy(settings: &RotationSettings) -> PasswordPolicy {
    let default = PasswordPolicy::default();
    let mut classes: Vec<CharacterClass> =
        default.classes.iter().filter(|class| class.characters.chars().all(char::is_alphanumeric)).cloned().collect();
    if !settings.symbols.is_empty() {
        classes.push(CharacterClass { characters: settings.symbols.clone(), at_least: 1 });
    }
    PasswordPolicy { length: settings.length, classes, forbidden: settings.forbidden.clone(), ..default }
}
