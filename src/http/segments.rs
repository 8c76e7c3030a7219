//! Segments of paths, without the empty ones that clients send whose base URL ends in a slash.

use std::borrow::Cow;

/// Returns the segments of a path that are not empty.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Returns the path without empty segments, and so without a slash at its end.
pub(crate) fn without_empty_segments(path: &str) -> Cow<'_, str> {
    let kept = with_name(path, usize::MAX);
    if kept.is_empty() { "/".into() } else { kept }
}

/// Returns the path without empty segments among its first `fixed` ones. What follows is a name, and stays as it was sent.
pub(crate) fn with_name(path: &str, fixed: usize) -> Cow<'_, str> {
    // Nearly every path.
    if path.starts_with('/') && !path.ends_with('/') && !path.contains("//") {
        return path.into();
    }
    let mut segments = path.split('/');
    let first: String = segments
        .by_ref()
        .filter(|segment| !segment.is_empty())
        .take(fixed)
        .map(|segment| format!("/{segment}"))
        .collect();
    segments.fold(first, |kept, segment| format!("{kept}/{segment}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_segments_are_dropped() {
        for (path, expected) in [
            ("/v1//auth/approle/login", "/v1/auth/approle/login"),
            ("//iso/pam/", "/iso/pam"),
            ("/a/b", "/a/b"),
            ("/", "/"),
            ("//", "/"),
        ] {
            assert_eq!(without_empty_segments(path), expected, "{path}");
        }
    }

    #[test]
    fn a_name_at_the_end_of_a_path_stays_as_it_was_sent() {
        for (path, expected) in [
            ("/v1/secret/data/srv/corp//ana/", "/v1/secret/data/srv/corp//ana/"),
            ("//v1//secret/data//erp", "/v1/secret/data//erp"),
            ("/v1//secret//data", "/v1/secret/data"),
            ("/v1/secret/data/", "/v1/secret/data/"),
        ] {
            assert_eq!(with_name(path, 3), expected, "{path}");
        }
    }
}
