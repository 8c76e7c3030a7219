//! The permissions of a role on single PAM providers, which are some of its access-control strings.

use std::collections::BTreeMap;

use super::permission::{self, AccessString, Permission, Verb, provider_in};
use super::role;
use crate::store::id::{ProviderId, RoleId};
use crate::store::{meta, provider, role as store};
use crate::vault::operation::{Done, OperationContext, Permit, Subject};
use crate::vault::{Field, Vault, VaultError};

const VERBS: [Verb; 2] = [Verb::Read, Verb::Modify];

/// The permissions of a role on one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleProvider {
    /// The provider.
    pub provider: ProviderId,
    /// Its name, for a principal that may read it.
    pub name: Option<String>,
    /// The permissions, each once.
    pub verbs: Vec<Verb>,
}

impl Vault {
    /// Returns the permissions of a role on single providers that exist, by provider.
    ///
    /// # Errors
    /// [`VaultError::NotFound`].
    pub async fn role_providers(&self, permit: Permit, id: RoleId) -> Result<Vec<RoleProvider>, VaultError> {
        let read = move |context: &mut OperationContext<'_>| {
            let row = role::existing(context, id)?;
            Ok(Done::new(Subject::Role(id), shown(context, &row.permissions)?))
        };
        self.query(permit, read).await
    }

    /// Replaces the permissions of a role on single providers. Its other permissions stay.
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::Protected`]; [`VaultError::Invalid`] for a provider that does not exist or comes
    /// twice, for modify without read, and beyond the permission set.
    pub async fn set_role_providers(
        &self,
        permit: Permit,
        id: RoleId,
        wanted: Vec<(ProviderId, Vec<Verb>)>,
    ) -> Result<Vec<RoleProvider>, VaultError> {
        let rule = move |context: &mut OperationContext<'_>| {
            let row = role::mutable(context, id)?;
            let mut strings = permission::strings(&row.permissions);
            strings.retain(|string| VERBS.iter().all(|verb| provider_in(string, *verb).is_none()));
            strings.extend(checked(context, &wanted)?);
            role::require_within_set(context, &row.permission_set_id, &strings)?;
            let now = context.micros();
            let column = permission::column(&strings);
            store::set_permissions(context.connection(), id, &column, now)?;
            meta::increment_change_mark(context.connection())?;
            Ok(Done::new(Subject::Role(id), shown(context, &column)?))
        };
        self.execute_and_refresh(permit, rule).await
    }
}

/// Returns the access-control strings of the permissions in a request.
fn checked(
    context: &mut OperationContext<'_>,
    wanted: &[(ProviderId, Vec<Verb>)],
) -> Result<Vec<AccessString>, VaultError> {
    let mut strings = BTreeMap::new();
    for (provider, verbs) in wanted {
        let exists = provider::by_id(context.connection(), *provider)?.is_some();
        if !exists || strings.contains_key(provider) {
            return Err(VaultError::invalid(Field::Provider, "expected each PAM provider that exists once"));
        }
        if verbs.contains(&Verb::Modify) && !verbs.contains(&Verb::Read) {
            return Err(VaultError::invalid(Field::Permissions, "Modify requires Read"));
        }
        let held = VERBS.into_iter().filter(|verb| verbs.contains(verb));
        let held = held.filter_map(|verb| AccessString::parse(&Permission::provider(verb, *provider).to_string()));
        strings.insert(*provider, held.collect::<Vec<_>>());
    }
    Ok(strings.into_values().flatten().collect())
}

fn shown(context: &mut OperationContext<'_>, permissions: &str) -> Result<Vec<RoleProvider>, VaultError> {
    let mut found: BTreeMap<ProviderId, Vec<Verb>> = BTreeMap::new();
    for string in permission::strings(permissions) {
        for verb in VERBS {
            let Some(provider) = provider_in(&string, verb) else { continue };
            let verbs = found.entry(provider).or_default();
            if !verbs.contains(&verb) {
                verbs.push(verb);
            }
        }
    }
    let mut shown = Vec::new();
    for (provider, mut verbs) in found {
        let Some(row) = provider::by_id(context.connection(), provider)? else { continue };
        let rights = context.principal().rights();
        let is_readable = rights.is_none_or(|held| held.require(Permission::provider(Verb::Read, provider)).is_ok());
        verbs.sort_by_key(|verb| *verb == Verb::Modify);
        shown.push(RoleProvider { provider, name: is_readable.then_some(row.name), verbs });
    }
    Ok(shown)
}
