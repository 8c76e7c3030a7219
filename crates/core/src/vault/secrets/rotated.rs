//! The versions of a secret while it is being changed on its target.

use super::{Sealed, SecretOwner, Versions, add_version, sealed, sealed_current};
use crate::crypto::SecretText;
use crate::store::secret::{self, SecretState, VersionSummary};
use crate::store::{AnyConnection, StoreError};
use crate::vault::operation::OperationContext;
use crate::vault::{Inner, VaultError};

/// The values of a secret that a rotation knows, still sealed.
#[derive(Debug, Default)]
pub(in crate::vault) struct RotatedVersions {
    /// The value in force, as far as it is known.
    pub(in crate::vault) current: Option<Sealed>,
    /// The value to come.
    pub(in crate::vault) candidate: Option<Sealed>,
    /// The value that the last change replaces.
    pub(in crate::vault) former: Option<Sealed>,
}

/// Returns the values of a secret, on any connection. `replaced`: the version that the last change replaces.
pub(in crate::vault) fn rotated_versions(
    connection: &mut AnyConnection,
    vault: &Inner,
    owner: SecretOwner,
    replaced: Option<i32>,
) -> Result<RotatedVersions, VaultError> {
    let current = Versions { connection, heads: &vault.secret_heads, owner }.current::<VaultError>()?;
    let summaries = secret::versions(connection, owner)?;
    let mut find = |is_wanted: &dyn Fn(&VersionSummary) -> bool| -> Result<Option<Sealed>, StoreError> {
        let Some(found) = summaries.iter().find(|row| is_wanted(row)) else { return Ok(None) };
        Ok(secret::version(connection, owner, found.version)?.map(|row| sealed(owner, row)))
    };
    Ok(RotatedVersions {
        current: current.map(|current| sealed_current(owner, current)),
        candidate: find(&|row| is_candidate(row.state))?,
        former: find(&|row| row.state == SecretState::Previous && Some(row.version) == replaced)?,
    })
}

/// Stores a candidate: a value that no target knows yet.
pub(in crate::vault) fn add_candidate(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    value: &SecretText,
) -> Result<(), VaultError> {
    let head = super::versions(context, owner).locked_head::<VaultError>()?;
    add_version(context, owner, head, value, SecretState::Candidate).map(drop)
}

/// Changes the state of the candidate. The value that it replaces is kept, beyond the configured history too, until
/// [`rotation_ended`]: it may have to be removed from the target.
///
/// # Errors
/// [`StoreError::NotFound`] without a candidate.
pub(in crate::vault) fn advance_candidate(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
    to: SecretState,
) -> Result<(), VaultError> {
    let rows = secret::versions(context.connection(), owner)?;
    let candidate = rows.iter().find(|row| is_candidate(row.state)).ok_or(StoreError::NotFound)?;
    if candidate.state == to {
        return Ok(());
    }
    let now = context.micros();
    super::versions(context, owner).advance::<VaultError>(candidate.version, to, now)
}

/// Deletes versions beyond the configured history, after a change that has made its candidate current.
pub(in crate::vault) fn rotation_ended(
    context: &mut OperationContext<'_>,
    owner: SecretOwner,
) -> Result<(), VaultError> {
    let Some(current) = super::current(context, owner)? else { return Ok(()) };
    let keep = context.settings().history.versions;
    Ok(super::versions(context, owner).prune(current.binding().version, keep)?)
}

fn is_candidate(state: SecretState) -> bool {
    matches!(state, SecretState::Candidate | SecretState::Unverified)
}
