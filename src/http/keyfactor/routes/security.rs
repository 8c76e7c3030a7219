//! Security identities, roles and permission sets.

use actix_web::http::Method;

use super::row::Row;
use crate::http::keyfactor::identity::{
    self, ACCOUNT_NAME, IdentityForm, IdentityPermissionsView, IdentityView, LookupView,
};
use crate::http::keyfactor::pagination::LIST_PARAMETERS;
use crate::http::keyfactor::permission_set::{self, PermissionSetForm, PermissionSetView};
use crate::http::keyfactor::role::{self, RoleForm, RoleListElement, RoleReply};
use crate::http::keyfactor::role_assignment::{
    self, HolderView, RoleIdentitiesForm, RoleProviderForm, RoleProviderView,
};
use crate::http::keyfactor::security_claim::{self, ClaimForm, ClaimRoleView, ClaimUpdateForm, ClaimView};
use crate::http::keyfactor::version::Versions;
use crate::http::schema::{schema, schema_of_list};
use crate::vault::operation::Action;

const PAGE: &str = "A page of the list; X-Total-Count is the number of rows of all pages";

/// Returns the rows of identities. `Lookup` comes before `{id}`, which also matches it.
pub(super) fn identities() -> Vec<Row> {
    const IDENTITIES: &str = "/Security/Identities";
    const IDENTITY: &str = "/Security/Identities/{id}";
    vec![
        Row::new(Method::GET, "/Security/Identities/Lookup", Versions::One, Action::IDENTITY_LOOKUP, identity::look_up)
            .summary("Whether the directory has an account")
            .query(ACCOUNT_NAME)
            .ok("Whether it does", schema::<LookupView>),
        Row::new(Method::GET, IDENTITIES, Versions::One, Action::IDENTITY_LIST, identity::list)
            .summary("List the security identities")
            .query(identity::LIST)
            .ok(PAGE, schema_of_list::<IdentityView>),
        Row::new(Method::POST, IDENTITIES, Versions::One, Action::IDENTITY_CREATE, identity::create)
            .summary("Create a security identity of an account")
            .body(schema::<IdentityForm>)
            .ok("The identity", schema::<IdentityView>),
        Row::new(Method::GET, IDENTITY, Versions::One, Action::IDENTITY_PERMISSIONS, identity::permissions)
            .summary("The permissions of a security identity, and the roles that grant them")
            .ok("Its permissions", schema::<IdentityPermissionsView>),
        Row::new(Method::DELETE, IDENTITY, Versions::One, Action::IDENTITY_DELETE, identity::delete)
            .summary("Delete a security identity"),
    ]
}

pub(super) fn roles() -> Vec<Row> {
    const ROLES: &str = "/Security/Roles";
    const ROLE: &str = "/Security/Roles/{id}";
    vec![
        Row::new(Method::GET, ROLES, Versions::Both, Action::ROLE_LIST, role::list)
            .summary("List the roles")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<RoleListElement>),
        Row::new(Method::POST, ROLES, Versions::Both, Action::ROLE_CREATE, role::create)
            .summary("Create a role; in version 1 with permissions by name, and identities")
            .body(schema::<RoleForm>)
            .ok("The role", schema::<RoleReply>),
        Row::new(Method::PUT, ROLES, Versions::Both, Action::ROLE_UPDATE, role::update)
            .summary(
                "Replace a role; what is not sent is cleared, but for e-mail address, permission set and identities in \
                 version 1",
            )
            .body(schema::<RoleForm>)
            .ok("The role as it now is", schema::<RoleReply>),
        Row::new(Method::GET, ROLE, Versions::Both, Action::ROLE_READ, role::read)
            .summary("One role")
            .ok("The role", schema::<RoleReply>),
        Row::new(Method::DELETE, ROLE, Versions::Both, Action::ROLE_DELETE, role::delete)
            .summary("Delete a role, and revoke it from everybody who holds it"),
    ]
}

