//! The endpoint table of this family.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};

use super::call::Call;
use super::capabilities::{self, Paths};
use super::endpoint::{JSON, endpoint, endpoint_without_token};
use super::error::{Errors, VaultKvError};
use super::jwt_login::{self, JwtLogin};
use super::login::{self, Login};
use super::mounts::{self, NamedMount};
use super::status::{self, Health, Initialization, Leader};
use super::wire::{Auth, Keys, TokenProperties, VersionedFieldsView};
use super::{seal, secret, token};
use crate::config::VaultKvSettings;
use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint, RequestBody, TOO_MANY};
use crate::http::schema::schema;
use crate::vault::operation::Action;

const JWT_MOUNTS: [&str; 2] = ["jwt", "kubernetes"];

pub(super) fn endpoints(settings: &VaultKvSettings) -> Vec<Endpoint> {
    let mut endpoints = logins(settings);
    endpoints.extend(jwt_logins());
    endpoints.extend(items(&settings.mount));
    endpoints.extend(tokens());
    endpoints.extend(system(&settings.mount));
    endpoints.extend(seal::endpoints());
    // Also matches what lies below data and metadata, so it comes last.
    endpoints.extend(unversioned(&settings.mount));
    endpoints
}

/// Returns the answers of an endpoint that needs a token: `answer`, and the errors of all of them.
fn answers(answer: Answer) -> Vec<Answer> {
    vec![
        answer,
        Answer::new(400, "The request is malformed, or asks for a wrapped response", schema::<Errors>),
        Answer::new(403, "No valid token, or no permission", schema::<Errors>),
        Answer::new(429, TOO_MANY, schema::<Errors>),
        Answer::new(503, "Temporarily unavailable", schema::<Errors>),
    ]
}

/// Logins come as `POST` or `PUT`: the Go client sends `PUT`.
fn logins(settings: &VaultKvSettings) -> Vec<Endpoint> {
    let login = |mount: &String, method: Method| Endpoint {
        summary: "Log in with a role id and a secret id",
        body: Some(RequestBody { media_types: JSON, schema: schema::<Login> }),
        answers: vec![
            Answer::new(200, "Logged in; the member auth has the token", schema::<Auth>),
            Answer::new(400, "The login failed, or the body is malformed", schema::<Errors>),
            Answer::new(413, "The body is too large", schema::<Errors>),
            Answer::new(429, TOO_MANY, schema::<Errors>),
            Answer::new(503, "Temporarily unavailable", schema::<Errors>),
        ],
        ..endpoint_without_token(method, &format!("/auth/{mount}/login"), || web::to(login::login))
    };
    let both = |mount| [Method::POST, Method::PUT].map(|method| login(mount, method));
    settings.login_mounts.iter().flat_map(both).collect()
}

/// The mounts of the login by a JWT. Those of `AppRole` cannot have these names.
fn jwt_logins() -> impl Iterator<Item = Endpoint> {
    let login = |mount: &str, method| Endpoint {
        summary: "Log in with the token of a workload",
        body: Some(RequestBody { media_types: JSON, schema: schema::<JwtLogin> }),
        answers: vec![
            Answer::new(200, "Logged in; the member auth has the token", schema::<Auth>),
            Answer::new(400, "The login failed, or the body is malformed", schema::<Errors>),
            Answer::new(413, "The body is too large", schema::<Errors>),
            Answer::new(429, TOO_MANY, schema::<Errors>),
            Answer::new(503, "Temporarily unavailable", schema::<Errors>),
        ],
        ..endpoint_without_token(method, &format!("/auth/{mount}/login"), || web::to(jwt_login::login))
    };
    JWT_MOUNTS.into_iter().flat_map(move |mount| [Method::POST, Method::PUT].map(|method| login(mount, method)))
}

fn items(mount: &str) -> Vec<Endpoint> {
    let read = Endpoint {
        summary: "Read an item",
        query: &[("version", "The number of a version; the current one without it")],
        answers: [
            answers(Answer::new(200, "The member data has the item", schema::<VersionedFieldsView>)),
            vec![Answer::new(404, "There is no such item, or the client may not read it", schema::<Errors>)],
        ]
        .concat(),
        ..endpoint(Method::GET, &format!("/{mount}/data/{{path:.*}}"), || route(Action::ITEM_READ, secret::read))
    };
    let mut endpoints = vec![read];
    for path in [format!("/{mount}/metadata"), format!("/{mount}/metadata/{{path:.*}}")] {
        endpoints.push(Endpoint {
            summary: "List names; a folder ends in a slash",
            query: &[("list", "true")],
            answers: [
                answers(Answer::new(200, "The member data has the names", schema::<Keys>)),
                vec![Answer::new(404, "Nothing is there", schema::<Errors>)],
            ]
            .concat(),
            ..endpoint(Method::GET, &path, || route(Action::ITEM_LIST, secret::get_list))
        });
        if let Ok(method) = Method::from_bytes(b"LIST") {
            endpoints.push(endpoint(method, &path, || route(Action::ITEM_LIST, secret::list)));
        }
    }
    endpoints
}

