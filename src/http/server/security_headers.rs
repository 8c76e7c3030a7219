//! Response headers for browsers: no sniffing, no scripts, no framing, no referrer.

use actix_web::HttpRequest;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a browser says that a page of another site made it send the request (Fetch Metadata). Other clients do not send the
/// header. To refuse such requests matters where a browser sends credentials by itself, or where its address is one.
pub(crate) fn is_cross_site(request: &HttpRequest) -> bool {
    let mut sites = request.headers().get_all(FETCH_SITE);
    sites.any(|site| site.as_bytes().trim_ascii().eq_ignore_ascii_case(b"cross-site"))
}

/// The policy of a response that is no page.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds the headers to a response. A page has a policy of its own, which is kept. Over TLS, `Strict-Transport-Security` for a
/// year is one of them.
pub(super) fn set_security_headers(request: &HttpRequest, headers: &mut HeaderMap) {
    let mut add = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    add(X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(CONTENT_SECURITY_POLICY, NOTHING);
    add(X_FRAME_OPTIONS, "DENY");
    add(REFERRER_POLICY, "no-referrer");
    if request.app_config().secure() {
        add(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
