//! Permissions granted by roles.

use super::permission::{self, Grant, Permission, Verb};
use crate::store::id::ProviderId;
use crate::store::role::{self, RoleRow};
use crate::store::{AnyConnection, StoreError};

/// The permissions of an identity and the roles that grant them.
#[derive(Clone, Debug)]
pub struct IdentityPermissions {
    /// `DOMAIN\name`.
    pub identity: String,
    /// On all objects.
    pub global: Vec<GrantedPermission>,
    /// On single providers, by provider id.
    pub providers: Vec<GrantedPermission>,
}

/// A permission and the roles that grant it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GrantedPermission {
    pub permission: Permission,
    pub roles: Vec<String>,
}

/// Pairs roles with their grants within their permission sets.
pub(in crate::vault) fn with_grants(
    connection: &mut AnyConnection,
    rows: Vec<RoleRow>,
) -> Result<Vec<(RoleRow, Grant)>, StoreError> {
    let sets = role::permission_sets(connection)?;
    let grant = |row: RoleRow| {
        let bound = sets.iter().find(|set| set.id == row.permission_set_id).map_or("", |set| &set.permissions);
        let grant = Grant::new(&row.permissions, &row.permission_set_id, bound);
        (row, grant)
    };
    Ok(rows.into_iter().map(grant).collect())
}

/// Lists the permissions that these roles grant: on all objects, and on single providers.
pub(super) fn granted(roles: &[(RoleRow, Grant)]) -> (Vec<GrantedPermission>, Vec<GrantedPermission>) {
    let through = |needed: &Permission| -> Vec<String> {
        let needed = needed.to_string();
        let grants = |(_, grant): &&(RoleRow, Grant)| grant.strings.iter().any(|string| string.grants(&needed));
        roles.iter().filter(grants).map(|(role, _)| role.name.clone()).collect()
    };
    let named = |permission: Permission| {
        let roles = through(&permission);
        if roles.is_empty() { None } else { Some(GrantedPermission { permission, roles }) }
    };
    let verbs = [Verb::Read, Verb::Modify];
    let whole = verbs.map(Permission::Pam).into_iter().chain(verbs.map(Permission::Security));
    let mut single: Vec<(ProviderId, Permission)> = Vec::new();
    for verb in verbs {
        let strings = roles.iter().flat_map(|(_, grant)| &grant.strings);
        let ids = strings.filter_map(|string| permission::provider_in(string, verb));
        single.extend(ids.map(|id| (id, Permission::provider(verb, id))));
    }
    single.sort_by_key(|(id, permission)| (*id, permission.to_string()));
    single.dedup();
    (whole.filter_map(named).collect(), single.into_iter().filter_map(|(_, permission)| named(permission)).collect())
}