fn unversioned(mount: &str) -> Vec<Endpoint> {
    let path = format!("/{mount}/{{path:.*}}");
    let endpoint = |method| Endpoint {
        summary: "Refused: a route of version 1",
        answers: vec![
            Answer::empty(404, "The member warnings says so"),
            Answer::new(400, "The request asks for a wrapped response", schema::<Errors>),
            Answer::new(403, "No valid token, or no permission", schema::<Errors>),
            Answer::new(429, TOO_MANY, schema::<Errors>),
        ],
        ..endpoint(method, &path, || route(Action::ITEM_READ, secret::unversioned))
    };
    std::iter::once(Method::GET).chain(Method::from_bytes(b"LIST")).map(endpoint).collect()
}

fn tokens() -> Vec<Endpoint> {
    let lookup = Endpoint {
        summary: "Show the client's own token",
        answers: answers(Answer::new(200, "The member data has its properties", schema::<TokenProperties>)),
        ..endpoint(Method::GET, "/auth/token/lookup-self", || route(Action::TOKEN_LOOKUP, token::lookup_self))
    };
    let renew = |method| Endpoint {
        summary: "Refused: tokens are not renewable",
        answers: vec![
            Answer::new(400, "The client has to log in again", schema::<Errors>),
            Answer::new(403, "No valid token", schema::<Errors>),
            Answer::new(429, TOO_MANY, schema::<Errors>),
        ],
        ..endpoint(method, "/auth/token/renew-self", || route(Action::TOKEN_LOOKUP, token::renew_self))
    };
    let revoke = |method| Endpoint {
        summary: "Revoke the client's own token",
        answers: answers(Answer::empty(204, "Revoked")),
        ..endpoint(method, "/auth/token/revoke-self", || route(Action::TOKEN_REVOKE, token::revoke_self))
    };
    let (post, put) = (Method::POST, Method::PUT);
    vec![lookup, renew(post.clone()), renew(put.clone()), revoke(post), revoke(put)]
}

fn system(mount: &str) -> Vec<Endpoint> {
    let shown = [format!("/sys/internal/ui/mounts/{mount}"), format!("/sys/internal/ui/mounts/{mount}/{{path:.*}}")];
    let mut endpoints: Vec<Endpoint> = shown.map(|path| about_mount(mount, &path, mounts::show)).into();
    endpoints.push(about_mount(mount, "/sys/mounts", mounts::list));
    endpoints.extend([Method::POST, Method::PUT].map(|method| capabilities_of(mount, method)));
    endpoints.extend([
        Endpoint {
            head: true,
            summary: "Whether the node is ready",
            answers: vec![Answer::new(200, "It is", schema::<Health>), Answer::new(503, "It is not", schema::<Health>)],
            ..endpoint_without_token(Method::GET, "/sys/health", || web::to(status::health))
        },
        Endpoint {
            head: true,
            summary: "Whether the vault is initialized: always",
            answers: vec![Answer::new(200, "Initialized", schema::<Initialization>)],
            ..endpoint_without_token(Method::GET, "/sys/init", || web::to(status::init))
        },
        Endpoint {
            head: true,
            summary: "The leader: nodes have none",
            answers: vec![Answer::new(200, "Nodes are equal", schema::<Leader>)],
            ..endpoint_without_token(Method::GET, "/sys/leader", || web::to(status::leader))
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
        answers: answers(Answer::new(200, "The member data has the mount", schema::<NamedMount>)),
        ..endpoint(Method::GET, path, route)
    }
}

fn capabilities_of(mount: &str, method: Method) -> Endpoint {
    let mount = mount.to_string();
    let route = move || {
        let mount = mount.clone();
        route(Action::ITEM_MOUNT, move |call| capabilities::capabilities_self(call, mount.clone()))
    };
    Endpoint {
        summary: "Show what the client may do with paths",
        body: Some(RequestBody { media_types: JSON, schema: schema::<Paths> }),
        answers: answers(Answer::empty(200, "The member data has the capabilities of each path")),
        ..endpoint(method, "/sys/capabilities-self", route)
    }
}
