//! Proof that a principal may do something with a provider, checked before the provider is looked up: whoever may not touch
//! provider 5 does not learn whether there is one.

use crate::store::id::ProviderId;
use crate::store::provider::{self, ProviderRow};
use crate::vault::access::permission::{Providers, Rights};
use crate::vault::access::{Permission, Verb};
use crate::vault::operation::{OperationContext, Principal, Subject};
use crate::vault::{DenyReason, Noun, VaultError};

/// A provider that the principal may read or modify. Made by [`provider()`] alone.
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

/// The ids of the providers that the principal may read; `None` is all.
pub(super) fn readable_ids(context: &OperationContext<'_>) -> Result<Option<Vec<ProviderId>>, VaultError> {
    let Some(rights) = rights(context)? else { return Ok(None) };
    match rights.providers(Verb::Read)? {
        Providers::All => Ok(None),
        Providers::Only(ids) => Ok(Some(ids)),
    }
}

/// What roles grant the principal; `None` for the operator and the system, who need no role.
fn rights<'c>(context: &'c OperationContext<'_>) -> Result<Option<&'c Rights>, VaultError> {
    match context.principal() {
        Principal::Operator | Principal::System => Ok(None),
        principal => principal.rights().map(Some).ok_or(VaultError::Denied(DenyReason::Permission)),
    }
}
