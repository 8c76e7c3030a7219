//! Rewriting the path of a request before routing.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;

/// Replaces the path of a request, and keeps its query.
pub(super) fn set_path(request: &mut ServiceRequest, path: String) {
    let mut parts = request.uri().clone().into_parts();
    let replaced = match parts.path_and_query.as_ref().and_then(PathAndQuery::query) {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    parts.path_and_query = PathAndQuery::try_from(replaced).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}
