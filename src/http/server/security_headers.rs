//! Response headers for browsers: no sniffing, no scripts, no framing.

use actix_web::HttpRequest;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// Sets the headers of an API response. Over TLS, `Strict-Transport-Security` for a year is one of them.
pub(crate) fn set_security_headers(request: &HttpRequest, headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if request.app_config().secure() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use actix_web::dev::AppConfig;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn an_answer_is_neither_sniffed_nor_framed() {
        let request = TestRequest::default().to_http_request();
        let mut headers = HeaderMap::new();
        set_security_headers(&request, &mut headers);
        assert_eq!(headers.get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
        assert_eq!(headers.get(X_FRAME_OPTIONS).unwrap(), "DENY");
        assert_eq!(headers.get(REFERRER_POLICY).unwrap(), "no-referrer");
        assert!(headers.contains_key(CONTENT_SECURITY_POLICY));
        assert_eq!(headers.contains_key(STRICT_TRANSPORT_SECURITY), AppConfig::default().secure());
    }
}
