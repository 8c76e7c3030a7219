//! What a person decides of an account that cannot be created or removed.

use chaveiro_rotation::{Decision, Failure, TargetIdentity};

use super::place::Place;
use super::policy::account_plugin;
use super::remove::wake;
use super::state::{AccountProblem, JitAccount, JitState};
use crate::store::id::CredentialId;
use crate::store::{StoreError, device, target_identity};
use crate::vault::VaultError;
use crate::vault::operation::OperationContext;
use crate::vault::rotation::service;

/// Carries out a decision about the account of a credential. `None`: the decision is about something else, such as the rotation of
/// its password; otherwise what was done, for the audit record.
pub(in crate::vault) fn decide_account(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    decision: &Decision,
) -> Result<Option<&'static str>, VaultError> {
    let Some(account) = JitAccount::lock(context.connection(), id)? else { return Ok(None) };
    let Some(problem) = account.problem else { return Ok(None) };
    let is_removing = account.state == JitState::Removing;
    let done = match decision {
        Decision::TrustIdentity(identity) if problem == AccountProblem::from(Failure::IdentityChanged) => {
            pin(context, &account, identity)?;
            "identity trusted"
        }
        Decision::Retry if is_removing => "removal retried",
        Decision::FollowDevice if is_removing => {
            follow_device(context, account)?;
            "device followed"
        }
        _ => return Ok(None),
    };
    if is_removing {
        let (now, actor) = (context.micros(), context.principal().actor().to_string());
        wake(context.connection(), id, &actor, now)?;
    }
    Ok(Some(done))
}

/// Requires this identity of the target from now on: for the account, and for its device as long as that points to the same service.
pub(super) fn pin(
    context: &mut OperationContext<'_>,
    account: &JitAccount,
    identity: &TargetIdentity,
) -> Result<(), VaultError> {
    let place = Place { identity: Some(identity.clone()), ..account.place.clone() };
    let device = of_device(context, account)?;
    if device.is_at(&place)
        && let Some((plugin, _)) = account_plugin(&account.plugin)
    {
        let (now, service) = (context.micros(), service(plugin, place.port));
        target_identity::pin(context.connection(), account.device, &service, &identity.0, now)?;
    }
    Ok(JitAccount { place, ..account.clone() }.store(context.connection())?)
}

/// Lets the account be looked for where its device and the options are now.
fn follow_device(context: &mut OperationContext<'_>, account: JitAccount) -> Result<(), VaultError> {
    let place = of_device(context, &account)?;
    Ok(JitAccount { place, ..account }.store(context.connection())?)
}

fn of_device(context: &mut OperationContext<'_>, account: &JitAccount) -> Result<Place, StoreError> {
    let plugin =
        account_plugin(&account.plugin).ok_or(StoreError::Query("the plugin of an account is not in this build"))?;
    let vault = context.vault;
    let device = device::by_id(context.connection(), account.device)?.ok_or(StoreError::NotFound)?;
    Place::of_device(context.connection(), vault, plugin, &device)
}
