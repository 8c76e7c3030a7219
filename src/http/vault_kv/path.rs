//! Paths of this family. The names of items stay as they were sent.

use std::borrow::Cow;

use crate::http::family::{is_below, routed_below};
use crate::http::segments::with_name;

/// The base path.
pub(super) const BASE: &str = "/v1";

/// Returns the path by which a request is routed; `None` outside of the base path. Clients whose base URL ends in a slash send
/// `/v1//auth/…`; below `data` and `metadata`, an empty segment belongs to a name.
pub(super) fn routed<'a>(sent: &'a str, mount: &str) -> Option<Cow<'a, str>> {
    let routed = routed_below(sent, &[BASE])?;
    for part in ["data", "metadata"] {
        let base = format!("{BASE}/{mount}/{part}");
        if is_below(&routed, &base) {
            return Some(with_name(sent, base.matches('/').count()));
        }
    }
    Some(routed)
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
            assert_eq!(routed(path, "secret").as_deref(), Some(expected), "{path}");
        }
        assert_eq!(routed("/v1/data//data/a//b/", "data").as_deref(), Some("/v1/data/data/a//b/"));
        assert_eq!(routed("/v10/secret/data/a", "secret"), None);
    }
}
