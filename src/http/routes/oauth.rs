//! The token endpoint and its companions.

use actix_web::http::Method;
use actix_web::web;

use super::{Answer, Endpoint, Row, ok, plain};
use crate::http::described::described;
use crate::http::oauth::{self, Introspected, Metadata, OAuthErrorReply, TokenForm, TokenReply};
use crate::token::JwkSet;

pub(super) fn endpoints() -> Vec<Endpoint> {
    const TOKEN: &[&str] = &["/iso/oauth2/token", "/api/oauth2/token", "/oauth2/token"];
    const REVOKE: &[&str] = &["/iso/oauth2/revoke", "/api/oauth2/revoke", "/oauth2/revoke"];
    const INTROSPECT: &[&str] = &["/iso/oauth2/introspect", "/api/oauth2/introspect", "/oauth2/introspect"];
    let rows = [
        Row {
            method: Method::POST,
            paths: TOKEN,
            summary: "Issue an access token (RFC 6749, client credentials)",
            query: &[],
            body: Some(described::<TokenForm>),
            success: ok("The token", described::<TokenReply>),
            route: || web::to(oauth::token),
        },
        Row {
            method: Method::POST,
            paths: REVOKE,
            summary: "Revoke an access token (RFC 7009)",
            query: &[],
            body: Some(described::<TokenForm>),
            success: Answer { status: 200, meaning: "It is no longer good", body: None },
            route: || web::to(oauth::revoke),
        },
        Row {
            method: Method::POST,
            paths: INTROSPECT,
            summary: "What an access token says (RFC 7662)",
            query: &[],
            body: Some(described::<TokenForm>),
            success: ok("Its claims, or that it is not active", described::<Introspected>),
            route: || web::to(oauth::introspect),
        },
        Row {
            method: Method::GET,
            paths: &["/.well-known/jwks.json"],
            summary: "The public keys that check tokens (RFC 7517)",
            query: &[],
            body: None,
            success: ok("The keys", described::<JwkSet>),
            route: || web::to(oauth::keys),
        },
        Row {
            method: Method::GET,
            paths: &["/.well-known/oauth-authorization-server"],
            summary: "What the token endpoint can do (RFC 8414)",
            query: &[],
            body: None,
            success: ok("The metadata", described::<Metadata>),
            route: || web::to(oauth::metadata),
        },
    ];
    let refusals = [
        (400, "Not a request that the RFC allows"),
        (401, "Client authentication failed"),
        (500, "Unexpected error"),
        (503, "The service is busy or has no database"),
    ];
    let refusals =
        refusals.map(|(status, meaning)| Answer { status, meaning, body: Some(described::<OAuthErrorReply>) });
    let with_refusals = |row: &Row| match row.method == Method::POST {
        true => [row.success].into_iter().chain(refusals).collect(),
        false => vec![row.success],
    };
    plain("OAuth 2.0", &rows, with_refusals)
}
