//! Proxy sessions: the calls, under the prefixes of the PAM service, and the page behind a session's URL.

use actix_web::http::Method;
use actix_web::web;

use super::{Answer, Endpoint, Row, ok, plain};
use crate::http::described::{described, enveloped};
use crate::http::pam::envelope::Nothing;
use crate::http::pam::session::{self, SessionForm, SessionPayload, SessionsPayload, ShownSessionPayload};
use crate::http::pam::session_page;

/// The calls.
pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            method: Method::POST,
            paths: &["/remote/session", "/pam/remote/session"],
            summary: "Create a URL that opens a proxy session, once and within 30 seconds",
            query: &[],
            body: Some(described::<SessionForm>),
            success: ok("The URL", enveloped::<SessionPayload>),
            route: || web::to(session::create),
        },
        Row {
            method: Method::DELETE,
            paths: &["/session/drop/{key}", "/pam/session/drop/{key}"],
            summary: "End a proxy session, by its session_id",
            query: &[],
            body: None,
            success: ok("It is over", enveloped::<Nothing>),
            route: || web::to(session::drop),
        },
        Row {
            method: Method::GET,
            paths: &["/session/remotesessions", "/pam/session/remotesessions"],
            summary: "List the proxy sessions of credentials that the client sees",
            query: &[],
            body: None,
            success: ok("The sessions, past ones among them", enveloped::<SessionsPayload>),
            route: || web::to(session::list),
        },
        Row {
            method: Method::GET,
            paths: &["/session/remotesessions/{key}", "/pam/session/remotesessions/{key}"],
            summary: "One proxy session, by number or session_id",
            query: &[],
            body: None,
            success: ok("An array of one session, or of none", enveloped::<ShownSessionPayload>),
            route: || web::to(session::read),
        },
    ]
}

/// The page.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let row = Row {
        method: Method::GET,
        paths: &[session_page::PATH],
        summary: "The page behind the URL of a proxy session",
        query: &[],
        body: None,
        success: Answer { status: 501, meaning: "The URL was good, and no session engine is configured", body: None },
        route: || web::to(session_page::open),
    };
    let refusals = [
        (404, "The URL is none, was opened before, has run out, or is bound to another address"),
        (500, "Unexpected error"),
        (503, "The service is busy or has no database"),
    ];
    let refusals = refusals.map(|(status, meaning)| Answer { status, meaning, body: None });
    plain("Proxy sessions", &[row], |row| [row.success].into_iter().chain(refusals).collect())
}
