//! Families: protocols served side by side, each with its own endpoints and form of errors.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;
use super::segments::without_empty_segments;
use crate::vault::access::authentication::AuthenticationFailure;

/// A protocol over HTTP.
pub trait Family: Send + Sync {
    /// Returns the name, which no other family has: in the audit log, and of the scope of its routes.
    fn name(&self) -> &'static str;

    /// Returns all endpoints, for registration and the OpenAPI description.
    fn endpoints(&self) -> Vec<Endpoint>;

    /// Returns the endpoints that are served while the vault is sealed, on paths of [`Family::endpoints`]. Their handlers get a
    /// `SealedService` in place of a `Service`. Every other request is answered by [`Family::fail`] then.
    fn sealed_endpoints(&self) -> Vec<Endpoint> {
        Vec::new()
    }

    /// Returns the path by which a request is routed, in the spelling of [`Family::endpoints`]; `None` for a path of another
    /// family. Returns a path that it has returned as it is.
    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>>;

    /// Adds headers to a response of this family, errors included.
    fn decorate(&self, _request: &HttpRequest, _headers: &mut HeaderMap) {}

    /// Responds to a request that no endpoint serves. Writes an audit record if the request is authenticated.
    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse>;

    /// Renders the response to a request that failed outside of its handler. Such a request is not authenticated here.
    fn fail(&self, request: &HttpRequest, failure: RouteFailure) -> HttpResponse;
}

/// The reason that no endpoint serves a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unserved {
    /// No endpoint has the path: 404.
    UnknownPath,
    /// The path has other methods: 405. The caller sets `Allow`.
    UnknownMethod,
}

impl Unserved {
    /// Returns the reason for the audit log; stable.
    pub fn reason(self) -> &'static str {
        match self {
            Unserved::UnknownPath => "no-such-route",
            Unserved::UnknownMethod => "no-such-method",
        }
    }
}

/// A failure of a request outside of its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFailure {
    /// The handler panicked: 500. The response contains nothing of the panic; the handler may have written an audit record.
    Panic,
    /// The handler did not respond by the deadline of the request: 503. What it began may take effect.
    Overdue,
    /// The vault is sealed: 503, before authentication.
    Sealed,
    /// A trusted proxy sends no readable source address: 400, before authentication.
    UnreadableSource,
    /// The target and the headers are too large: 431, before authentication.
    HeadTooLarge,
    /// Too many failed logins of the account, or from the network: 429.
    TooManyAttempts {
        /// How long to wait.
        seconds: u32,
    },
}

impl RouteFailure {
    /// Returns the failure of an authentication that every family tells apart: too many attempts.
    pub(crate) fn of_authentication(failure: AuthenticationFailure) -> Option<Self> {
        match failure {
            AuthenticationFailure::TooManyAttempts { seconds } => Some(Self::TooManyAttempts { seconds }),
            _ => None,
        }
    }
}

/// The served families. A path is that of the first one that routes it, or else of the last one.
#[derive(Clone)]
pub struct Families(Arc<[Arc<dyn Family>]>);

impl Families {
    /// Iterates over the families.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Family>> {
        self.0.iter()
    }

    /// Returns every endpoint of every family.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.iter().flat_map(|family| family.endpoints()).collect()
    }

    /// Returns the family that answers for a path, and the path by which it is routed; `None` only when there are no families.
    pub fn routed<'a>(&self, sent: &'a str) -> Option<(&Arc<dyn Family>, Cow<'a, str>)> {
        let routed = self.iter().find_map(|family| Some((family, family.routed_path(sent)?)));
        routed.or_else(|| Some((self.0.last()?, without_empty_segments(sent))))
    }

    /// Returns the family that answers for a path; `None` only when there are no families.
    pub fn owner(&self, path: &str) -> Option<&Arc<dyn Family>> {
        self.routed(path).map(|(family, _)| family)
    }
}

impl From<Vec<Arc<dyn Family>>> for Families {
    fn from(families: Vec<Arc<dyn Family>>) -> Self {
        Self(families.into())
    }
}

/// Returns the path without empty segments, if it is one of `bases` or lies below one.
pub(crate) fn routed_below<'a>(sent: &'a str, bases: &[&str]) -> Option<Cow<'a, str>> {
    let path = without_empty_segments(sent);
    bases.iter().any(|base| is_below(&path, base)).then_some(path)
}

/// Whether `path` is `base` or lies below it, segment by segment.
pub(crate) fn is_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_a_base_begins_with_whole_segments() {
        assert!(is_below("/oauth2", "/oauth2") && is_below("/oauth2/token", "/oauth2"));
        assert!(!is_below("/oauth2x", "/oauth2") && !is_below("/x/oauth2", "/oauth2"));
    }
}
