//! Custody: the record that a client holds a credential after reading it (contract, section 6).
//!
//! By default any number of clients hold a credential at once, each until it releases it. The settings or the credential can
//! make custody exclusive: then one client holds it, and others are refused until it is released or expires. What is held is the
//! password: credentials that share one, as a child and its parent, are held together, and exclusively if one of them is.

use super::access::Visible;
use super::credential::{locked_etag, parent, resolve};
use super::operation::{Done, OperationContext, Permit, Subject};
use super::{Noun, Switchable, Vault, VaultError, jit, rotation};
use crate::store::credential::{self, CredentialKind, CredentialRow};
use crate::store::custody::{self, CustodyRow};
use crate::store::id::CredentialId;

impl Vault {
    /// Releases the client's custody of a credential, and returns the credential's id.
    ///
    /// # Errors
    /// [`VaultError::NotHeld`] when the client does not hold it.
    pub async fn release_custody(&self, permit: Permit, key: String) -> Result<CredentialId, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = resolve::locked_by_key(context, &key, CredentialKind::Password)?;
            context.check_preconditions(Some(row.id), locked_etag)?;
            if !row.active {
                return Err(VaultError::Inactive(Switchable::Credential));
            }
            let (authorization, now) = (context.authorization()?, context.micros());
            let held = custody::find(context.connection(), row.id, authorization)?;
            if !held.is_some_and(|held| held.is_live(now)) {
                return Err(VaultError::NotHeld);
            }
            custody::release(context.connection(), row.id, authorization)?;
            rotation::released(context, &row)?;
            jit::custody_ended(context, row.id)?;
            Ok(Done::new(Subject::Credential(row.id), row.id))
        };
        self.execute(permit, rule).await.map(|(id, _)| id)
    }
}

/// Returns the client's custody of a credential, expired or not.
pub(super) fn find(
    context: &mut OperationContext<'_>,
    row: &Visible<CredentialRow>,
) -> Result<Option<CustodyRow>, VaultError> {
    let authorization = context.authorization()?;
    Ok(custody::find(context.connection(), row.id, authorization)?)
}

/// Takes the credential into the client's custody, and returns when that expires. A client that holds it already keeps
/// what it has.
///
/// # Errors
/// [`VaultError::NoAccess`] while another client holds it exclusively; [`VaultError::AccountAbsent`] while its account has to be
/// created first.
pub(super) fn take(
    context: &mut OperationContext<'_>,
    row: &Visible<CredentialRow>,
) -> Result<Option<i64>, VaultError> {
    let found = find(context, row)?;
    take_or_keep(context, row, found)
}

/// As [`take`], with the client's custody as it was found in this transaction.
pub(super) fn take_or_keep(
    context: &mut OperationContext<'_>,
    row: &Visible<CredentialRow>,
    found: Option<CustodyRow>,
) -> Result<Option<i64>, VaultError> {
    require_free(context, row)?;
    jit::require_account(context, row)?;
    let (authorization, now) = (context.authorization()?, context.micros());
    if let Some(held) = found.as_ref().filter(|held| held.is_live(now)) {
        return Ok(held.until);
    }
    let seconds = i64::from(context.settings().custody.seconds);
    if found.is_some() {
        // The one that expired is replaced, and the job for expired ones does not find it any more.
        rotation::released(context, row)?;
    }
    let until = (seconds > 0).then(|| now.saturating_add(seconds.saturating_mul(1_000_000)));
    custody::take(context.connection(), row.id, authorization, CustodyRow { since: now, until })?;
    Ok(until)
}

/// Returns the expiry of a shared custody that the client already holds. `None`: custody has to be taken in a transaction.
pub(super) fn already_held(
    context: &OperationContext<'_>,
    row: &CredentialRow,
    found: Option<CustodyRow>,
) -> Option<Option<i64>> {
    let shared = found.filter(|_| !is_exclusive(context, row));
    shared.filter(|held| held.is_live(context.micros())).map(|held| held.until)
}

/// Whether at most one client at a time may hold the credential.
pub(super) fn is_exclusive(context: &OperationContext<'_>, row: &CredentialRow) -> bool {
    is_exclusive_by(context, row.exclusive_custody)
}

/// Whether a credential with this setting of its own is held by at most one client at a time.
pub(super) fn is_exclusive_by(context: &OperationContext<'_>, setting: Option<bool>) -> bool {
    setting.unwrap_or(context.settings().custody.exclusive)
}

/// Whether at most one client at a time may hold the password of the credential, which others may share.
pub(super) fn is_password_exclusive(
    context: &mut OperationContext<'_>,
    row: &CredentialRow,
) -> Result<bool, VaultError> {
    let sharing = parent::sharing(context, row)?;
    Ok(sharing.members.iter().any(|member| is_exclusive_by(context, member.exclusive_custody)))
}

/// Requires that no other client holds the password of the credential exclusively. The row and that of the password's owner are
/// locked, so that of two clients on two nodes one finds the other's custody.
///
/// # Errors
/// [`VaultError::NoAccess`].
pub(super) fn require_free(context: &mut OperationContext<'_>, row: &Visible<CredentialRow>) -> Result<(), VaultError> {
    let sharing = parent::sharing(context, row)?;
    if !sharing.members.iter().any(|member| is_exclusive_by(context, member.exclusive_custody)) {
        return Ok(());
    }
    if sharing.owner != row.id {
        credential::locked(context.connection(), sharing.owner)?;
    }
    let ids: Vec<CredentialId> = sharing.members.iter().map(|member| member.id).collect();
    let (authorization, now) = (context.authorization()?, context.micros());
    if custody::is_held_by_another(context.connection(), &ids, authorization, now)? {
        return Err(VaultError::NoAccess(Noun::Credential));
    }
    Ok(())
}
