//! Checks of request headers that keep browsers from sending requests of other sites with a user's credentials.

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use super::request_error::RequestError;

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-keyfactor-requested-with");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Rejects cross-site requests of browsers (Fetch Metadata). Other clients do not send the header.
///
/// # Errors
/// [`RequestError::CrossSite`].
pub(super) fn require_same_site(request: &HttpRequest) -> Result<(), RequestError> {
    let mut sites = request.headers().get_all(FETCH_SITE);
    let is_cross_site = sites.any(|site| site.as_bytes().trim_ascii().eq_ignore_ascii_case(b"cross-site"));
    if is_cross_site { Err(RequestError::CrossSite) } else { Ok(()) }
}

/// Requires the header of API clients, which a form of another site cannot send.
///
/// # Errors
/// [`RequestError::RequestedWithMissing`].
pub(super) fn require_requested_with(request: &HttpRequest) -> Result<(), RequestError> {
    let has = request.headers().contains_key(REQUESTED_WITH);
    if has { Ok(()) } else { Err(RequestError::RequestedWithMissing) }
}

/// Requires a JSON body without a content coding. The content types that a form of another site can send are not JSON.
///
/// # Errors
/// [`RequestError::MediaType`]; [`RequestError::ContentCoding`].
pub(super) fn require_json(request: &HttpRequest) -> Result<(), RequestError> {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // The published description lists these (contract, section 1.2).
    let is_json = ["application/json", "text/json"].contains(&essence.as_str())
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if !is_json {
        return Err(RequestError::MediaType);
    }
    let mut codings = request.headers().get_all(CONTENT_ENCODING);
    let is_plain = codings.all(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"));
    if is_plain { Ok(()) } else { Err(RequestError::ContentCoding) }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HttpRequest {
        TestRequest::default().insert_header((name, value)).to_http_request()
    }

    #[test]
    fn a_request_of_another_site_is_refused() {
        for site in ["cross-site", " Cross-Site "] {
            assert_eq!(require_same_site(&with(FETCH_SITE, site)), Err(RequestError::CrossSite), "{site}");
        }
        for site in ["same-origin", "same-site", "none"] {
            assert_eq!(require_same_site(&with(FETCH_SITE, site)), Ok(()), "{site}");
        }
        assert_eq!(require_same_site(&TestRequest::default().to_http_request()), Ok(()));
    }

    #[test]
    fn a_body_is_json_and_says_so() {
        for sent in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/json",
            "application/json-patch+json",
            "application/x+json ;a=b",
        ] {
            assert_eq!(require_json(&with(CONTENT_TYPE, sent)), Ok(()), "{sent}");
        }
        for sent in [
            "",
            "text/plain",
            "text/plain; application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=+json",
            "application/jsonp",
        ] {
            assert_eq!(require_json(&with(CONTENT_TYPE, sent)), Err(RequestError::MediaType), "{sent}");
        }
        assert_eq!(require_json(&TestRequest::default().to_http_request()), Err(RequestError::MediaType));
    }

    #[test]
    fn a_body_has_no_content_coding() {
        let with = |coding| {
            let request = TestRequest::default().insert_header((CONTENT_TYPE, "application/json"));
            require_json(&request.insert_header((CONTENT_ENCODING, coding)).to_http_request())
        };
        assert_eq!(with("identity"), Ok(()));
        for coding in ["gzip", "identity, gzip", "br"] {
            assert_eq!(with(coding), Err(RequestError::ContentCoding), "{coding}");
        }
    }
}
