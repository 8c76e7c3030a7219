//! Paths in whatever case, and with whatever escapes, they come. The table of routes knows one spelling of each path; what a client writes is
//! brought to it before the request is routed, so that everything after that sees the one spelling.

use std::sync::LazyLock;

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

use crate::http::routes;

/// The base path in the table of routes.
pub(in crate::http) const BASE: &str = "/KeyfactorAPI";

/// The words of the paths in the table.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let all = routes::all();
    let paths = all.iter().filter(|endpoint| serves(&endpoint.path));
    let mut words: Vec<String> = paths.flat_map(|endpoint| endpoint.path.split('/')).map(String::from).collect();
    words.retain(|word| !word.is_empty() && !word.starts_with('{'));
    words.sort();
    words.dedup();
    words
});

/// Whether a path, in the spelling of the table, belongs to these families.
pub(in crate::http) fn serves(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Brings the path of a request under one of the base paths to the spelling of the table.
pub(super) fn spell(request: &mut ServiceRequest, base_paths: &[String]) {
    let Some(path) = spelling(request.path(), base_paths, &WORDS) else { return };
    let mut parts = request.uri().clone().into_parts();
    let query = parts.path_and_query.as_ref().and_then(PathAndQuery::query);
    let spelled = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    parts.path_and_query = PathAndQuery::try_from(spelled).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// The path as the table has it, if it lies under a base path. Segments that are no word of the table, numbers and
/// GUIDs, stay as they are; empty ones go, as they do when the request is routed.
fn spelling(path: &str, base_paths: &[String], words: &[String]) -> Option<String> {
    let path = segments(path);
    let below = |base: &str| {
        let base = segments(base);
        let (start, rest) = path.split_at_checked(base.len())?;
        start.iter().zip(base).all(|(segment, word)| is_word(segment, word)).then_some(rest)
    };
    let rest = std::iter::once(BASE).chain(base_paths.iter().map(String::as_str)).find_map(below)?;
    let spelled = |segment: &str| {
        let known = words.iter().find(|word| is_word(segment, word));
        known.cloned().unwrap_or_else(|| segment.into())
    };
    Some(rest.iter().fold(String::from(BASE), |path, segment| format!("{path}/{}", spelled(segment))))
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// Whether a segment is that word, in any case and with any of its letters escaped.
fn is_word(segment: &str, word: &str) -> bool {
    percent_decode_str(segment)
        .map(|byte| byte.to_ascii_lowercase())
        .eq(word.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spelled(path: &str) -> Option<String> {
        spelling(path, &["/Keyfactor/API".into()], &WORDS)
    }

    #[test]
    fn every_base_path_in_any_case_is_the_one_of_the_table() {
        for path in [
            "/KeyfactorAPI/PamProviders/Types/5",
            "/keyfactorapi/pamproviders/types/5",
            "/KeyfactorApi/PAMPROVIDERS/types/5",
            "/keyfactor/api/PamProviders/Types/5",
            "/%4BeyfactorAPI/%50am%70roviders/Types/5",
            "//Keyfactor//API/PamProviders//Types/5/",
        ] {
            assert_eq!(spelled(path).as_deref(), Some("/KeyfactorAPI/PamProviders/Types/5"), "{path}");
        }
        assert_eq!(spelled("/keyfactorapi").as_deref(), Some("/KeyfactorAPI"));
    }

    #[test]
    fn what_is_not_below_a_base_path_is_left_alone() {
        for path in ["/", "/iso/pam/device", "/KeyfactorAPIx/PamProviders", "/x/KeyfactorAPI", "/Keyfactor", "/ké"] {
            assert_eq!(spelled(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_word_of_the_table_stays_as_it_is() {
        assert_eq!(spelled("/KEYFACTORAPI/nonsense/AbC%20").as_deref(), Some("/KeyfactorAPI/nonsense/AbC%20"));
    }

    proptest! {
        #[test]
        fn a_spelling_is_its_own_spelling(path in "(/[a-zA-Z0-9%é]{0,12}){0,6}") {
            if let Some(once) = spelled(&path) {
                prop_assert!(serves(&once));
                prop_assert_eq!(spelled(&once), Some(once));
            }
        }
    }
}
