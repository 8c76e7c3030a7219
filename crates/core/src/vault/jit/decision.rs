//! What a person decides of an account that cannot be created or removed.

use chaveiro_rotation::{Decision, Failure, TargetIdentity};

use super::location::AccountLocation;
use super::remove::wake;
use super::state::{AccountProblem, JitAccount, JitState};
use crate::store::id::CredentialId;
use crate::store::target_identity;
use crate::vault::VaultError;
use crate::vault::operation::OperationContext;
use crate::vault::rotation::{grant_to_trusted, is_open, require_sight, require_sight_of_service, service};

/// Carries out a decision about the account of a credential. `None`: the decision is about something else, such as the rotation of
/// its password; otherwise what was done, for the audit record.
pub(in crate::vault) fn decide_account(
    context: &mut OperationContext<'_>,
    id: CredentialId,
    decision: &Decision,
) -> Result<Option<&'static str>, VaultError> {
    let Some(account) = JitAccount::lock(context.connection(), id)? else { return Ok(None) };
    let is_stopped = account.problem == Some(AccountProblem::from(Failure::IdentityChanged));
    let done = match (account.state, decision) {
        (JitState::Absent, Decision::TrustIdentity(identity)) if is_stopped && !is_open(context.connection(), id)? => {
            trust_for_device(context, account, identity)?;
            return Ok(Some("identity trusted"));
        }
        (JitState::Removing, Decision::TrustIdentity(identity)) if is_stopped => {
            trust(context, account, identity)?;
            "identity trusted"
        }
        // Until then an account that is not there proves nothing.
        (JitState::Removing, Decision::Retry | Decision::FollowDevice) if account.is_creation_open() => {
            return Ok(None);
        }
        (JitState::Removing, Decision::Retry) => "removal retried",
        (JitState::Removing, Decision::FollowDevice) => {
            // The operator logs in where the device points now.
            require_sight(context, &[account.operator].into())?;
            let vault = context.vault;
            let location = AccountLocation::current_of(context.connection(), vault, &account)?;
            JitAccount { location, ..account }.store(context.connection())?;
            "device followed"
        }
        _ => return Ok(None),
    };
    let (now, actor) = (context.micros(), context.principal().actor().to_string());
    wake(context.connection(), id, &actor, now)?;
    Ok(Some(done))
}

/// Requires this identity of the target: for the account, and for its device as long as that has the same address.
fn trust(context: &mut OperationContext<'_>, account: JitAccount, identity: &TargetIdentity) -> Result<(), VaultError> {
    require_sight(context, &[account.operator].into())?;
    let vault = context.vault;
    let current = AccountLocation::current_of(context.connection(), vault, &account)?;
    if current.same_endpoint(&account.location) {
        require_sight_of_logins(context, &account, &current)?;
        pin(context, &account, &current, identity)?;
    }
    Ok(account.with_identity(identity).store(context.connection())?)
}

/// Requires this identity of the device, for the next account.
fn trust_for_device(
    context: &mut OperationContext<'_>,
    account: JitAccount,
    identity: &TargetIdentity,
) -> Result<(), VaultError> {
    let vault = context.vault;
    let current = AccountLocation::current_of(context.connection(), vault, &account)?;
    require_sight_of_logins(context, &account, &current)?;
    pin(context, &account, &current, identity)?;
    // Who trusts another identity of the target trusts it where the account is now.
    grant_to_trusted(context, account.credential)?;
    Ok(JitAccount { problem: None, ..account }.store(context.connection())?)
}

/// Requires, from now on, what the target has presented for the first time.
///
/// # Errors
/// [`AccountProblem`] inside if another identity was pinned meanwhile: only a person replaces it.
pub(super) fn pin_first(
    context: &mut OperationContext<'_>,
    account: JitAccount,
    identity: &TargetIdentity,
) -> Result<Result<(), AccountProblem>, VaultError> {
    let vault = context.vault;
    let current = AccountLocation::current_of(context.connection(), vault, &account)?;
    if current.same_endpoint(&account.location) {
        match &current.identity {
            None => pin(context, &account, &current, identity)?,
            Some(pinned) if pinned == identity => {}
            Some(_) => return Ok(Err(Failure::IdentityChanged.into())),
        }
    }
    account.with_identity(identity).store(context.connection())?;
    Ok(Ok(()))
}

/// Requires that the principal sees each credential whose login is sent to what a decision pins.
fn require_sight_of_logins(
    context: &mut OperationContext<'_>,
    account: &JitAccount,
    location: &AccountLocation,
) -> Result<(), VaultError> {
    let service = service(account.plugin()?.0, location.port);
    require_sight_of_service(context, account.device, &service)
}

fn pin(
    context: &mut OperationContext<'_>,
    account: &JitAccount,
    location: &AccountLocation,
    identity: &TargetIdentity,
) -> Result<(), VaultError> {
    let (now, service) = (context.micros(), service(account.plugin()?.0, location.port));
    Ok(target_identity::pin(context.connection(), account.device, &service, &identity.0, now)?)
}
