//! What custody means for an account: it has to be there when custody is taken, and goes when the last custody ends.

use super::policy::{is_managed, planned};
use super::remove::wake;
use super::state::{JitAccount, JitState};
use crate::crypto::SecretText;
use crate::store::credential::{CredentialChanges, CredentialRow};
use crate::store::id::CredentialId;
use crate::store::{AnyConnection, StoreError, custody};
use crate::vault::access::Visible;
use crate::vault::credential::parent::oldest_ancestor;
use crate::vault::custody::require_free;
use crate::vault::operation::OperationContext;
use crate::vault::secrets::{self, SecretOwner};
use crate::vault::{Field, VaultError};

/// How long a new account stays without custody: that of the client that it was created for follows within moments.
pub(super) const GRACE: i64 = 60_000_000;

/// Requires that the account of a credential exists, if it exists just in time.
///
/// # Errors
/// [`VaultError::AccountAbsent`]; [`VaultError::Invalid`] for a credential that shares the password of such an account.
pub(in crate::vault) fn require_account(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<(), VaultError> {
    if row.parent_id.is_some() {
        let owner = oldest_ancestor(context, row)?;
        let shares = is_managed(context, row.id)? || is_managed(context, owner)?;
        return if shares { planned(context, row).map(drop) } else { Ok(()) };
    }
    if !is_managed(context, row.id)? {
        return Ok(());
    }
    let now = context.micros();
    match JitAccount::find(context.connection(), row.id)? {
        Some(account) if account.is_usable(context.connection(), now)? => Ok(()),
        _ => Err(VaultError::AccountAbsent(row.id)),
    }
}

impl JitAccount {
    /// Whether custody of it may be taken: it exists, and is not about to go. That is so while it is in custody, and for a while before
    /// the first custody of it.
    pub(super) fn is_usable(&self, connection: &mut AnyConnection, now: i64) -> Result<bool, StoreError> {
        if self.state != JitState::Present {
            return Ok(false);
        }
        let is_fresh = now < self.changed_at.saturating_add(GRACE);
        Ok(custody::is_held(connection, self.credential, now)?
            || (is_fresh && !custody::has_any(connection, self.credential)?))
    }
}

/// Notes that a custody of a credential has ended. After the last one, its account is to be removed from now on.
pub(in crate::vault) fn custody_ended(context: &mut OperationContext<'_>, id: CredentialId) -> Result<(), VaultError> {
    let Some(account) = JitAccount::find(context.connection(), id)? else { return Ok(()) };
    let now = context.micros();
    if account.state != JitState::Present || custody::is_held(context.connection(), id, now)? {
        return Ok(());
    }
    start_removal(context, id)?;
    let actor = context.principal().actor().to_string();
    Ok(wake(context.connection(), id, &actor, now)?)
}

/// Lets the removal of an account begin, under the lock of its credential: its password is void from here on.
pub(super) fn start_removal(context: &mut OperationContext<'_>, id: CredentialId) -> Result<(), VaultError> {
    let Some(account) = JitAccount::lock(context.connection(), id)? else { return Ok(()) };
    if !matches!(account.state, JitState::Present | JitState::Creating) {
        return Ok(());
    }
    let now = context.micros();
    account.move_to(context.connection(), JitState::Removing, None, now)?;
    // Before that the stored password is of no account that was created.
    if account.state == JitState::Present { secrets::retire(context, SecretOwner::Password(id)) } else { Ok(()) }
}

/// Requires that a save leaves the password, the username and the device of a credential as they are while its account may be on its
/// target: the account has those with which it was created.
///
/// # Errors
/// [`VaultError::Invalid`] with the field.
pub(in crate::vault) fn require_unused(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
    changes: &CredentialChanges,
    content: Option<&SecretText>,
) -> Result<(), VaultError> {
    if !context.settings().rotation.just_in_time {
        return Ok(());
    }
    let account = JitAccount::find(context.connection(), row.id)?;
    if account.is_none_or(|account| account.state == JitState::Absent) {
        return Ok(());
    }
    let refused =
        |field| Err(VaultError::invalid(field, "the account exists just in time: save it when custody has ended"));
    if changes.username.as_ref().is_some_and(|username| *username != row.username) {
        return refused(Field::Username);
    }
    if changes.device_id.is_some_and(|device| device != row.device_id) {
        return refused(Field::Hostname);
    }
    match content {
        Some(content) if !secrets::is_current(context, SecretOwner::Password(row.id), content)? => {
            refused(Field::Content)
        }
        _ => Ok(()),
    }
}

/// Ends the custodies of a credential whose settings have just made its account one that exists just in time: who holds it now
/// holds another account.
///
/// # Errors
/// [`VaultError::NoAccess`] while another client holds it exclusively.
pub(in crate::vault) fn settings_saved(
    context: &mut OperationContext<'_>,
    row: &Visible<CredentialRow>,
    was_managed: bool,
) -> Result<(), VaultError> {
    if was_managed || !is_managed(context, row.id)? {
        return Ok(());
    }
    require_free(context, row)?;
    Ok(custody::end_all(context.connection(), row.id)?)
}
