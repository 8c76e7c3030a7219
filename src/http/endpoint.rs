//! Endpoints: one method on one path, with all that registration and the OpenAPI description need to know.

use actix_web::Route;
use actix_web::http::Method;

use super::schema::NamedSchema;

/// One method on one path.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, as actix and OpenAPI write it.
    pub path: String,
    /// The group in the OpenAPI description.
    pub tag: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Whether it requires a bearer token.
    pub bearer: bool,
    /// Whether it accepts HTTP Basic in place of a bearer token.
    pub basic: bool,
    /// Query parameters: names and meanings.
    pub query: &'static [(&'static str, &'static str)],
    /// Headers that it acts on, beside those that all endpoints act on: names and meanings.
    pub headers: &'static [(&'static str, &'static str)],
    /// The request body.
    pub body: Option<RequestBody>,
    /// The possible answers.
    pub answers: Vec<Answer>,
    pub(crate) route: Box<dyn Fn() -> Route>,
}

/// A documented request body.
#[derive(Clone, Copy)]
pub struct RequestBody {
    /// The media types in which it may be sent.
    pub media_types: &'static [&'static str],
    /// Its schema.
    pub schema: fn() -> NamedSchema,
}

/// A documented answer.
#[derive(Clone, Copy)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// When it is given.
    pub meaning: &'static str,
    /// Its body.
    pub body: Option<fn() -> NamedSchema>,
}

impl Endpoint {
    /// Creates an endpoint without description. `route` makes the actix route that handles it; its method is set at
    /// registration.
    pub fn new(method: Method, path: String, route: impl Fn() -> Route + 'static) -> Self {
        Self {
            method,
            path,
            tag: "",
            summary: "",
            bearer: false,
            basic: false,
            query: &[],
            headers: &[],
            body: None,
            answers: Vec::new(),
            route: Box::new(route),
        }
    }

    /// Returns the operation id for generated clients: method and path.
    pub fn operation_id(&self) -> String {
        let path = self.path.replace(['{', '}', '.'], "").replace(['/', '-'], "_");
        format!("{}{path}", self.method.as_str().to_lowercase())
    }

    /// Makes the actix route, guarded by the method.
    pub(crate) fn route(&self) -> Route {
        (self.route)().method(self.method.clone())
    }
}

impl Answer {
    /// An answer with a body.
    pub(crate) const fn new(status: u16, meaning: &'static str, body: fn() -> NamedSchema) -> Self {
        Self { status, meaning, body: Some(body) }
    }

    /// An answer without a body, or with one that is not JSON.
    pub(crate) const fn empty(status: u16, meaning: &'static str) -> Self {
        Self { status, meaning, body: None }
    }
}
