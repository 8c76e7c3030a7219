//! The Keyfactor families. The table has one base path; the others lead to it (`http::keyfactor`).

use actix_web::http::Method;
use actix_web::{Route, web};

use super::{Answer, Endpoint, ok};
use crate::http::described::{Described, described, described_list};
use crate::http::keyfactor::entry::{self, EntryForm, EntryView, SECRET_NAME};
use crate::http::keyfactor::error::ErrorReply;
use crate::http::keyfactor::identity::{
    self, ACCOUNT_NAME, IdentityForm, IdentityPermissionsView, IdentityView, LookupView,
};
use crate::http::keyfactor::provider::{self, ProviderForm, ProviderView};
use crate::http::keyfactor::provider_type::{self, ProviderTypeForm, ProviderTypeView};
use crate::http::keyfactor::role::{self, PermissionSetView, RoleForm, RoleView};
use crate::http::keyfactor::{BASE, LIST_PARAMETERS, status};

/// A row of this table: method, path below the base path, summary, query, body, success, handler.
struct Row {
    method: Method,
    path: &'static str,
    summary: &'static str,
    query: &'static [(&'static str, &'static str)],
    body: Option<fn() -> Described>,
    success: Answer,
    route: fn() -> Route,
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let refusals = [
        (400, "Something in the request has the wrong form; Message names it"),
        (401, "No credentials, or such as are not good"),
        (403, "The caller does not hold the permission"),
        (404, "No such thing"),
        (409, "The name is taken, or the thing is in use"),
        (413, "The body is larger than the settings allow"),
        (429, "Too many wrong passwords; Retry-After says when to come back"),
        (500, "Unexpected error"),
        (503, "The service is busy or has no database; Retry-After says when to come back"),
    ];
    let refusals = refusals.map(|(status, meaning)| Answer { status, meaning, body: Some(described::<ErrorReply>) });
    let endpoint = |row: Row| Endpoint {
        method: row.method,
        path: format!("{BASE}{}", row.path),
        tag: "Keyfactor",
        summary: row.summary,
        bearer: true,
        basic: true,
        query: row.query,
        headers: &[],
        body: row.body,
        answers: [row.success].into_iter().chain(refusals).collect(),
        route: row.route,
    };
    [entries(), providers(), security(), status()].into_iter().flatten().map(endpoint).collect()
}

const fn deleted() -> Answer {
    Answer { status: 204, meaning: "It is gone", body: None }
}

/// Words come before what takes their place: `Types` is no number of a provider.
fn providers() -> Vec<Row> {
    const TYPES: &str = "/PamProviders/Types";
    const TYPE: &str = "/PamProviders/Types/{id}";
    const PROVIDERS: &str = "/PamProviders";
    const PROVIDER: &str = "/PamProviders/{id}";
    vec![
        Row {
            method: Method::GET,
            path: TYPES,
            summary: "List the types of PAM providers",
            query: &[],
            body: None,
            success: ok("All types, by name", described_list::<ProviderTypeView>),
            route: || web::to(provider_type::list),
        },
        Row {
            method: Method::POST,
            path: TYPES,
            summary: "Create a type of PAM providers",
            query: &[],
            body: Some(described::<ProviderTypeForm>),
            success: ok("The type", described::<ProviderTypeView>),
            route: || web::to(provider_type::create),
        },
        Row {
            method: Method::GET,
            path: TYPE,
            summary: "One type of PAM providers",
            query: &[],
            body: None,
            success: ok("The type", described::<ProviderTypeView>),
            route: || web::to(provider_type::read),
        },
        Row {
            method: Method::DELETE,
            path: TYPE,
            summary: "Delete a type of PAM providers that is not in use",
            query: &[],
            body: None,
            success: deleted(),
            route: || web::to(provider_type::delete),
        },
        Row {
            method: Method::GET,
            path: PROVIDERS,
            summary: "List the PAM providers that the caller may read",
            query: LIST_PARAMETERS,
            body: None,
            success: ok("A part of the list; X-Total-Count says how long the whole is", described_list::<ProviderView>),
            route: || web::to(provider::list),
        },
        Row {
            method: Method::POST,
            path: PROVIDERS,
            summary: "Create a PAM provider",
            query: &[],
            body: Some(described::<ProviderForm>),
            success: ok("The provider", described::<ProviderView>),
            route: || web::to(provider::create),
        },
        Row {
            method: Method::PUT,
            path: PROVIDERS,
            summary: "Write a PAM provider anew; what is not sent is cleared",
            query: &[],
            body: Some(described::<ProviderForm>),
            success: ok("The provider as it now is", described::<ProviderView>),
            route: || web::to(provider::update),
        },
        Row {
            method: Method::GET,
            path: PROVIDER,
            summary: "One PAM provider",
            query: &[],
            body: None,
            success: ok("The provider", described::<ProviderView>),
            route: || web::to(provider::read),
        },
        Row {
            method: Method::DELETE,
            path: PROVIDER,
            summary: "Delete a PAM provider",
            query: &[],
            body: None,
            success: deleted(),
            route: || web::to(provider::delete),
        },
    ]
}

