//! Normalizes case and percent-encoding of Keyfactor paths before routing, to the spelling of the endpoint table.

use percent_encoding::percent_decode_str;

use crate::http::segments::segments;

/// The base path in the endpoint table.
pub(super) const BASE: &str = "/KeyfactorAPI";

/// The base paths and the words of the endpoint table.
pub(super) struct Spelling {
    base_paths: Vec<String>,
    words: Vec<String>,
}

impl Spelling {
    /// Creates the spelling of a table's paths. `base_paths` are accepted besides [`BASE`].
    pub(super) fn new<'a>(base_paths: &[String], paths: impl Iterator<Item = &'a str>) -> Self {
        let mut words: Vec<String> = paths.flat_map(segments).map(String::from).collect();
        words.retain(|word| !word.starts_with('{'));
        words.sort();
        words.dedup();
        Self { base_paths: base_paths.to_vec(), words }
    }

    /// Returns the path in the table's spelling; `None` outside of the base paths. Segments that are not in the table,
    /// such as ids, stay unchanged; empty ones are dropped.
    pub(super) fn normalized(&self, path: &str) -> Option<String> {
        let mut bases = std::iter::once(BASE).chain(self.base_paths.iter().map(String::as_str));
        let rest = bases.find_map(|base| below(path, base))?;
        let normalize = |segment| self.words.iter().find(|word| is_word(segment, word)).map_or(segment, String::as_str);
        Some(rest.fold(String::from(BASE), |path, segment| format!("{path}/{}", normalize(segment))))
    }
}

/// Returns the segments of a path after those of a base path, if it begins with them.
fn below<'a>(path: &'a str, base: &str) -> Option<impl Iterator<Item = &'a str>> {
    let mut rest = segments(path);
    segments(base).all(|word| rest.next().is_some_and(|segment| is_word(segment, word))).then_some(rest)
}

/// Whether a segment equals a word, ignoring ASCII case and percent-encoding.
fn is_word(segment: &str, word: &str) -> bool {
    percent_decode_str(segment)
        .map(|byte| byte.to_ascii_lowercase())
        .eq(word.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::family::is_below;

    fn normalized(path: &str) -> Option<String> {
        let paths = ["/KeyfactorAPI/PamProviders/Types/{id}", "/KeyfactorAPI/Security/Roles"];
        Spelling::new(&["/Keyfactor/API".into()], paths.into_iter()).normalized(path)
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
            assert_eq!(normalized(path).as_deref(), Some("/KeyfactorAPI/PamProviders/Types/5"), "{path}");
        }
        assert_eq!(normalized("/keyfactorapi").as_deref(), Some("/KeyfactorAPI"));
    }

    #[test]
    fn what_is_not_below_a_base_path_is_left_alone() {
        for path in ["/", "/iso/pam/device", "/KeyfactorAPIx/PamProviders", "/x/KeyfactorAPI", "/Keyfactor", "/ké"] {
            assert_eq!(normalized(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_word_of_the_table_stays_as_it_is() {
        assert_eq!(normalized("/KEYFACTORAPI/nonsense/AbC%20").as_deref(), Some("/KeyfactorAPI/nonsense/AbC%20"));
    }

    proptest! {
        #[test]
        fn a_normalized_path_is_its_own(path in "(/[a-zA-Z0-9%é]{0,12}){0,6}") {
            if let Some(once) = normalized(&path) {
                prop_assert!(is_below(&once, BASE));
                prop_assert_eq!(normalized(&once), Some(once));
            }
        }
    }
}
