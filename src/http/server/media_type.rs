//! The media type of a request body, from its `Content-Type`.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;

/// The charsets whose bytes are UTF-8. An empty one counts as absent.
const UTF_8: [&str; 5] = ["", "utf-8", "utf8", "us-ascii", "ascii"];

/// The media type of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`, `text/json` or `application/*+json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data`
    Multipart,
    /// Another type, or no type.
    Other,
}

impl MediaType {
    /// Returns the media type of a request.
    pub(crate) fn from_request(request: &HttpRequest) -> Self {
        let essence = parts(content_type(request)).next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart,
            "application/json" | "text/json" => Self::Json,
            json if json.starts_with("application/") && json.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// Whether the `Content-Type` of a request names no charset, or UTF-8.
pub(super) fn is_utf8(request: &HttpRequest) -> bool {
    parameters(request, "charset").all(|charset| is_utf8_charset(&charset))
}

/// Whether a charset is UTF-8 or a part of it.
pub(crate) fn is_utf8_charset(charset: &str) -> bool {
    UTF_8.contains(&charset.to_ascii_lowercase().as_str())
}

/// Whether the `Content-Type` of a request has a boundary.
pub(super) fn has_boundary(request: &HttpRequest) -> bool {
    parameters(request, "boundary").any(|boundary| !boundary.is_empty())
}

fn content_type(request: &HttpRequest) -> &str {
    request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Splits at the semicolons outside of quotes.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value.split(move |character| {
        quoted ^= character == '"';
        character == ';' && !quoted
    })
}

fn parameters<'a>(request: &'a HttpRequest, name: &'a str) -> impl Iterator<Item = String> + 'a {
    parts(content_type(request)).skip(1).filter_map(move |part| {
        let (sent, value) = part.split_once('=')?;
        sent.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').trim().to_string())
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with(content_type: &str) -> HttpRequest {
        TestRequest::default().insert_header((CONTENT_TYPE, content_type)).to_http_request()
    }

    #[test]
    fn the_type_is_told_without_its_parameters_and_in_any_case() {
        for (sent, expected) in [
            ("application/json", MediaType::Json),
            ("Application/JSON; charset=utf-8", MediaType::Json),
            ("text/json", MediaType::Json),
            ("application/json-patch+json", MediaType::Json),
            ("application/x+json ;a=b", MediaType::Json),
            ("application/x-www-form-urlencoded;charset=UTF-8", MediaType::Form),
            ("multipart/form-data; boundary=+json", MediaType::Multipart),
            ("", MediaType::Other),
            ("text/plain", MediaType::Other),
            ("text/plain; application/json", MediaType::Other),
            ("text/x+json", MediaType::Other),
            ("application/jsonp", MediaType::Other),
        ] {
            assert_eq!(MediaType::from_request(&with(sent)), expected, "{sent}");
        }
        assert_eq!(MediaType::from_request(&TestRequest::default().to_http_request()), MediaType::Other);
    }

    #[test]
    fn only_utf_8_is_a_charset() {
        for sent in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json;CharSet=\"UTF-8\"",
            "text/plain; charset=us-ascii",
            "application/json; charset=utf8 ;a=b",
            "application/json; charset=",
            "multipart/form-data; boundary=\"a;charset=latin1\"",
        ] {
            assert!(is_utf8(&with(sent)), "{sent}");
        }
        for sent in [
            "application/json; charset=iso-8859-1",
            "application/json; charset=utf-16",
            "application/x-www-form-urlencoded; charset=windows-1252",
            "text/plain; a=b; charset=\"latin1\"",
            "application/json; charset=utf-8; charset=utf-7",
        ] {
            assert!(!is_utf8(&with(sent)), "{sent}");
        }
    }

    #[test]
    fn a_multipart_body_needs_a_boundary() {
        assert!(has_boundary(&with("multipart/form-data; boundary=x")));
        assert!(has_boundary(&with("multipart/form-data; Boundary=\"a;b\"")));
        assert!(!has_boundary(&with("multipart/form-data")) && !has_boundary(&with("multipart/form-data; boundary=")));
    }
}
