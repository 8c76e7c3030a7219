//! A row of the endpoint tables: an endpoint under each of its paths and prefixes.

use std::future::Future;

use actix_web::http::Method;
use actix_web::{HttpResponse, Route};

use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint, IDEMPOTENCY_KEY, RequestBody, TOO_MANY};
use crate::http::pam::call::{Call, RouteContext};
use crate::http::pam::dialect::{Dialect, Rendering};
use crate::http::pam::envelope::{Failure, enveloped};
use crate::http::pam::error::PamError;
use crate::http::schema::NamedSchema;
use crate::vault::operation::Action;

type Names = &'static [(&'static str, &'static str)];

const IF_MATCH: (&str, &str) = ("If-Match", "Tags, or *: go ahead only while the item is in one of these states");
const IF_NONE_MATCH: (&str, &str) =
    ("If-None-Match", "Tags, or *: go ahead only while the item is in none of these states");

const AMBIGUOUS: &str = "The key names several items that the client sees; send what tells them apart";

/// How a request names an item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// By the key in its path, if that has one. A key may name two items: by number, and by another name.
    Path,
    /// By a key in its path that names one item at most.
    UniquePath,
    /// By a parameter of the query, in place of the list.
    Query,
}

/// An endpoint before its prefixes, and its handler.
pub(super) struct Row {
    method: Method,
    paths: &'static [&'static str],
    action: Action,
    summary: &'static str,
    query: Names,
    is_list: bool,
    body: Option<fn() -> NamedSchema>,
    success: Option<Answer>,
    conflicts: Vec<&'static str>,
    naming: Naming,
    has_etag: bool,
    legacy_readers_may: bool,
    route: Box<dyn Fn(RouteContext) -> Route>,
}

impl Row {
    pub(super) fn new<H, F>(method: Method, paths: &'static [&'static str], action: Action, handler: H) -> Self
    where
        H: Fn(Call) -> F + Clone + 'static,
        F: Future<Output = Result<HttpResponse, PamError>> + 'static,
    {
        Self {
            method,
            paths,
            action,
            summary: "",
            query: &[],
            is_list: false,
            body: None,
            success: None,
            conflicts: Vec::new(),
            naming: Naming::Path,
            has_etag: true,
            legacy_readers_may: false,
            route: Box::new(move |context| route(context, handler.clone())),
        }
    }

    pub(super) fn summary(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    /// Makes the request a list with these parameters.
    pub(super) fn list(self, query: Names) -> Self {
        Self { query, is_list: true, ..self }
    }

    /// Names the query parameters.
    pub(super) fn query(self, query: Names) -> Self {
        Self { query, ..self }
    }

    /// Adds a reason for 409 that other endpoints do not have.
    pub(super) fn conflict(mut self, meaning: &'static str) -> Self {
        self.conflicts.push(meaning);
        self
    }

    /// Marks a request whose key names one item at most.
    pub(super) fn unique_key(self) -> Self {
        Self { naming: Naming::UniquePath, ..self }
    }

    /// Marks a list that is one item with a parameter of the query.
    pub(super) fn one_by_query(self) -> Self {
        Self { naming: Naming::Query, ..self }
    }

    pub(super) fn body(self, body: fn() -> NamedSchema) -> Self {
        Self { body: Some(body), ..self }
    }

    pub(super) fn ok(self, meaning: &'static str, body: fn() -> NamedSchema) -> Self {
        Self { success: Some(Answer::new(200, meaning, body)), ..self }
    }

    pub(super) fn created(self, meaning: &'static str, body: fn() -> NamedSchema) -> Self {
        Self { success: Some(Answer::new(201, meaning, body)), ..self }
    }

    /// Marks a request about several items, or about an item without an ETag.
    pub(super) fn without_etag(self) -> Self {
        Self { has_etag: false, ..self }
    }

    /// Permits the request to read-only clients in the legacy dialect.
    pub(super) fn for_legacy_readers(self) -> Self {
        Self { legacy_readers_may: true, ..self }
    }

    /// Returns the endpoints of the row below a prefix.
    pub(super) fn endpoints(self, prefix: &str, rendering: Rendering) -> Vec<Endpoint> {
        let failure = enveloped::<Failure<'static>>;
        let errors = [
            (400, "Refused, with the number in exception.code"),
            (401, "No token, or one that is not good"),
            (403, "The authorization lacks the resource, or does not allow the source address"),
            (413, "The body is larger than the settings allow"),
            (415, "The body has a content coding, or a charset other than UTF-8"),
            (500, "Unexpected error"),
            (503, "The service is busy or has no database; Retry-After says when to come back"),
        ];
        let listed =
            "Too many failed authentications, or lists without limit at a time; Retry-After says when to come back";
        let errors = errors.into_iter().chain(self.conflicts.iter().map(|meaning| (409, *meaning)));
        let errors = errors.chain([(429, if self.is_list { listed } else { TOO_MANY })]);
        let errors: Vec<_> = errors.map(|(status, meaning)| Answer::new(status, meaning, failure)).collect();
        let is_read = self.legacy_readers_may && rendering.dialect == Dialect::Legacy;
        let action = if is_read { self.action.as_read() } else { self.action };
        let context = RouteContext { action, rendering };
        let route = std::rc::Rc::new(self.route);
        let endpoint = |path: &&str| {
            let is_by_query = self.naming == Naming::Query;
            let names_one = path.ends_with("{key}") || is_by_query;
            let (headers, further) = preconditions(&self.method, names_one, self.has_etag);
            let is_ambiguous = is_by_query || path.contains("{key}") && self.naming == Naming::Path;
            let ambiguous = is_ambiguous.then(|| Answer::new(409, AMBIGUOUS, failure));
            let route = std::rc::Rc::clone(&route);
            Endpoint {
                tag: "PAM Core",
                summary: self.summary,
                bearer: true,
                query: self.query,
                accept_encryption: true,
                headers,
                body: self.body.map(|schema| RequestBody {
                    media_types: &["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
                    schema,
                }),
                answers: self
                    .success
                    .into_iter()
                    .chain(further)
                    .chain(ambiguous)
                    .chain(errors.iter().copied())
                    .collect(),
                ..Endpoint::new(self.method.clone(), format!("{prefix}{path}"), move || route(context))
            }
        };
        self.paths.iter().map(endpoint).collect()
    }
}

/// Returns the preconditions that an endpoint acts on, and the answers that they add. A read has them if it names one item.
fn preconditions(method: &Method, names_one: bool, has_etag: bool) -> (Names, Vec<Answer>) {
    let failure = enveloped::<Failure<'static>>;
    let not_modified = Answer::empty(304, "The client knows it in this state; no body");
    let used = Answer::new(409, "The idempotency key was used for another request", failure);
    let failed = Answer::new(412, "The item is not in the state that the request names", failure);
    match (method, has_etag) {
        (&Method::POST, true) => (&[IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH], vec![used, failed]),
        (&Method::POST, false) => (&[IDEMPOTENCY_KEY], vec![used, failed]),
        (&Method::GET, true) if names_one => (&[IF_MATCH, IF_NONE_MATCH], vec![not_modified, failed]),
        (&Method::GET, _) => (&[], vec![]),
        (_, true) => (&[IF_MATCH, IF_NONE_MATCH], vec![failed]),
        (_, false) => (&[], vec![failed]),
    }
}
