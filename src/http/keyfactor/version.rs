//! The version of the API that a request uses: a header, not a part of the path (contract, section 1.1).

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use super::request_error::RequestError;

const API_VERSION: HeaderName = HeaderName::from_static("x-keyfactor-api-version");

/// The version of the API that a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiVersion {
    /// Providers have areas; roles have permissions by name. The default.
    One,
    /// Providers have no areas; roles have access-control strings.
    Two,
}

/// The versions that an endpoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    One,
    Both,
}

impl Versions {
    /// Returns the value of the header `Api-Supported-Versions`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::One => "1.0",
            Self::Both => "1.0, 2",
        }
    }

    /// Returns the union of the versions.
    pub(super) fn union(self, other: Self) -> Self {
        if self == other { self } else { Self::Both }
    }

    /// Returns the version that a request uses; the first when it has no header.
    ///
    /// # Errors
    /// [`RequestError::ApiVersion`] when the endpoint does not have it.
    pub(super) fn requested(self, request: &HttpRequest) -> Result<ApiVersion, RequestError> {
        let header = request.headers().get(API_VERSION).map(|value| value.to_str().unwrap_or("?"));
        match (parse(header.unwrap_or("1")), self) {
            (Some(ApiVersion::Two), Self::One) | (None, _) => Err(RequestError::ApiVersion),
            (Some(version), _) => Ok(version),
        }
    }
}

fn parse(header: &str) -> Option<ApiVersion> {
    match header.trim() {
        "1" | "1.0" => Some(ApiVersion::One),
        "2" | "2.0" => Some(ApiVersion::Two),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_version_has_a_major_number_and_perhaps_a_zero() {
        assert_eq!((parse("1"), parse(" 1.0 ")), (Some(ApiVersion::One), Some(ApiVersion::One)));
        assert_eq!((parse("2"), parse("2.0")), (Some(ApiVersion::Two), Some(ApiVersion::Two)));
        for header in ["", "0", "3", "1.1", "2.00", "v1", "1,2", "?"] {
            assert_eq!(parse(header), None, "{header}");
        }
    }

    #[test]
    fn an_endpoint_has_the_first_version_or_both() {
        let request = |version| TestRequest::default().insert_header((API_VERSION, version)).to_http_request();
        for (versions, one, two) in [(Versions::One, true, false), (Versions::Both, true, true)] {
            let has = [versions.requested(&request("1")).is_ok(), versions.requested(&request("2")).is_ok()];
            assert_eq!(has, [one, two], "{versions:?}");
        }
        let silent = TestRequest::default().to_http_request();
        assert_eq!(Versions::Both.requested(&silent), Ok(ApiVersion::One));
    }
}
