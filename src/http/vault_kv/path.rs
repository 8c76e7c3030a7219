//! Drops empty segments of a path: clients whose base URL ends in a slash send `/v1//auth/…`.

use actix_web::dev::ServiceRequest;

use crate::http::family::is_below;
use crate::http::server::set_path;

/// The base path.
pub(super) const BASE: &str = "/v1";

/// Normalizes the path of a request below [`BASE`].
pub(super) fn normalize(request: &mut ServiceRequest) {
    if let Some(path) = without_empty_segments(request.path()) {
        set_path(request, path);
    }
}

/// Returns the path without empty segments; `None` if it has none or lies elsewhere.
fn without_empty_segments(path: &str) -> Option<String> {
    let collapsed: String =
        path.split('/').filter(|segment| !segment.is_empty()).map(|segment| format!("/{segment}")).collect();
    (path.contains("//") && is_below(&collapsed, BASE)).then_some(collapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_segments_are_dropped_below_the_base_alone() {
        assert_eq!(without_empty_segments("/v1//auth/approle/login").as_deref(), Some("/v1/auth/approle/login"));
        assert_eq!(without_empty_segments("//v1/secret//data/a").as_deref(), Some("/v1/secret/data/a"));
        for path in ["/v1/secret/data/a", "/iso//pam", "/v1x//a", "//"] {
            assert_eq!(without_empty_segments(path), None, "{path}");
        }
    }
}
