//! Paths of this family. The names of items stay as they were sent.

use crate::http::family::is_below;
use crate::http::segments::{with_name, without_empty_segments};

/// The base path.
pub(super) const BASE: &str = "/v1";

/// Returns the path by which a request is routed. Clients whose base URL ends in a slash send `/v1//auth/…`; below `data` and
/// `metadata`, an empty segment belongs to a name.
pub(super) fn routed(sent: &str, mount: &str) -> String {
    let routed = without_empty_segments(sent);
    for part in ["data", "metadata"] {
        let base = format!("{BASE}/{mount}/{part}");
        if is_below(&routed, &base) {
            return with_name(sent, base.matches('/').count());
        }
    }
    routed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_segments_are_dropped_except_in_names() {
        for (path, expected) in [
            ("/v1//auth/approle/login", "/v1/auth/approle/login"),
            ("//v1/secret//data/a", "/v1/secret/data/a"),
            ("/v1/secret/data/srv/corp//ana", "/v1/secret/data/srv/corp//ana"),
            ("/v1/secret/data/srv/ana/", "/v1/secret/data/srv/ana/"),
            ("/v1/secret/metadata/", "/v1/secret/metadata/"),
            ("/v1//secret/metadata//srv/", "/v1/secret/metadata//srv/"),
            ("/v1/sys/health/", "/v1/sys/health"),
        ] {
            assert_eq!(routed(path, "secret"), expected, "{path}");
        }
        assert_eq!(routed("/v1/data//data/a//b/", "data"), "/v1/data/data/a//b/");
    }
}
