//! Conditional and idempotent requests: `If-Match`, `If-None-Match`, `Idempotency-Key`, and `ETag` in the answer
//! (RFC 9110, sections 8.8.3 and 13.1).

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};

use crate::http::input_error::InputError;
use crate::vault::operation::{ETag, EntityTags, Preconditions};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MAX_KEY_CHARS: usize = 255;

/// Parses `If-Match` and `If-None-Match`. The idempotency key is parsed separately, for `POST` only.
pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Preconditions, InputError> {
    let expected = "expected * or tags in double quotes, separated by commas";
    // A weak ETag never matches in If-Match, but may match in If-None-Match (RFC 9110, section 8.8.3.2).
    let strong = |tags: Vec<SentETag>| tags.into_iter().filter(|tag| !tag.weak).map(|tag| tag.text).collect();
    let any = |tags: Vec<SentETag>| tags.into_iter().map(|tag| tag.text).collect();
    Ok(Preconditions {
        if_match: entity_tags(headers, &IF_MATCH, strong).ok_or_else(|| InputError::header("If-Match", expected))?,
        if_none_match: entity_tags(headers, &IF_NONE_MATCH, any)
            .ok_or_else(|| InputError::header("If-None-Match", expected))?,
    })
}

/// Parses the header `Idempotency-Key`.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, InputError> {
    let wrong = || InputError::header("Idempotency-Key", "expected 1 to 255 visible ASCII characters, once");
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(IDEMPOTENCY_KEY) { Err(wrong()) } else { Ok(None) };
    };
    match value.to_str() {
        Ok(key) if (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(key))
        }
        _ => Err(wrong()),
    }
}

/// Adds an ETag to a response.
pub(crate) trait WithETag {
    /// Sets the header `ETag`, if there is one.
    fn with_etag(self, etag: Option<&ETag>) -> Self;
}

impl WithETag for HttpResponse {
    fn with_etag(mut self, etag: Option<&ETag>) -> Self {
        if let Some(value) = etag.and_then(|etag| HeaderValue::from_str(&format!("\"{etag}\"")).ok()) {
            self.headers_mut().insert(ETAG, value);
        }
        self
    }
}

/// Parses all lines of a header; `None` if it is malformed.
fn entity_tags(
    headers: &HeaderMap,
    name: &HeaderName,
    texts: impl FnOnce(Vec<SentETag>) -> Vec<String>,
) -> Option<Option<EntityTags>> {
    let lines: Vec<&[u8]> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
    match lines.as_slice() {
        [] => Some(None),
        [line] if line.trim_ascii() == b"*" => Some(Some(EntityTags::Any)),
        lines => etags(&lines.join(&b',')).map(|tags| Some(EntityTags::Listed(texts(tags)))),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SentETag {
    weak: bool,
    text: String,
}

/// Parses a list of one ETag or more: `"text"` or `W/"text"`, separated by commas, with empty elements allowed. The text
/// has no escapes, and may hold a comma.
fn etags(list: &[u8]) -> Option<Vec<SentETag>> {
    let mut etags = Vec::new();
    let mut rest = list.trim_ascii_start();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
            continue;
        }
        let (weak, quoted) = match rest.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let text = quoted.strip_prefix(b"\"")?;
        let end = text.iter().position(|byte| *byte == b'"')?;
        let (text, after) = (&text[..end], text[end + 1..].trim_ascii_start());
        let is_etag_byte = |byte: &u8| *byte >= 0x80 || (byte.is_ascii_graphic() && *byte != b'"');
        if !text.iter().all(is_etag_byte) || !(after.is_empty() || after.starts_with(b",")) {
            return None;
        }
        etags.push(SentETag { weak, text: String::from_utf8_lossy(text).into_owned() });
        rest = after;
    }
    if etags.is_empty() { None } else { Some(etags) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(HeaderName, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn if_match(lines: &[&[u8]]) -> Result<Option<EntityTags>, InputError> {
        let lines: Vec<_> = lines.iter().map(|line| (IF_MATCH, *line)).collect();
        from_headers(&headers(&lines)).map(|preconditions| preconditions.if_match)
    }

    fn tagged(tags: &[&str]) -> Result<Option<EntityTags>, InputError> {
        Ok(Some(EntityTags::Listed(tags.iter().map(ToString::to_string).collect())))
    }

    #[test]
    fn a_precondition_is_a_star_or_a_list_of_tags() {
        assert_eq!(if_match(&[]), Ok(None));
        assert_eq!(if_match(&[b" * "]), Ok(Some(EntityTags::Any)));
        assert_eq!(if_match(&[b"\"a\""]), tagged(&["a"]));
        assert_eq!(if_match(&[b",, \"a\" ,\t\"b,c\",,\"\","]), tagged(&["a", "b,c", ""]));
        assert_eq!(if_match(&[b"\"a\"", b"\"b\""]), tagged(&["a", "b"]));
        for wrong in [
            &b""[..],
            b",",
            b"a",
            b"\"a",
            b"a\"",
            b"\"a\" \"b\"",
            b"\"a\"b",
            b"*, \"a\"",
            b"w/\"a\"",
            b"W/ \"a\"",
            b"\"a b\"",
            b"'a'",
        ] {
            assert!(if_match(&[wrong]).is_err(), "{}", String::from_utf8_lossy(wrong));
        }
        assert!(if_match(&[b"*", b"*"]).is_err());
    }

    #[test]
    fn a_weak_tag_is_good_for_a_read_alone() {
        assert_eq!(if_match(&[b"W/\"a\", \"b\""]), tagged(&["b"]));
        let read = from_headers(&headers(&[(IF_NONE_MATCH, b"W/\"a\", \"b\"")])).unwrap();
        assert_eq!(Ok(read.if_none_match), tagged(&["a", "b"]));
    }

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length() {
        let key = |value: &[u8]| {
            idempotency_key(&headers(&[(IDEMPOTENCY_KEY, value)])).map(|key| key.map(String::from)).ok().flatten()
        };
        for good in ["a", "\"quoted\"", "8e03978e-40d5-43dd-bc93-6894a57f9324", &"x".repeat(255)] {
            assert_eq!(key(good.as_bytes()).as_deref(), Some(good));
        }
        for bad in [&b""[..], b"a b", b"a\tb", "\u{e9}".as_bytes(), &[b'x'; 256]] {
            assert_eq!(key(bad), None);
        }
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
        assert!(idempotency_key(&headers(&[(IDEMPOTENCY_KEY, b"a"), (IDEMPOTENCY_KEY, b"a")])).is_err());
    }

    proptest! {
        #[test]
        fn every_list_of_tags_is_read_as_it_was_written(
            sent in prop::collection::vec((any::<bool>(), "[!#-~]{0,12}", "[ \t]{0,2}", "[ \t]{0,2}"), 1..6)
        ) {
            let part = |(weak, text, before, after): &(bool, String, String, String)| {
                format!("{before}{}\"{text}\"{after}", if *weak { "W/" } else { "" })
            };
            let list = sent.iter().map(part).collect::<Vec<_>>().join(",");
            let read: Vec<SentETag> = etags(list.as_bytes()).unwrap();
            let sent: Vec<SentETag> =
                sent.into_iter().map(|(weak, text, ..)| SentETag { weak, text }).collect();
            prop_assert_eq!(read, sent);
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = etags(&bytes);
        }
    }
}
