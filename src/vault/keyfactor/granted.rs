//! What roles grant, in the words of older versions, which have names for permissions instead of strings.

use super::permission::{self, Grant, Permission, Verb};
use crate::store::AnyConnection;
use crate::store::keyfactor::role::{self, RoleRow};
use crate::vault::VaultError;

/// What an identity may do, and through which roles, in the words of older versions.
#[derive(Clone, Debug)]
pub struct IdentityPermissions {
    /// `DOMAIN\name`.
    pub identity: String,
    /// On everything.
    pub whole: Vec<GrantedPermission>,
    /// On single providers.
    pub providers: Vec<GrantedPermission>,
}

/// A permission and the roles that grant it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GrantedPermission {
    pub permission: String,
    pub roles: Vec<String>,
}

/// Roles by name, each with what it grants within its permission set.
pub(super) fn with_grants(
    connection: &mut AnyConnection,
    rows: Vec<RoleRow>,
) -> Result<Vec<(String, Grant)>, VaultError> {
    let sets = role::permission_sets(connection)?;
    let grant = |row: RoleRow| {
        let bound = sets.iter().find(|set| set.id == row.permission_set_id).map_or("", |set| &set.permissions);
        (row.name, Grant::of_role(&row.permissions, &row.permission_set_id, bound))
    };
    Ok(rows.into_iter().map(grant).collect())
}

/// What these roles grant, in the words of older versions: on everything, and on single providers.
pub(super) fn granted(roles: &[(String, Grant)]) -> (Vec<GrantedPermission>, Vec<GrantedPermission>) {
    let through = |needed: &Permission| -> Vec<String> {
        let needed = needed.to_string();
        let grants = |(_, grant): &&(String, Grant)| grant.strings.iter().any(|string| string.grants(&needed));
        roles.iter().filter(grants).map(|(name, _)| name.clone()).collect()
    };
    let named = |permission: Permission| {
        let roles = through(&permission);
        (!roles.is_empty()).then(|| GrantedPermission { permission: old_name(permission), roles })
    };
    let verbs = [Verb::Read, Verb::Modify];
    let whole = verbs.map(Permission::Pam).into_iter().chain(verbs.map(Permission::Security));
    let mut single: Vec<(i32, Permission)> = Vec::new();
    for verb in verbs {
        let strings = roles.iter().flat_map(|(_, grant)| &grant.strings);
        let ids = strings.filter_map(|string| permission::provider_in(string, verb));
        single.extend(ids.map(|id| (id, Permission::provider(verb, id))));
    }
    single.sort_by_key(|(id, permission)| (*id, permission.to_string()));
    single.dedup();
    (whole.filter_map(named).collect(), single.into_iter().filter_map(|(_, permission)| named(permission)).collect())
}

/// The name of a permission before there were access-control strings.
fn old_name(permission: Permission) -> String {
    let verb = |verb| match verb {
        Verb::Read => "Read",
        Verb::Modify => "Modify",
    };
    match permission {
        Permission::Pam(of) => format!("PrivilegedAccessManagement:{}", verb(of)),
        Permission::Provider(of, id) => format!("PrivilegedAccessManagement:{}:{id}", verb(of)),
        Permission::Security(of) => format!("SecuritySettings:{}", verb(of)),
    }
}
