//! Challenges of responses 401 (`WWW-Authenticate`), each with a realm (RFC 7617, section 2; RFC 6750, section 3).
//!
//! Several challenges are sent as several header lines: clients split a line at its commas in different ways.

use actix_web::http::header::HeaderValue;

/// HTTP Basic. Usernames and passwords are read as UTF-8.
pub(crate) const BASIC: HeaderValue = HeaderValue::from_static(r#"Basic realm="chaveiro", charset="UTF-8""#);
/// A signature of OAuth 1.0 (RFC 5849, section 3.5.1).
pub(crate) const OAUTH: HeaderValue = HeaderValue::from_static(r#"OAuth realm="chaveiro""#);
/// A bearer token, for a request without one.
pub(crate) const BEARER: HeaderValue = HeaderValue::from_static(r#"Bearer realm="chaveiro""#);
/// A bearer token, for a request whose token is not valid.
pub(crate) const BEARER_INVALID_TOKEN: HeaderValue = HeaderValue::from_static(
    r#"Bearer realm="chaveiro", error="invalid_token", error_description="The access token is not valid""#,
);
/// A token with a DPoP proof (RFC 9449, section 7.1), for a request whose token or proof is not valid.
pub(crate) const DPOP_INVALID_TOKEN: HeaderValue = HeaderValue::from_static(
    r#"DPoP realm="chaveiro", error="invalid_token", algs="ES256 EdDSA ES384 PS256 RS256 PS384 RS384 PS512 RS512""#,
);
