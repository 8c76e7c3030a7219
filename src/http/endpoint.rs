//! Endpoints: a method on a path, with what registration and the OpenAPI description need.

use actix_web::Route;
use actix_web::http::Method;

use super::schema::NamedSchema;

/// What 429 means in the description of an endpoint that authenticates.
pub(crate) const TOO_MANY: &str = "Too many failed authentications; Retry-After is the time to wait";

/// The header of an endpoint that supports idempotency keys, for its description.
pub(crate) const IDEMPOTENCY_KEY: (&str, &str) = (
    "Idempotency-Key",
    "A name for this request, 1 to 255 visible ASCII characters; sent again under it, the request is answered as the \
     first time and does nothing",
);

/// A method on a path.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, as actix and OpenAPI write it.
    pub path: String,
    /// The group in the OpenAPI description.
    pub tag: &'static str,
    /// A summary in one line.
    pub summary: &'static str,
    /// Whether it requires a bearer token.
    pub bearer: bool,
    /// Whether it accepts HTTP Basic: in place of a bearer token or, if it needs none, of credentials in the body.
    pub basic: bool,
    /// Whether it accepts a signature of OAuth 1.0 in place of a bearer token.
    pub oauth1: bool,
    /// Whether HEAD is answered as GET without the body. Not for a read that has an effect or returns a secret.
    pub head: bool,
    /// Whether the header `Accept-Encryption` selects how secrets in its answers are encrypted.
    pub accept_encryption: bool,
    /// Query parameters: names and descriptions.
    pub query: &'static [(&'static str, &'static str)],
    /// Headers of this endpoint, beyond those of all endpoints: names and descriptions.
    pub headers: &'static [(&'static str, &'static str)],
    /// The request body.
    pub body: Option<RequestBody>,
    /// The documented answers. Several of one status are one response in the description, with the schema of the first.
    pub answers: Vec<Answer>,
    pub(crate) route: Box<dyn Fn() -> Route>,
}

/// A documented request body.
#[derive(Clone, Copy)]
pub struct RequestBody {
    /// The accepted media types.
    pub media_types: &'static [&'static str],
    /// The schema.
    pub schema: fn() -> NamedSchema,
}

/// A documented answer.
#[derive(Clone, Copy)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The condition of this answer.
    pub meaning: &'static str,
    /// The schema of the body.
    pub body: Option<fn() -> NamedSchema>,
}

impl Endpoint {
    /// Creates an endpoint without description. `route` creates the actix route that handles it; registration sets
    /// the method.
    pub fn new(method: Method, path: String, route: impl Fn() -> Route + 'static) -> Self {
        Self {
            method,
            path,
            tag: "",
            summary: "",
            bearer: false,
            basic: false,
            oauth1: false,
            head: false,
            accept_encryption: false,
            query: &[],
            headers: &[],
            body: None,
            answers: Vec::new(),
            route: Box::new(route),
        }
    }

    /// Returns the operation id for generated clients: method and path.
    pub fn operation_id(&self) -> String {
        let path = self.path.replace(['{', '}', '.', ':', '*'], "").replace(['/', '-'], "_");
        format!("{}{path}", self.method.as_str().to_lowercase())
    }

    /// Returns the methods that it serves.
    pub fn methods(&self) -> Vec<Method> {
        let head = self.head.then_some(Method::HEAD);
        [self.method.clone()].into_iter().chain(head).collect()
    }

    /// Creates the actix route of a method, guarded by it.
    pub(crate) fn route(&self, method: Method) -> Route {
        (self.route)().method(method)
    }
}

impl Answer {
    /// Creates an answer with a JSON body.
    pub(crate) const fn new(status: u16, meaning: &'static str, body: fn() -> NamedSchema) -> Self {
        Self { status, meaning, body: Some(body) }
    }

    /// Creates an answer without a JSON body.
    pub(crate) const fn empty(status: u16, meaning: &'static str) -> Self {
        Self { status, meaning, body: None }
    }
}
