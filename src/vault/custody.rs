//! Custody: the record that a client holds a credential that it has read (contract, section 6).
//!
//! By default any number of clients may hold a credential at once, until each gives it back. The settings, or the
//! credential itself, can make custody exclusive: then one client holds it, and the next waits until it is given back
//! or has run out.

use super::credential::{locked_state_tag, resolve};
use super::{Action, Call, Vault, VaultError, Work};
use crate::store::credential::{self, CredentialRow};
use crate::store::custody::{self, CustodyRow};

impl Vault {
    /// Ends the client's custody of the credential; gives the credential's number.
    ///
    /// # Errors
    /// [`VaultError::NotInCustody`] when the client does not hold it, or no longer.
    pub async fn release_custody(&self, call: &Call, key: String) -> Result<i32, VaultError> {
        let rule = move |work: &mut Work<'_, '_>| {
            let row = resolve::visible_password(work, &key)?;
            work.check_conditions(Some(row.id), locked_state_tag)?;
            if !row.active {
                return Err(VaultError::CredentialInactive);
            }
            let (authorization, now) = (work.authorization(), work.micros());
            let held = custody::find(work.connection(), row.id, authorization)?;
            if !held.is_some_and(|held| held.is_live(now)) {
                return Err(VaultError::NotInCustody);
            }
            custody::release(work.connection(), row.id, authorization)?;
            Ok(row.id)
        };
        self.perform(call, Action::CustodyRelease, rule).await
    }
}

/// Takes the credential into the client's custody; gives when that runs out. A client that holds it already keeps
/// what it has.
///
/// # Errors
/// [`VaultError::NoAccess`] while another client holds it exclusively.
pub(super) fn take(work: &mut Work<'_, '_>, row: &CredentialRow) -> Result<Option<i64>, VaultError> {
    require_free(work, row)?;
    let (authorization, now) = (work.authorization(), work.micros());
    let held = custody::find(work.connection(), row.id, authorization)?.filter(|held| held.is_live(now));
    let held = match held {
        Some(held) => held,
        None => {
            let seconds = i64::from(work.inner.settings.custody.seconds);
            let until = (seconds > 0).then(|| now.saturating_add(seconds.saturating_mul(1_000_000)));
            let taken = CustodyRow { since: now, until };
            custody::take(work.connection(), row.id, authorization, taken)?;
            taken
        }
    };
    Ok(held.until)
}

/// Refuses a credential that another client holds exclusively. The row is held first, so that of two clients on two
/// nodes one finds the other's custody.
pub(super) fn require_free(work: &mut Work<'_, '_>, row: &CredentialRow) -> Result<(), VaultError> {
    if !row.exclusive_custody.unwrap_or(work.inner.settings.custody.exclusive) {
        return Ok(());
    }
    credential::locked(work.connection(), row.id)?;
    let (authorization, now) = (work.authorization(), work.micros());
    match custody::is_held_by_another(work.connection(), row.id, authorization, now)? {
        true => Err(VaultError::NoAccess),
        false => Ok(()),
    }
}
