//! The endpoint table of this family.

use actix_web::http::Method;

use super::call::RouteContext;
use super::conventions::{CredentialList, ErrorBody, PAGING};
use super::filter::FILTERS;
use super::wire::CredentialDocument;
use super::{credential, fields};
use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint};
use crate::http::schema::schema;
use crate::vault::operation::Action;

/// The base path.
pub(super) const BASE: &str = "/api/v2";

const PRECONDITIONS: &[(&str, &str)] = &[
    ("If-None-Match", "ETags that the client has: 304 while one is current"),
    ("If-Match", "ETags: 412 unless one is current"),
];

pub(super) fn endpoints(requests_per_minute: u32) -> Vec<Endpoint> {
    let context = move |action| RouteContext { action, requests_per_minute };
    let list = Endpoint {
        summary: "List the credentials and SSH keys that the client sees, without secrets",
        query: list_parameters(),
        answers: answers(Answer::new(200, "The page", schema::<CredentialList>), &[]),
        ..endpoint("/pam/credentials", move || route(context(Action::CREDENTIAL_LIST), credential::list))
    };
    let read = Endpoint {
        summary: "Show a credential or SSH key without its secrets, by number",
        query: fields::PARAMETER,
        answers: answers(
            Answer::new(200, "The credential, or the fields of it", schema::<CredentialDocument>),
            &[(404, "There is no such credential, or the client may not see it")],
        ),
        ..endpoint("/pam/credentials/{id}", move || route(context(Action::CREDENTIAL_METADATA), credential::read))
    };
    vec![list, read]
}

fn endpoint(path: &str, route: impl Fn() -> actix_web::Route + 'static) -> Endpoint {
    Endpoint {
        tag: "PAM version 2",
        bearer: true,
        headers: PRECONDITIONS,
        ..Endpoint::new(Method::GET, format!("{BASE}{path}"), route)
    }
}

fn answers(success: Answer, further: &[(u16, &'static str)]) -> Vec<Answer> {
    let errors = [
        (400, "A header is malformed"),
        (401, "No token, or one that is not valid"),
        (403, "The authorization does not permit the request, or `fields` names a secret"),
        (412, "None of the ETags in If-Match is current"),
        (422, "A parameter is unknown or malformed; the body names it"),
        (429, "Too many requests; X-RateLimit-Reset and Retry-After say when to come back"),
        (500, "Internal error"),
        (503, "Temporarily unavailable"),
    ];
    let unchanged = Answer::empty(304, "The client has the current state; no body");
    let error = |(status, meaning): &(u16, &'static str)| Answer::new(*status, meaning, schema::<ErrorBody<'static>>);
    [success, unchanged].into_iter().chain(further.iter().chain(&errors).map(error)).collect()
}

/// Returns the parameters of the list: filters and page.
fn list_parameters() -> &'static [(&'static str, &'static str)] {
    static PARAMETERS: std::sync::OnceLock<Vec<(&str, &str)>> = std::sync::OnceLock::new();
    PARAMETERS.get_or_init(|| [FILTERS, PAGING].concat())
}
