//! The version of the API that a request speaks: a header, not a part of the path (contract, section 1.1).

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use super::path::BASE;
use crate::vault::keyfactor::{ApiVersion, KeyfactorError};

pub(super) const API_VERSION: HeaderName = HeaderName::from_static("x-keyfactor-api-version");

const BOTH: &str = "1.0, 2";
const FIRST: &str = "1.0";
const SECOND: &str = "2";

/// The versions that a path speaks, as the header `Api-Supported-Versions` says them.
pub(super) fn supported(path: &str) -> &'static str {
    let first_alone = ["/Security/Identities", "/PermissionSets", "/PamProviders/Local"];
    let below = path.strip_prefix(BASE).unwrap_or_default();
    match below {
        _ if first_alone.iter().any(|start| below.starts_with(start)) => FIRST,
        _ if below.starts_with("/Security/Roles") => SECOND,
        _ => BOTH,
    }
}

/// The version that a request speaks; the first when it says nothing.
pub(super) fn of(request: &HttpRequest) -> Result<ApiVersion, KeyfactorError> {
    let said = request.headers().get(API_VERSION).map(|value| value.to_str().unwrap_or("?"));
    match (parse(said.unwrap_or("1")), supported(request.path())) {
        (Some(ApiVersion::Two), FIRST) | (Some(ApiVersion::One), SECOND) | (None, _) => Err(KeyfactorError::ApiVersion),
        (Some(version), _) => Ok(version),
    }
}

fn parse(said: &str) -> Option<ApiVersion> {
    match said.trim() {
        "1" | "1.0" => Some(ApiVersion::One),
        "2" | "2.0" => Some(ApiVersion::Two),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_major_number_and_perhaps_a_zero() {
        assert_eq!((parse("1"), parse(" 1.0 ")), (Some(ApiVersion::One), Some(ApiVersion::One)));
        assert_eq!((parse("2"), parse("2.0")), (Some(ApiVersion::Two), Some(ApiVersion::Two)));
        for said in ["", "0", "3", "1.1", "2.00", "v1", "1,2", "?"] {
            assert_eq!(parse(said), None, "{said}");
        }
    }

    #[test]
    fn some_paths_speak_the_first_alone() {
        assert_eq!(supported("/KeyfactorAPI/Security/Identities/Lookup"), FIRST);
        assert_eq!(supported("/KeyfactorAPI/PermissionSets"), FIRST);
        assert_eq!(supported("/KeyfactorAPI/PamProviders/Local/1/Entries"), FIRST);
        assert_eq!(supported("/KeyfactorAPI/PamProviders/1"), BOTH);
        assert_eq!(supported("/KeyfactorAPI/Security/Roles/1"), SECOND);
    }
}
