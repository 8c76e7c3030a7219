//! The Keyfactor Command API: PAM providers, their types and local entries, security identities, roles.
//!
//! Paths are case-insensitive and lie below several base paths (`path`). A header selects the API version (`version`).
//! Member names are case-insensitive in requests and PascalCase in responses. The permission check comes before all
//! protocol checks.

mod authentication;
mod body;
mod call;
mod entry;
mod error;
mod error_message;
mod field;
mod filter;
mod headers;
mod identity;
mod pagination;
mod path;
mod permission_name;
mod permission_set;
mod provider;
mod provider_type;
mod query;
mod request_error;
mod response;
mod role;
mod role_assignment;
mod role_version_one;
mod routes;
mod security_claim;
mod status;
mod version;

use std::borrow::Cow;
use std::collections::HashMap;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

use super::endpoint::Endpoint;
use super::family::{Family, RouteFailure, Unserved};
use super::server;
use crate::config::KeyfactorSettings;
use crate::vault::VaultError;
use error::KeyfactorError;
use path::Spelling;
use version::Versions;

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-keyfactor-correlation-id");
const PRODUCT_VERSION: HeaderName = HeaderName::from_static("x-keyfactor-product-version");
const SUPPORTED_VERSIONS: HeaderName = HeaderName::from_static("api-supported-versions");

/// The Keyfactor family.
pub(super) struct Keyfactor {
    require_requested_with: bool,
    product_version: String,
    spelling: Spelling,
    /// The versions of each path.
    versions: HashMap<String, Versions>,
}

impl Keyfactor {
    pub(super) fn new(settings: &KeyfactorSettings) -> Self {
        let require_requested_with = settings.require_requested_with;
        let endpoints = routes::endpoints(require_requested_with);
        let mut versions: HashMap<String, Versions> = HashMap::new();
        for (of_method, endpoint) in endpoints {
            versions.entry(endpoint.path).and_modify(|known| *known = known.union(of_method)).or_insert(of_method);
        }
        let spelling = Spelling::new(&settings.base_paths, versions.keys().map(String::as_str));
        Self { require_requested_with, product_version: settings.product_version.clone(), spelling, versions }
    }
}

impl Family for Keyfactor {
    fn name(&self) -> &'static str {
        "keyfactor"
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints(self.require_requested_with).into_iter().map(|(_, endpoint)| endpoint).collect()
    }

    fn routed_path<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        self.spelling.normalized(sent).map(Cow::Owned)
    }

    fn decorate(&self, request: &HttpRequest, headers: &mut HeaderMap) {
        let id = Uuid::parse_str(&server::request_id(request)).unwrap_or_default();
        let versions = request.match_pattern().and_then(|path| self.versions.get(&path).copied());
        set(headers, CORRELATION_ID, &id.to_string());
        set(headers, SUPPORTED_VERSIONS, versions.unwrap_or(Versions::Both).as_str());
        set(headers, PRODUCT_VERSION, &self.product_version);
    }

    fn refuse(&self, request: HttpRequest, unserved: Unserved) -> LocalBoxFuture<'static, HttpResponse> {
        Box::pin(async move {
            let error = match record(&request, unserved).await {
                Ok(()) => KeyfactorError::Unserved(unserved),
                Err(failed) => failed.into(),
            };
            error.error_response()
        })
    }

    fn fail(&self, _request: &HttpRequest, failure: RouteFailure) -> HttpResponse {
        KeyfactorError::Failed(failure).error_response()
    }
}

/// Records an authenticated request that no endpoint serves.
async fn record(request: &HttpRequest, unserved: Unserved) -> Result<(), VaultError> {
    match authentication::authenticate(request).await {
        Ok((vault, request)) => server::record_refused_route(&vault, request, unserved).await,
        Err(_) => Ok(()),
    }
}

/// Sets a header, unless its value is empty or invalid.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// Parses a list filter and a query, for [`crate::fuzz`].
pub(super) fn fuzz_filter(text: &str) {
    let field = |name: &str| match name {
        "name" => Some(filter::Field::Text(drop)),
        "id" => Some(filter::Field::Number(drop)),
        _ => None,
    };
    let _ = filter::parse(text, field);
    let query = query::Query::new(text);
    let _ = query.require_valid().and_then(|()| query.number("PageReturned"));
}

#[cfg(test)]
mod tests;
