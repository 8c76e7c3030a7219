//! The endpoint table of this family.

use actix_web::http::Method;
use actix_web::{HttpResponse, Route, web};

use super::call::{Call, route};
use super::error::VaultKvError;
use super::login::{self, Login};
use super::mounts::{self, NamedMount};
use super::path::BASE;
use super::status::{self, Health, Leader, SealStatus};
use super::wire::{Auth, Keys, TokenProperties, VersionedFieldsView};
use super::{secret, token};
use crate::config::VaultKvSettings;
use crate::http::endpoint::{Answer, Endpoint, RequestBody};
use crate::http::schema::schema;
use crate::vault::operation::Action;

const TAG: &str = "KV version 2";
const JSON: &[&str] = &["application/json"];

pub(super) fn endpoints(settings: &VaultKvSettings) -> Vec<Endpoint> {
    let mut endpoints = logins(settings);
    endpoints.extend(items(&settings.mount));
    endpoints.extend(tokens());
    endpoints.extend(system(&settings.mount));
    endpoints
}

fn endpoint(method: Method, path: &str, route: impl Fn() -> Route + 'static) -> Endpoint {
    Endpoint { tag: TAG, bearer: true, ..Endpoint::new(method, format!("{BASE}{path}"), route) }
}

/// Logins come as `POST` or `PUT`: the Go client sends `PUT`.
fn logins(settings: &VaultKvSettings) -> Vec<Endpoint> {
    let login = |mount: &String, method: Method| Endpoint {
        bearer: false,
        summary: "Log in with a role id and a secret id",
        body: Some(RequestBody { media_types: JSON, schema: schema::<Login> }),
        answers: vec![Answer::new(200, "Logged in; the member auth has the token", schema::<Auth>)],
        ..endpoint(method, &format!("/auth/{mount}/login"), || web::to(login::login))
    };
    let both = |mount| [Method::POST, Method::PUT].map(|method| login(mount, method));
    settings.login_mounts.iter().flat_map(both).collect()
}

fn items(mount: &str) -> Vec<Endpoint> {
    let read = Endpoint {
        summary: "Read an item",
        query: &[("version", "The number of a version; the current one without it")],
        answers: vec![
            Answer::new(200, "The member data has the item", schema::<VersionedFieldsView>),
            Answer::empty(404, "There is no such item, or the client may not read it"),
        ],
        ..endpoint(Method::GET, &format!("/{mount}/data/{{path:.*}}"), || route(Action::ITEM_READ, secret::read))
    };
    let mut endpoints = vec![read];
    for path in [format!("/{mount}/metadata"), format!("/{mount}/metadata/{{path:.*}}")] {
        endpoints.push(Endpoint {
            summary: "List names; a folder ends in a slash",
            query: &[("list", "true")],
            answers: vec![Answer::new(200, "The member data has the names", schema::<Keys>)],
            ..endpoint(Method::GET, &path, || route(Action::ITEM_LIST, secret::get_list))
        });
        if let Ok(method) = Method::from_bytes(b"LIST") {
            endpoints.push(endpoint(method, &path, || route(Action::ITEM_LIST, secret::list)));
        }
    }
    endpoints
}

fn tokens() -> Vec<Endpoint> {
    let lookup = Endpoint {
        summary: "Show the client's own token",
        answers: vec![Answer::new(200, "The member data has its properties", schema::<TokenProperties>)],
        ..endpoint(Method::GET, "/auth/token/lookup-self", || route(Action::TOKEN_INTROSPECT, token::lookup_self))
    };
    let renew = |method| Endpoint {
        summary: "Refused: tokens are not renewable",
        answers: vec![Answer::empty(400, "The client has to log in again")],
        ..endpoint(method, "/auth/token/renew-self", || route(Action::TOKEN_INTROSPECT, token::renew_self))
    };
    let revoke = |method| Endpoint {
        summary: "Revoke the client's own token",
        answers: vec![Answer::empty(204, "Revoked")],
        ..endpoint(method, "/auth/token/revoke-self", || route(Action::TOKEN_REVOKE, token::revoke_self))
    };
    let (post, put) = (Method::POST, Method::PUT);
    vec![lookup, renew(post.clone()), renew(put.clone()), revoke(post), revoke(put)]
}

fn system(mount: &str) -> Vec<Endpoint> {
    let shown = [format!("/sys/internal/ui/mounts/{mount}"), format!("/sys/internal/ui/mounts/{mount}/{{path:.*}}")];
    let mut endpoints: Vec<Endpoint> = shown.map(|path| about_mount(mount, &path, mounts::show)).into();
    endpoints.push(about_mount(mount, "/sys/mounts", mounts::list));
    endpoints.extend([
        Endpoint {
            bearer: false,
            summary: "Whether the node is ready",
            answers: vec![Answer::new(200, "It is; 503 otherwise", schema::<Health>)],
            ..endpoint(Method::GET, "/sys/health", || web::to(status::health))
        },
        Endpoint {
            bearer: false,
            summary: "The seal status: always unsealed",
            answers: vec![Answer::new(200, "Unsealed", schema::<SealStatus>)],
            ..endpoint(Method::GET, "/sys/seal-status", || web::to(status::seal_status))
        },
        Endpoint {
            bearer: false,
            summary: "The leader: nodes have none",
            answers: vec![Answer::new(200, "Nodes are equal", schema::<Leader>)],
            ..endpoint(Method::GET, "/sys/leader", || web::to(status::leader))
        },
    ]);
    endpoints
}

fn about_mount<F>(mount: &str, path: &str, handler: impl Fn(Call, String) -> F + Clone + 'static) -> Endpoint
where
    F: Future<Output = Result<HttpResponse, VaultKvError>> + 'static,
{
    let mount = mount.to_string();
    let route = move || {
        let (mount, handler) = (mount.clone(), handler.clone());
        route(Action::ITEM_MOUNT, move |call| handler(call, mount.clone()))
    };
    Endpoint {
        summary: "Show the mount of the items",
        answers: vec![Answer::new(200, "The member data has the mount", schema::<NamedMount>)],
        ..endpoint(Method::GET, path, route)
    }
}