/// Returns the rows of who holds a role, and of its permissions on single providers.
pub(super) fn role_assignments() -> Vec<Row> {
    const IDENTITIES: &str = "/Security/Roles/{id}/Identities";
    const PROVIDERS: &str = "/Security/Roles/{id}/Permissions/PamProviders";
    vec![
        Row::new(Method::GET, IDENTITIES, Versions::One, Action::ROLE_HOLDERS, role_assignment::identities)
            .summary("The identities that hold a role")
            .ok("All of them", schema_of_list::<HolderView>),
        Row::new(Method::PUT, IDENTITIES, Versions::One, Action::ROLE_SET_HOLDERS, role_assignment::set_identities)
            .summary("Replace the identities that hold a role")
            .body(schema::<RoleIdentitiesForm>)
            .ok("Those that now hold it", schema_of_list::<HolderView>),
        Row::new(Method::GET, PROVIDERS, Versions::One, Action::ROLE_READ, role_assignment::providers)
            .summary("The permissions of a role on single PAM providers")
            .ok("The providers with a permission", schema_of_list::<RoleProviderView>),
        Row::new(Method::PUT, PROVIDERS, Versions::One, Action::ROLE_UPDATE, role_assignment::set_providers)
            .summary("Replace the permissions of a role on single PAM providers")
            .list_body(schema_of_list::<RoleProviderForm>)
            .ok("The providers with a permission", schema_of_list::<RoleProviderView>),
    ]
}

/// Returns the rows of claims. `Roles` comes before `{id}`, which also matches it.
pub(super) fn claims() -> Vec<Row> {
    const CLAIMS: &str = "/Security/Claims";
    const CLAIM: &str = "/Security/Claims/{id}";
    vec![
        Row::new(Method::GET, "/Security/Claims/Roles", Versions::One, Action::CLAIM_ROLES, security_claim::roles)
            .summary("The roles that a claim holds")
            .query(security_claim::CLAIM)
            .ok("The roles; none for an unknown claim", schema_of_list::<ClaimRoleView>),
        Row::new(Method::GET, CLAIMS, Versions::One, Action::CLAIM_LIST, security_claim::list)
            .summary("List the security claims")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<ClaimView>),
        Row::new(Method::POST, CLAIMS, Versions::One, Action::CLAIM_CREATE, security_claim::create)
            .summary("Create a security claim")
            .body(schema::<ClaimForm>)
            .ok("The claim", schema::<ClaimView>),
        Row::new(Method::PUT, CLAIMS, Versions::One, Action::CLAIM_UPDATE, security_claim::update)
            .summary("Set the description of a security claim")
            .body(schema::<ClaimUpdateForm>)
            .ok("The claim as it now is", schema::<ClaimView>),
        Row::new(Method::GET, CLAIM, Versions::One, Action::CLAIM_READ, security_claim::read)
            .summary("One security claim")
            .ok("The claim", schema::<ClaimView>),
        Row::new(Method::DELETE, CLAIM, Versions::One, Action::CLAIM_DELETE, security_claim::delete)
            .summary("Delete a security claim, and revoke its roles"),
    ]
}

pub(super) fn permission_sets() -> Vec<Row> {
    const SETS: &str = "/PermissionSets";
    const SET: &str = "/PermissionSets/{id}";
    vec![
        Row::new(Method::GET, SETS, Versions::One, Action::PERMISSION_SET_LIST, permission_set::list)
            .summary("List the permission sets")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<PermissionSetView>),
        Row::new(Method::POST, SETS, Versions::One, Action::PERMISSION_SET_CREATE, permission_set::create)
            .summary("Create a permission set")
            .body(schema::<PermissionSetForm>)
            .ok("The permission set", schema::<PermissionSetView>),
        Row::new(Method::PUT, SETS, Versions::One, Action::PERMISSION_SET_UPDATE, permission_set::update)
            .summary("Replace a permission set; what is not sent is cleared")
            .body(schema::<PermissionSetForm>)
            .ok("The permission set as it now is", schema::<PermissionSetView>),
        // Before {id}, which also matches it.
        Row::new(Method::GET, "/PermissionSets/My", Versions::One, Action::PERMISSION_SET_OWN, permission_set::own)
            .summary("The permission sets that the caller's roles are in")
            .ok("The permission sets", schema_of_list::<PermissionSetView>),
        Row::new(Method::GET, SET, Versions::One, Action::PERMISSION_SET_READ, permission_set::read)
            .summary("One permission set")
            .ok("The permission set", schema::<PermissionSetView>),
        Row::new(Method::DELETE, SET, Versions::One, Action::PERMISSION_SET_DELETE, permission_set::delete)
            .summary("Delete a permission set that no role is in"),
    ]
}
