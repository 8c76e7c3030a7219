//! Normalizes the case of paths: the clients write both `application` and `Application`.

use crate::http::family::is_below;
use crate::http::segments::without_empty_segments;

/// The base paths, in lower case.
const BASES: [&str; 3] = ["/iso/dapp", "/iso/sctm", "/iso/cicd"];

/// Returns the path in lower case and without empty segments; `None` outside of the base paths.
pub(super) fn normalized(path: &str) -> Option<String> {
    let lower = without_empty_segments(path).to_ascii_lowercase();
    BASES.iter().any(|base| is_below(&lower, base)).then_some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_a_path_does_not_matter_below_the_bases_alone() {
        for path in ["/iso/dapp/application", "/iso/dapp/Application", "/ISO//DAPP/APPLICATION/"] {
            assert_eq!(normalized(path).as_deref(), Some("/iso/dapp/application"), "{path}");
        }
        for path in ["/iso/pam/device", "/iso/dappx/application", "/iso", "/api/dapp/application", "/"] {
            assert_eq!(normalized(path), None, "{path}");
        }
    }
}
