//! Proof of a principal's permission on a provider, checked before the lookup: without permission on provider 5, a principal
//! does not learn whether it exists.

use crate::store::id::ProviderId;
use crate::store::provider::{self, ProviderRow};
use crate::vault::access::permission::{Providers, Rights};
use crate::vault::access::{Permission, Verb};
use crate::vault::operation::{OperationContext, Principal, Subject};
use crate::vault::{DenyReason, Noun, VaultError};

/// A provider that the principal may read or modify. Created only by [`provider()`].
pub(super) struct PermittedProvider(ProviderRow);

impl PermittedProvider {
    pub(super) fn row(&self) -> &ProviderRow {
        &self.0
    }

    pub(super) fn into_row(self) -> ProviderRow {
        self.0
    }
}

/// Looks up a provider that the principal may read or modify.
///
/// # Errors
/// [`VaultError::Denied`]; [`VaultError::NotFound`].
pub(super) fn provider(
    context: &mut OperationContext<'_>,
    verb: Verb,
    id: ProviderId,
) -> Result<PermittedProvider, VaultError> {
    if let Some(rights) = rights(context)? {
        rights.require(Permission::provider(verb, id))?;
    }
    let row = provider::by_id(context.connection(), id)?.ok_or(VaultError::NotFound(Noun::Provider))?;
    context.found(Subject::Provider(row.id));
    Ok(PermittedProvider(row))
}

/// Returns the ids of the providers that the principal may read; `None`: all.
pub(super) fn readable_ids(context: &OperationContext<'_>) -> Result<Option<Vec<ProviderId>>, VaultError> {
    let Some(rights) = rights(context)? else { return Ok(None) };
    match rights.providers(Verb::Read)? {
        Providers::All => Ok(None),
        Providers::Only(ids) => Ok(Some(ids)),
    }
}

/// Returns the rights of the principal; `None` for the operator and the system, which need no role.
fn rights<'c>(context: &'c OperationContext<'_>) -> Result<Option<&'c Rights>, VaultError> {
    match context.principal() {
        Principal::Operator | Principal::System => Ok(None),
        principal => principal.rights().map(Some).ok_or(VaultError::Denied(DenyReason::Permission)),
    }
}
