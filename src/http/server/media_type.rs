//! The media type of a request body, from its `Content-Type`.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;

/// The charsets whose bytes are UTF-8. An empty one counts as absent.
const UTF_8: [&str; 5] = ["", "utf-8", "utf8", "us-ascii", "ascii"];
/// Beginnings of the names of charsets in which ASCII text has the bytes of UTF-8. Apache `HttpClient` names the first one in
/// every form unless told otherwise.
const ASCII_SUPERSETS: [&str; 5] = ["iso-8859-", "iso_8859-", "iso8859-", "windows-125", "latin1"];

/// What a charset means for a text that is read as UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Charset {
    /// The bytes are UTF-8.
    Utf8,
    /// The bytes are UTF-8 as far as they are ASCII.
    AsciiSuperset,
    /// The bytes are not UTF-8.
    Other,
}

impl Charset {
    /// Returns the charset of a name, in any case.
    pub(crate) fn from_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if UTF_8.contains(&name.as_str()) {
            Self::Utf8
        } else if ASCII_SUPERSETS.iter().any(|start| name.starts_with(start)) {
            Self::AsciiSuperset
        } else {
            Self::Other
        }
    }

    /// Returns the charset that a request names in its `Content-Type`.
    pub(super) fn from_request(request: &HttpRequest) -> Self {
        let named = parameters(request, "charset").map(|charset| Self::from_name(&charset));
        named.max().unwrap_or(Self::Utf8)
    }

    /// Whether these bytes mean the same in this charset and in UTF-8.
    pub(crate) fn can_be_utf8(self, bytes: impl IntoIterator<Item = u8>) -> bool {
        match self {
            Self::Utf8 => true,
            Self::AsciiSuperset => bytes.into_iter().all(|byte| byte.is_ascii()),
            Self::Other => false,
        }
    }
}

/// The media type of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`, `text/json` or `application/*+json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data`
    Multipart,
    /// `multipart/mixed` and the like, of which nothing is read.
    OtherMultipart,
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
            multipart if multipart.starts_with("multipart/") => Self::OtherMultipart,
            json if json.starts_with("application/") && json.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// Whether a text begins like a form, with a name and an equals sign: JSON, XML, YAML and parts do not.
pub(crate) fn looks_like_form(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && !name.starts_with(['{', '[', '"', '<']) && !name.contains(char::is_whitespace);
    text.split_once('=').is_some_and(|(name, _)| is_name(name))
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
            ("multipart/mixed; boundary=x", MediaType::OtherMultipart),
            ("Multipart/Related", MediaType::OtherMultipart),
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
    fn a_charset_is_utf_8_or_a_superset_of_ascii_or_another() {
        for sent in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json;CharSet=\"UTF-8\"",
            "text/plain; charset=us-ascii",
            "application/json; charset=utf8 ;a=b",
            "application/json; charset=",
            "multipart/form-data; boundary=\"a;charset=latin1\"",
        ] {
            assert_eq!(Charset::from_request(&with(sent)), Charset::Utf8, "{sent}");
        }
        for sent in [
            "application/json; charset=ISO-8859-1",
            "application/x-www-form-urlencoded; charset=windows-1252",
            "text/plain; a=b; charset=\"latin1\"",
            "application/json; charset=utf-8; charset=iso-8859-15",
        ] {
            assert_eq!(Charset::from_request(&with(sent)), Charset::AsciiSuperset, "{sent}");
        }
        for sent in ["utf-16", "utf-7", "iso-2022-jp", "utf-8; charset=utf-7", "ibm037", "x"] {
            let sent = format!("application/json; charset={sent}");
            assert_eq!(Charset::from_request(&with(&sent)), Charset::Other, "{sent}");
        }
    }

    #[test]
    fn a_form_begins_with_a_name() {
        for form in ["a=1", "hostname=a&content=x", "a%5Bb%5D=1", "a[b]=", "a&b=1"] {
            assert!(looks_like_form(form), "{form}");
        }
        for other in ["<a>b=c</a>", "content: a=b", "--x\r\nA: b=c", "{\"a\": \"b=c\"}", "a", "", "=a", "PK\u{3}\u{4}"]
        {
            assert!(!looks_like_form(other), "{other}");
        }
    }

    #[test]
    fn a_multipart_body_needs_a_boundary() {
        assert!(has_boundary(&with("multipart/form-data; boundary=x")));
        assert!(has_boundary(&with("multipart/form-data; Boundary=\"a;b\"")));
        assert!(!has_boundary(&with("multipart/form-data")) && !has_boundary(&with("multipart/form-data; boundary=")));
    }
}
