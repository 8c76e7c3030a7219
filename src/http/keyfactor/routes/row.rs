//! A row of the endpoint tables.

use std::future::Future;

use actix_web::http::Method;
use actix_web::{HttpResponse, Route};

use crate::http::call::route;
use crate::http::endpoint::{Answer, Endpoint, RequestBody, TOO_MANY};
use crate::http::keyfactor::call::{Call, RouteContext};
use crate::http::keyfactor::error::{ErrorReply, KeyfactorError};
use crate::http::keyfactor::path::BASE;
use crate::http::keyfactor::version::Versions;
use crate::http::schema::{NamedSchema, schema};
use crate::vault::operation::Action;

/// An endpoint below the base path, and its handler.
pub(super) struct Row {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) versions: Versions,
    action: Action,
    summary: &'static str,
    query: &'static [(&'static str, &'static str)],
    body: Option<fn() -> NamedSchema>,
    has_list: bool,
    success: Answer,
    route: Box<dyn Fn(RouteContext) -> Route>,
}

impl Row {
    pub(super) fn new<H, F>(method: Method, path: &'static str, versions: Versions, action: Action, handler: H) -> Self
    where
        H: Fn(Call) -> F + Clone + 'static,
        F: Future<Output = Result<HttpResponse, KeyfactorError>> + 'static,
    {
        Self {
            method,
            path,
            versions,
            action,
            summary: "",
            query: &[],
            body: None,
            has_list: false,
            success: Answer::empty(204, "Done"),
            route: Box::new(move |context| route(context, handler.clone())),
        }
    }

    pub(super) fn summary(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    pub(super) fn query(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    pub(super) fn body(self, body: fn() -> NamedSchema) -> Self {
        Self { body: Some(body), ..self }
    }

    /// A body that is a list of objects.
    pub(super) fn list_body(self, body: fn() -> NamedSchema) -> Self {
        Self { body: Some(body), has_list: true, ..self }
    }

    pub(super) fn ok(self, meaning: &'static str, body: fn() -> NamedSchema) -> Self {
        Self { success: Answer::new(200, meaning, body), ..self }
    }

    /// Returns the endpoint of the row.
    pub(super) fn endpoint(self, require_requested_with: bool) -> Endpoint {
        let errors = [
            (400, "Something in the request has the wrong form; Message names it"),
            (401, "No credentials, or invalid ones"),
            (403, "The caller does not hold the permission"),
            (404, "No such object"),
            (409, "The name is taken, or the object is in use"),
            (413, "The body is larger than the settings allow"),
            (415, "The body is not sent as JSON, or has a content coding or a charset other than UTF-8"),
            (429, TOO_MANY),
            (500, "Unexpected error"),
            (503, "The service is busy or has no database; Retry-After is the time to wait"),
        ];
        let errors = errors.map(|(status, meaning)| Answer::new(status, meaning, schema::<ErrorReply>));
        let Self { versions, action, has_list, .. } = self;
        let context = RouteContext { versions, action, require_requested_with, has_list };
        let route = self.route;
        Endpoint {
            tag: "Keyfactor",
            summary: self.summary,
            bearer: true,
            basic: true,
            query: self.query,
            body: self.body.map(|schema| RequestBody { media_types: &["application/json"], schema }),
            answers: [self.success].into_iter().chain(errors).collect(),
            ..Endpoint::new(self.method, format!("{BASE}{}", self.path), move || route(context))
        }
    }
}