fn entries() -> Vec<Row> {
    const ENTRIES: &str = "/PamProviders/Local/{providerId}/Entries";
    vec![
        Row {
            method: Method::GET,
            path: ENTRIES,
            summary: "List the entries of a local PAM provider, without secrets",
            query: LIST_PARAMETERS,
            body: None,
            success: ok("A part of the list; X-Total-Count says how long the whole is", described_list::<EntryView>),
            route: || web::to(entry::list),
        },
        Row {
            method: Method::POST,
            path: ENTRIES,
            summary: "Create an entry of a local PAM provider",
            query: &[],
            body: Some(described::<EntryForm>),
            success: ok("The entry, without its secret", described::<EntryView>),
            route: || web::to(entry::create),
        },
        Row {
            method: Method::PUT,
            path: ENTRIES,
            summary: "Write the description of an entry, and its secret when one is sent",
            query: &[],
            body: Some(described::<EntryForm>),
            success: ok("The entry as it now is, without its secret", described::<EntryView>),
            route: || web::to(entry::update),
        },
        Row {
            method: Method::DELETE,
            path: ENTRIES,
            summary: "Delete an entry of a local PAM provider",
            query: SECRET_NAME,
            body: None,
            success: deleted(),
            route: || web::to(entry::delete),
        },
    ]
}

/// `Lookup` is no number of an identity, so it comes first.
fn security() -> Vec<Row> {
    const IDENTITIES: &str = "/Security/Identities";
    const IDENTITY: &str = "/Security/Identities/{id}";
    const ROLES: &str = "/Security/Roles";
    const ROLE: &str = "/Security/Roles/{id}";
    vec![
        Row {
            method: Method::GET,
            path: "/Security/Identities/Lookup",
            summary: "Whether the directory knows an account",
            query: ACCOUNT_NAME,
            body: None,
            success: ok("Whether it does", described::<LookupView>),
            route: || web::to(identity::look_up),
        },
        Row {
            method: Method::GET,
            path: IDENTITIES,
            summary: "List the security identities",
            query: identity::LIST,
            body: None,
            success: ok("A part of the list; X-Total-Count says how long the whole is", described_list::<IdentityView>),
            route: || web::to(identity::list),
        },
        Row {
            method: Method::POST,
            path: IDENTITIES,
            summary: "Make a security identity of an account",
            query: &[],
            body: Some(described::<IdentityForm>),
            success: ok("The identity", described::<IdentityView>),
            route: || web::to(identity::create),
        },
        Row {
            method: Method::GET,
            path: IDENTITY,
            summary: "What a security identity may do, and through which roles",
            query: &[],
            body: None,
            success: ok("Its permissions", described::<IdentityPermissionsView>),
            route: || web::to(identity::permissions),
        },
        Row {
            method: Method::DELETE,
            path: IDENTITY,
            summary: "Delete a security identity",
            query: &[],
            body: None,
            success: deleted(),
            route: || web::to(identity::delete),
        },
        Row {
            method: Method::GET,
            path: ROLES,
            summary: "List the roles (version 2)",
            query: LIST_PARAMETERS,
            body: None,
            success: ok("A part of the list; X-Total-Count says how long the whole is", described_list::<RoleView>),
            route: || web::to(role::list),
        },
        Row {
            method: Method::POST,
            path: ROLES,
            summary: "Create a role (version 2)",
            query: &[],
            body: Some(described::<RoleForm>),
            success: ok("The role", described::<RoleView>),
            route: || web::to(role::create),
        },
        Row {
            method: Method::PUT,
            path: ROLES,
            summary: "Write a role anew; what is not sent is cleared (version 2)",
            query: &[],
            body: Some(described::<RoleForm>),
            success: ok("The role as it now is", described::<RoleView>),
            route: || web::to(role::update),
        },
        Row {
            method: Method::GET,
            path: ROLE,
            summary: "One role (version 2)",
            query: &[],
            body: None,
            success: ok("The role", described::<RoleView>),
            route: || web::to(role::read),
        },
        Row {
            method: Method::DELETE,
            path: ROLE,
            summary: "Delete a role, and take it from everybody who holds it (version 2)",
            query: &[],
            body: None,
            success: deleted(),
            route: || web::to(role::delete),
        },
        Row {
            method: Method::GET,
            path: "/PermissionSets",
            summary: "List the permission sets",
            query: LIST_PARAMETERS,
            body: None,
            success: ok(
                "A part of the list; X-Total-Count says how long the whole is",
                described_list::<PermissionSetView>,
            ),
            route: || web::to(role::list_sets),
        },
        Row {
            method: Method::GET,
            path: "/PermissionSets/{id}",
            summary: "One permission set",
            query: &[],
            body: None,
            success: ok("The permission set", described::<PermissionSetView>),
            route: || web::to(role::read_set),
        },
    ]
}

fn status() -> Vec<Row> {
    vec![Row {
        method: Method::GET,
        path: "/Status/Endpoints",
        summary: "The endpoints of these families",
        query: &[],
        body: None,
        success: ok("Method and path of each", described_list::<String>),
        route: || web::to(status::endpoints),
    }]
}
