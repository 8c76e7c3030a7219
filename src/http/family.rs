//! Families: protocols served side by side, each with its own endpoints and form of errors.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;

use super::endpoint::Endpoint;

/// A protocol over HTTP.
pub trait Family: Send + Sync {
    /// Returns the name, for logs and tests.
    fn name(&self) -> &'static str;

    /// Returns all endpoints, for registration and the OpenAPI description.
    fn endpoints(&self) -> Vec<Endpoint>;

    /// Whether the family answers an unknown path.
    fn owns(&self, path: &str) -> bool;

    /// Rewrites a request before routing. Every family sees every request, and must not change the requests of
    /// others.
    fn prepare(&self, _request: &mut ServiceRequest) {}

    /// Adds headers to a response of this family, errors included.
    fn decorate(&self, _request: &HttpRequest, _headers: &mut HeaderMap) {}

    /// Renders the response to a request without a handler, or whose handler panicked. Writes an audit record for an
    /// authenticated request to an unknown path or method.
    fn refuse(&self, request: HttpRequest, failure: RouteFailure) -> LocalBoxFuture<'static, HttpResponse>;
}

/// The reason that no handler has responded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFailure {
    /// No endpoint has the path: 404.
    UnknownPath,
    /// The path has other methods: 405. The caller sets `Allow`.
    UnknownMethod,
    /// The handler panicked: 500. The response contains nothing of the panic.
    Panic,
    /// A trusted proxy sends no readable source address: 400, before authentication.
    UnreadableSource,
}

impl RouteFailure {
    /// Returns the reason for the audit log; stable.
    pub fn reason(self) -> &'static str {
        match self {
            RouteFailure::UnknownPath => "no-such-route",
            RouteFailure::UnknownMethod => "no-such-method",
            RouteFailure::Panic => "panic",
            RouteFailure::UnreadableSource => "source-unreadable",
        }
    }

    /// Whether an authenticated request that failed so has an audit record. A handler that panicked may have written its
    /// own, and a request without a source is not authenticated.
    pub(crate) fn is_recorded(self) -> bool {
        match self {
            RouteFailure::UnknownPath | RouteFailure::UnknownMethod => true,
            RouteFailure::Panic | RouteFailure::UnreadableSource => false,
        }
    }
}

/// The served families. The last one responds to paths that no family owns.
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

    /// Returns the family that answers for a path; `None` only when there are no families.
    pub fn owner(&self, path: &str) -> Option<&Arc<dyn Family>> {
        self.iter().find(|family| family.owns(path)).or_else(|| self.0.last())
    }
}

impl From<Vec<Arc<dyn Family>>> for Families {
    fn from(families: Vec<Arc<dyn Family>>) -> Self {
        Self(families.into())
    }
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
