//! Proxy sessions, and the page behind a session's URL.

use actix_web::http::Method;
use actix_web::web;

use super::row::Row;
use crate::http::endpoint::{Answer, Endpoint};
use crate::http::pam::dialect::Rendering;
use crate::http::pam::envelope::{Nothing, enveloped};
use crate::http::pam::proxy_session::{self, CreatedSessionPayload, SessionForm, SessionPayload, SessionsPayload};
use crate::http::pam::proxy_session_page;
use crate::http::schema::schema;
use crate::vault::operation::Action;

const CREATE: &[&str] = &["/remote/session", "/pam/remote/session"];
const DROP: &[&str] = &["/session/drop/{key}", "/pam/session/drop/{key}"];
const LIST: &[&str] = &["/session/remotesessions", "/pam/session/remotesessions"];
const ONE: &[&str] = &["/session/remotesessions/{key}", "/pam/session/remotesessions/{key}"];

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::POST, CREATE, Action::PROXY_SESSION_CREATE, proxy_session::create)
            .summary("Create a URL that opens a proxy session, once and within 30 seconds")
            .body(schema::<SessionForm>)
            .ok("The URL", enveloped::<CreatedSessionPayload>)
            .for_legacy_readers()
            .without_etag(),
        Row::new(Method::DELETE, DROP, Action::PROXY_SESSION_DROP, proxy_session::drop)
            .summary("End a proxy session, by its session_id")
            .ok("It is over", enveloped::<Nothing>)
            .unique_key()
            .without_etag(),
        Row::new(Method::GET, LIST, Action::PROXY_SESSION_LIST, proxy_session::list)
            .summary("List the proxy sessions of credentials that the client sees")
            .ok("The sessions, past ones among them", enveloped::<SessionsPayload>)
            .without_etag(),
        Row::new(Method::GET, ONE, Action::PROXY_SESSION_READ, proxy_session::read)
            .summary("One proxy session, by number or session_id")
            .ok("An array of one session, or of none", enveloped::<SessionPayload>)
            .unique_key()
            .without_etag(),
    ]
}

/// Returns the endpoint of the page, which requires no bearer token.
pub(super) fn page(rendering: Rendering) -> Endpoint {
    let answers = [
        (501, "The URL was good, and no session engine is configured"),
        (404, "The URL is none, was opened before, has run out, or is bound to another address"),
        (500, "Unexpected error"),
        (503, "The service is busy or has no database"),
    ];
    Endpoint {
        tag: "Proxy sessions",
        summary: "The page behind the URL of a proxy session",
        answers: answers.map(|(status, meaning)| Answer::empty(status, meaning)).into(),
        ..Endpoint::new(Method::GET, proxy_session_page::PATH.into(), move || {
            web::to(move |request, service| proxy_session_page::open(request, service, rendering))
        })
    }
}
