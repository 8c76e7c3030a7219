//! Checks of request headers that keep browsers from sending requests of other sites with a user's credentials.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use super::request_error::RequestError;
use crate::http::server::{MediaType, is_cross_site};

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-keyfactor-requested-with");

/// Rejects cross-site requests of browsers (Fetch Metadata). Other clients do not send the header.
///
/// # Errors
/// [`RequestError::CrossSite`].
pub(super) fn require_same_site(request: &HttpRequest) -> Result<(), RequestError> {
    if is_cross_site(request) { Err(RequestError::CrossSite) } else { Ok(()) }
}

/// Requires the header of API clients, which a form of another site cannot send.
///
/// # Errors
/// [`RequestError::RequestedWithMissing`].
pub(super) fn require_requested_with(request: &HttpRequest) -> Result<(), RequestError> {
    let has = request.headers().contains_key(REQUESTED_WITH);
    if has { Ok(()) } else { Err(RequestError::RequestedWithMissing) }
}

/// Requires a JSON body. The content types that a form of another site can send are not JSON.
///
/// # Errors
/// [`RequestError::MediaType`].
pub(super) fn require_json(request: &HttpRequest) -> Result<(), RequestError> {
    match MediaType::from_request(request) {
        MediaType::Json => Ok(()),
        other @ (MediaType::Form | MediaType::Multipart | MediaType::OtherMultipart | MediaType::Other) => {
            Err(RequestError::MediaType(other))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::CONTENT_TYPE;
    use actix_web::test::TestRequest;

    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HttpRequest {
        TestRequest::default().insert_header((name, value)).to_http_request()
    }

    #[test]
    fn a_request_of_another_site_is_refused() {
        for site in ["cross-site", " Cross-Site "] {
            assert_eq!(
                require_same_site(&with(HeaderName::from_static("sec-fetch-site"), site)),
                Err(RequestError::CrossSite),
                "{site}"
            );
        }
        for site in ["same-origin", "same-site", "none"] {
            assert_eq!(require_same_site(&with(HeaderName::from_static("sec-fetch-site"), site)), Ok(()), "{site}");
        }
        assert_eq!(require_same_site(&TestRequest::default().to_http_request()), Ok(()));
    }

    #[test]
    fn a_body_is_json_and_says_so() {
        // The published description lists these (contract, section 1.2).
        for sent in ["application/json", "text/json", "application/json-patch+json", "application/x+json; a=b"] {
            assert_eq!(require_json(&with(CONTENT_TYPE, sent)), Ok(()), "{sent}");
        }
        for (sent, media_type) in [
            ("", MediaType::Other),
            ("text/plain; application/json", MediaType::Other),
            ("application/x-www-form-urlencoded", MediaType::Form),
            ("multipart/form-data; boundary=+json", MediaType::Multipart),
        ] {
            assert_eq!(require_json(&with(CONTENT_TYPE, sent)), Err(RequestError::MediaType(media_type)), "{sent}");
        }
    }
}
