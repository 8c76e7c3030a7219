//! The one table of what is served. Registration and the OpenAPI description are both made from it, so that neither
//! can know a route that the other does not.

mod keyfactor;
mod oauth;
mod ops;
mod pam;
mod robot;
mod session;

use actix_web::http::Method;
use actix_web::{Route, web};

use super::described::Described;
use super::fallback;

/// One method on one path.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, as actix and OpenAPI write it.
    pub path: String,
    /// The family, for the reader of the description.
    pub tag: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Whether it wants a bearer token.
    pub bearer: bool,
    /// Whether a name and a password are as good.
    pub basic: bool,
    /// What may be sent in the query: names and meanings.
    pub query: &'static [(&'static str, &'static str)],
    /// Headers that it acts on, beside those that all do: names and meanings.
    pub headers: &'static [(&'static str, &'static str)],
    /// What may be sent in the body.
    pub body: Option<fn() -> Described>,
    /// What may be answered.
    pub answers: Vec<Answer>,
    route: fn() -> Route,
}

/// A documented answer.
#[derive(Clone, Copy)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// When it comes.
    pub meaning: &'static str,
    /// What it holds.
    pub body: Option<fn() -> Described>,
}

impl Endpoint {
    /// A name for generated clients: method and path.
    pub fn operation_id(&self) -> String {
        let path = self.path.replace(['{', '}', '.'], "").replace(['/', '-'], "_");
        format!("{}{path}", self.method.as_str().to_lowercase())
    }
}

/// A row of the table before its prefixes: method, paths, summary, query, body, success, handler.
struct Row {
    method: Method,
    paths: &'static [&'static str],
    summary: &'static str,
    query: &'static [(&'static str, &'static str)],
    body: Option<fn() -> Described>,
    success: Answer,
    route: fn() -> Route,
}

/// Every endpoint.
pub fn all() -> Vec<Endpoint> {
    let families =
        [oauth::endpoints(), pam::endpoints(), session::endpoints(), keyfactor::endpoints(), ops::endpoints()];
    families.into_iter().flatten().collect()
}

/// Registers every endpoint, one resource for each path, which answers other methods with 405.
///
/// A path that a key would fit too (`…/credential/batch`) comes before the one with the key, and answers the methods of
/// that as well: an item of that name can still be read.
pub(super) fn register(config: &mut web::ServiceConfig) {
    let endpoints = all();
    let mut paths: Vec<&str> = Vec::new();
    for endpoint in &endpoints {
        if !paths.contains(&endpoint.path.as_str()) {
            paths.push(&endpoint.path);
        }
    }
    let keyed = |path: &str| paths.iter().copied().find(|other| name_in(path, other).is_some());
    let (names, others): (Vec<&str>, Vec<&str>) = paths.iter().partition(|path| keyed(path).is_some());
    for path in names.into_iter().chain(others) {
        let keyed = keyed(path);
        let pattern = match keyed.and_then(|template| name_in(path, template).map(|name| (template, name))) {
            Some((template, name)) => template.replace("{key}", &format!("{{key:{name}}}")),
            None => path.to_string(),
        };
        let mut resource = web::resource(pattern);
        let mut allowed = Vec::new();
        for endpoint in endpoints.iter().filter(|one| one.path == path || Some(one.path.as_str()) == keyed) {
            allowed.push(endpoint.method.as_str());
            resource = resource.route((endpoint.route)().method(endpoint.method.clone()));
        }
        config.service(resource.default_service(fallback::wrong_method(allowed.join(", "))));
    }
}

/// The name that stands in `path` where `template` has its key.
fn name_in<'a>(path: &'a str, template: &str) -> Option<&'a str> {
    let name = path.strip_prefix(template.strip_suffix("{key}")?)?;
    (!name.is_empty() && !name.contains(['/', '{'])).then_some(name)
}

const fn ok(meaning: &'static str, body: fn() -> Described) -> Answer {
    Answer { status: 200, meaning, body: Some(body) }
}

const fn created(meaning: &'static str, body: fn() -> Described) -> Answer {
    Answer { status: 201, meaning, body: Some(body) }
}

/// Endpoints without a bearer token, each on its paths as they stand.
fn plain(tag: &'static str, rows: &[Row], answers: impl Fn(&Row) -> Vec<Answer>) -> Vec<Endpoint> {
    let endpoint = |path: &&str, row: &Row| Endpoint {
        method: row.method.clone(),
        path: (*path).to_string(),
        tag,
        summary: row.summary,
        bearer: false,
        query: row.query,
        headers: &[],
        basic: false,
        body: row.body,
        answers: answers(row),
        route: row.route,
    };
    rows.iter().flat_map(|row| row.paths.iter().map(|path| endpoint(path, row)).collect::<Vec<_>>()).collect()
}
