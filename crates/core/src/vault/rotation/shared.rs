//! Passwords that credentials share: a new value reaches the target of the parent first, and then those of its children.
//!
//! Until its target has the new value, a child is behind: the former value is stored as a version of its own, and that is its
//! current one (`RotationState::is_behind`). Its candidate is a copy of the parent's value. So no version of the parent has
//! to be kept for a child.

use chaveiro_rotation::{Cause, Phase};

use super::run::wake;
use super::state::RotationState;
use crate::crypto::SecretText;
use crate::store::credential::{self, CredentialRow};
use crate::store::id::CredentialId;
use crate::store::{AnyConnection, StoreError, rotation};
use crate::vault::credential::parent::{MAX_GENERATIONS, owner_of};
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Field, Noun, VaultError};

/// Returns the nearest credentials below one that have a target of their own. One without a plugin is another name of the same
/// account, and the credentials below it follow in its place.
pub(super) fn followers(connection: &mut AnyConnection, id: CredentialId) -> Result<Vec<CredentialId>, StoreError> {
    let (mut followers, mut generation) = (Vec::new(), vec![id]);
    for _ in 0..MAX_GENERATIONS {
        let children = credential::children_of(connection, &generation)?;
        let ids: Vec<CredentialId> = children.iter().map(|child| child.id).collect();
        let with_target = rotation::with_plugin(connection, &ids)?;
        generation = Vec::new();
        for child in children {
            if with_target.contains(&child.id) { followers.push(child.id) } else { generation.push(child.id) }
        }
        if generation.is_empty() {
            return Ok(followers);
        }
    }
    Err(StoreError::Query("a loop of parents"))
}

/// Requests a change of the credentials that follow one, in the transaction in which its new value becomes current and before
/// that: they keep the value that is in force now until their targets have the new one.
pub(super) fn hand_down(context: &mut OperationContext<'_>, id: CredentialId) -> Result<(), VaultError> {
    let followers = followers(context.connection(), id)?;
    if followers.is_empty() {
        return Ok(());
    }
    let former = secrets::current(context, SecretOwner::Password(id))?;
    let former = former.map(|sealed| sealed.open_within(context)).transpose()?;
    for child in followers {
        let mut state = RotationState::lock(context.connection(), child)?;
        if let (false, Some(former)) = (state.is_behind, &former) {
            secrets::store(context, SecretOwner::Password(child), former)?;
            state.is_behind = true;
        }
        request_of_parent(context, child, state)?;
    }
    Ok(())
}

fn request_of_parent(
    context: &mut OperationContext<'_>,
    child: CredentialId,
    mut state: RotationState,
) -> Result<(), VaultError> {
    let (now, actor) = (context.micros(), context.principal().actor().to_string());
    state.waiting = state.waiting.with(Cause::Parent, &state.record);
    state.store(context.connection(), child)?;
    Ok(wake(context.connection(), child, &actor, now)?)
}

/// Returns the value that a child has to take over: the one in force of its parent.
///
/// # Errors
/// [`VaultError::NotFound`] while the parent has none.
pub(super) fn value_of_parent(
    context: &mut OperationContext<'_>,
    parent: CredentialId,
) -> Result<SecretText, VaultError> {
    let row = credential::by_id(context.connection(), parent)?.ok_or(VaultError::NotFound(Noun::Credential))?;
    let owner = owner_of(context.connection(), &row)?;
    let sealed = secrets::current(context, SecretOwner::Password(owner))?.ok_or(VaultError::NotFound(Noun::Version))?;
    sealed.open_within(context)
}

/// Whether a child whose new value has just become current has another one than its parent by now.
pub(super) fn is_behind(context: &mut OperationContext<'_>, row: &CredentialRow) -> Result<bool, VaultError> {
    let Some(parent) = row.parent_id else { return Ok(false) };
    let value = value_of_parent(context, parent)?;
    Ok(!secrets::is_current(context, SecretOwner::Password(row.id), &value)?)
}

/// Lets the children that are behind follow a value that was saved at their parent. The targets of the other children count as
/// having it already, as they do without any change on targets.
pub(in crate::vault) fn parent_saved(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    value: &SecretText,
) -> Result<(), VaultError> {
    if context.is_childless(id) {
        return Ok(());
    }
    for child in followers(context.connection(), id)? {
        let mut state = RotationState::load(context.connection(), child)?;
        if !state.is_behind {
            continue;
        }
        state = RotationState::lock(context.connection(), child)?;
        let has_it = secrets::is_current(context, SecretOwner::Password(child), value)?;
        if has_it && state.record.phase == Phase::Idle {
            follows(context, child, state)?;
        } else {
            request_of_parent(context, child, state)?;
        }
    }
    Ok(())
}

/// Notes that the value of its parent was saved at a child: its target has it. An open change goes on, and finds that out.
pub(in crate::vault) fn parents_value_saved(
    context: &mut OperationContext<'_>,
    id: CredentialId,
) -> Result<(), VaultError> {
    if !RotationState::load(context.connection(), id)?.is_behind {
        return Ok(());
    }
    let state = RotationState::lock(context.connection(), id)?;
    if state.is_behind && state.record.phase == Phase::Idle { follows(context, id, state) } else { Ok(()) }
}

/// Notes that a child has the value of its parent.
fn follows(context: &mut OperationContext<'_>, id: CredentialId, mut state: RotationState) -> Result<(), VaultError> {
    state.is_behind = false;
    state.waiting = state.waiting.without(Cause::Parent).unwrap_or(state.waiting);
    Ok(state.store(context.connection(), id)?)
}

/// Requires that no change of a credential is open or requested, whose parent is to become another one.
///
/// # Errors
/// [`VaultError::Invalid`].
pub(in crate::vault) fn require_closed(context: &mut OperationContext<'_>, id: CredentialId) -> Result<(), VaultError> {
    // Locked: nobody requests one until the end of this transaction, and then it finds the parent.
    let state = RotationState::lock(context.connection(), id)?;
    if state.record.phase == Phase::Idle && state.waiting.first().is_none() {
        return Ok(());
    }
    Err(VaultError::invalid(Field::Parent, "a change of the password on its target is open; wait for its end"))
}

/// Notes that a credential has another parent, or none: what it held as a child is its own value, or void.
pub(in crate::vault) fn parent_left(context: &mut OperationContext<'_>, id: CredentialId) -> Result<(), VaultError> {
    if !RotationState::load(context.connection(), id)?.is_behind {
        return Ok(());
    }
    let state = RotationState::lock(context.connection(), id)?;
    Ok(RotationState { is_behind: false, ..state }.store(context.connection(), id)?)
}
