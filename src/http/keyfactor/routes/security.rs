//! Security identities, roles and permission sets.

use actix_web::http::Method;

use super::row::Row;
use crate::http::keyfactor::identity::{
    self, ACCOUNT_NAME, IdentityForm, IdentityPermissionsView, IdentityView, LookupView,
};
use crate::http::keyfactor::query::LIST_PARAMETERS;
use crate::http::keyfactor::role::{self, PermissionSetView, RoleForm, RoleView};
use crate::http::keyfactor::version::Versions;
use crate::http::schema::{schema, schema_of_list};

const PAGE: &str = "A part of the list; X-Total-Count says how long the whole is";

/// `Lookup` comes before `{id}`: it is no id of an identity.
pub(super) fn identities() -> Vec<Row> {
    const IDENTITIES: &str = "/Security/Identities";
    const IDENTITY: &str = "/Security/Identities/{id}";
    vec![
        Row::new(Method::GET, "/Security/Identities/Lookup", Versions::One, identity::look_up)
            .summary("Whether the directory knows an account")
            .query(ACCOUNT_NAME)
            .ok("Whether it does", schema::<LookupView>),
        Row::new(Method::GET, IDENTITIES, Versions::One, identity::list)
            .summary("List the security identities")
            .query(identity::LIST)
            .ok(PAGE, schema_of_list::<IdentityView>),
        Row::new(Method::POST, IDENTITIES, Versions::One, identity::create)
            .summary("Make a security identity of an account")
            .body(schema::<IdentityForm>)
            .ok("The identity", schema::<IdentityView>),
        Row::new(Method::GET, IDENTITY, Versions::One, identity::permissions)
            .summary("What a security identity may do, and through which roles")
            .ok("Its permissions", schema::<IdentityPermissionsView>),
        Row::new(Method::DELETE, IDENTITY, Versions::One, identity::delete).summary("Delete a security identity"),
    ]
}

pub(super) fn roles() -> Vec<Row> {
    const ROLES: &str = "/Security/Roles";
    const ROLE: &str = "/Security/Roles/{id}";
    vec![
        Row::new(Method::GET, ROLES, Versions::Two, role::list)
            .summary("List the roles (version 2)")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<RoleView>),
        Row::new(Method::POST, ROLES, Versions::Two, role::create)
            .summary("Create a role (version 2)")
            .body(schema::<RoleForm>)
            .ok("The role", schema::<RoleView>),
        Row::new(Method::PUT, ROLES, Versions::Two, role::update)
            .summary("Write a role anew; what is not sent is cleared (version 2)")
            .body(schema::<RoleForm>)
            .ok("The role as it now is", schema::<RoleView>),
        Row::new(Method::GET, ROLE, Versions::Two, role::read)
            .summary("One role (version 2)")
            .ok("The role", schema::<RoleView>),
        Row::new(Method::DELETE, ROLE, Versions::Two, role::delete)
            .summary("Delete a role, and take it from everybody who holds it (version 2)"),
        Row::new(Method::GET, "/PermissionSets", Versions::One, role::list_sets)
            .summary("List the permission sets")
            .query(LIST_PARAMETERS)
            .ok(PAGE, schema_of_list::<PermissionSetView>),
        Row::new(Method::GET, "/PermissionSets/{id}", Versions::One, role::read_set)
            .summary("One permission set")
            .ok("The permission set", schema::<PermissionSetView>),
    ]
}
