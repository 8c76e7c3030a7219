//! The URL of a request as its client wrote it, for signatures over it (RFC 5849, section 3.4.1.2).
//!
//! There are two: below the URL of the vault in the settings, which a reverse proxy may serve, and by the host of the request.
//! A wrong one verifies no signature, so a header that a client forged gains nothing.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use url::Url;

use super::forwarded::{self, trimmed};
use super::service::Service;
use super::source;
use crate::config::ForwardedHeader;

/// The path of a request before any rewriting. Kept only for requests that sign it.
struct OriginalPath(String);

/// Keeps the path of a request that signs it: one with a signature, or with a proof of possession.
pub(super) fn keep_original_path(request: &ServiceRequest) {
    let headers = request.headers();
    let is_signed = headers.get(AUTHORIZATION).is_some_and(|value| {
        value.as_bytes().trim_ascii_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"oauth"))
    });
    if is_signed || headers.contains_key("dpop") {
        request.extensions_mut().insert(OriginalPath(request.path().into()));
    }
}

/// Returns the path of a request before any rewriting.
pub(super) fn original_path(request: &HttpRequest) -> String {
    let kept = request.extensions().get::<OriginalPath>().map(|OriginalPath(path)| path.clone());
    kept.unwrap_or_else(|| request.path().into())
}

/// Returns the base string URIs of a request.
pub(crate) fn base_uris(request: &HttpRequest, service: &Service) -> Vec<String> {
    let path = original_path(request);
    let settings = service.vault.settings();
    let forwarded = |name| {
        let header = settings.http.forwarded_header;
        source::is_trusted_proxy(request, service).then(|| forwarded_value(request, header, name)).flatten()
    };
    let scheme = forwarded("proto").map(|scheme| scheme.to_ascii_lowercase());
    let scheme = scheme.unwrap_or_else(|| settings.tls.scheme().into());
    let host = forwarded("host").or_else(|| Some(request.headers().get(HOST)?.to_str().ok()?.into()));
    let called = host.map(|host: String| authority(&scheme, &host));
    let mut bases: Vec<String> = issuer(&settings.tokens.issuer).into_iter().chain(called).collect();
    bases.dedup();
    bases.into_iter().map(|base| format!("{base}{path}")).collect()
}

/// Returns what a trusted proxy says of the request that it received, in the header of the settings: `proto` or `host`.
fn forwarded_value(request: &HttpRequest, header: ForwardedHeader, name: &str) -> Option<String> {
    let field = match header {
        ForwardedHeader::XForwardedFor => format!("x-forwarded-{name}"),
        ForwardedHeader::Forwarded => header.as_str().to_string(),
    };
    let lines = request.headers().get_all(field.as_str());
    let lines: Vec<&str> = lines.map(HeaderValue::to_str).collect::<Result<_, _>>().ok()?;
    let list = lines.join(",");
    let mut elements = list.rsplit(',').map(trimmed);
    match header {
        ForwardedHeader::XForwardedFor => elements.next().filter(|value| !value.is_empty()).map(String::from),
        ForwardedHeader::Forwarded => {
            elements.find_map(|element| forwarded::parameter(element, name)).map(String::from)
        }
    }
}

/// Returns scheme and host in lower case, and the port unless it is that of the scheme.
fn authority(scheme: &str, host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    let default = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", host.strip_suffix(default).unwrap_or(&host))
}

/// Returns the URL of the vault without a slash at its end.
fn issuer(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let port = parsed.port().map_or_else(String::new, |port| format!(":{port}"));
    let path = parsed.path().trim_end_matches('/');
    Some(format!("{}://{}{port}{path}", parsed.scheme(), parsed.host_str()?))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_host_is_written_in_lower_case_without_the_port_of_its_scheme() {
        for (scheme, host, expected) in [
            ("http", "EXAMPLE.COM:80", "http://example.com"),
            ("https", "Example.com:443", "https://example.com"),
            ("https", "example.com:80", "https://example.com:80"),
            ("http", "example.com:443", "http://example.com:443"),
            ("https", "[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(authority(scheme, host), expected);
        }
    }

    #[test]
    fn the_url_of_the_vault_may_have_a_path() {
        for (url, expected) in [
            ("https://Vault.Example:443/", "https://vault.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://example.com/vault/", "https://example.com/vault"),
        ] {
            assert_eq!(issuer(url).as_deref(), Some(expected));
        }
        assert_eq!(issuer("no url"), None);
    }

    #[test]
    fn a_proxy_says_how_it_was_called_in_the_header_of_the_settings() {
        let value = |header, line: (&str, &str), name| {
            forwarded_value(&TestRequest::default().append_header(line).to_http_request(), header, name)
        };
        use ForwardedHeader::{Forwarded, XForwardedFor};
        let line = ("x-forwarded-proto", "http, HTTPS");
        assert_eq!(value(XForwardedFor, line, "proto").as_deref(), Some("HTTPS"));
        assert_eq!(value(Forwarded, line, "proto"), None);
        assert_eq!(
            value(XForwardedFor, ("x-forwarded-host", " vault.example "), "host").as_deref(),
            Some("vault.example")
        );
        assert_eq!(value(XForwardedFor, ("x-forwarded-host", ""), "host"), None);
        let line = ("forwarded", "for=10.0.0.9;host=a.example;proto=https, for=10.0.0.1;host=\"b.example:8443\"");
        assert_eq!(value(Forwarded, line, "host").as_deref(), Some("b.example:8443"));
        assert_eq!(value(Forwarded, line, "proto").as_deref(), Some("https"));
        assert_eq!(value(XForwardedFor, line, "host"), None);
    }
}
