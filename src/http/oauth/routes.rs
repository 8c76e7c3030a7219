//! The endpoint table of OAuth.

use actix_web::http::Method;
use actix_web::{Route, web};

use super::handlers;
use super::wire::{Introspection, IssuedTokenForm, Metadata, OAuthErrorReply, TokenForm, TokenReply};
use crate::http::endpoint::{Answer, Endpoint, RequestBody, TOO_MANY};
use crate::http::schema::{NamedSchema, schema};
use crate::token::JwkSet;

const TAG: &str = "OAuth 2.0";
const PREFIXES: [&str; 3] = ["/iso/oauth2", "/api/oauth2", "/oauth2"];
const MEDIA_TYPES: &[&str] = &["application/json", "application/x-www-form-urlencoded"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let token = post(
        "/token",
        "Issue an access token for client credentials (RFC 6749) or the token of a workload (RFC 7523, RFC 8693)",
        schema::<TokenForm>,
        Answer::new(200, "The token", schema::<TokenReply>),
        || web::to(handlers::token),
    );
    let revoke = post(
        "/revoke",
        "Revoke an access token (RFC 7009)",
        schema::<IssuedTokenForm>,
        Answer::empty(200, "It is no longer good"),
        || web::to(handlers::revoke),
    );
    let introspect = post(
        "/introspect",
        "What an access token says (RFC 7662)",
        schema::<IssuedTokenForm>,
        Answer::new(200, "Its claims, or that it is not active", schema::<Introspection>),
        || web::to(handlers::introspect),
    );
    let keys = get(
        "/.well-known/jwks.json",
        "The public keys that check tokens (RFC 7517)",
        Answer::new(200, "The keys", schema::<JwkSet>),
        || web::to(handlers::keys),
    );
    let metadata = get(
        "/.well-known/oauth-authorization-server",
        "What the token endpoint can do (RFC 8414)",
        Answer::new(200, "The metadata", schema::<Metadata>),
        || web::to(handlers::metadata),
    );
    token.chain(revoke).chain(introspect).chain([keys, metadata]).collect()
}

fn post(
    path: &'static str,
    summary: &'static str,
    form: fn() -> NamedSchema,
    success: Answer,
    route: fn() -> Route,
) -> impl Iterator<Item = Endpoint> {
    let errors = [
        (400, "Not a request that the RFC allows"),
        (401, "Client authentication failed"),
        (413, "The body is larger than the settings allow"),
        (415, "The body has a content coding, a charset other than UTF-8, or parts"),
        (429, TOO_MANY),
        (500, "Unexpected error"),
        (503, "The service is busy or has no database"),
    ];
    let errors = errors.map(|(status, meaning)| Answer::new(status, meaning, schema::<OAuthErrorReply>));
    PREFIXES.into_iter().map(move |prefix| Endpoint {
        tag: TAG,
        summary,
        basic: true,
        body: Some(RequestBody { media_types: MEDIA_TYPES, schema: form }),
        answers: [success].into_iter().chain(errors).collect(),
        ..Endpoint::new(Method::POST, format!("{prefix}{path}"), route)
    })
}

fn get(path: &'static str, summary: &'static str, success: Answer, route: fn() -> Route) -> Endpoint {
    Endpoint { tag: TAG, summary, head: true, answers: vec![success], ..Endpoint::new(Method::GET, path.into(), route) }
}
