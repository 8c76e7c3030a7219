use actix_web::http::header::{CONTENT_TYPE, TryIntoHeaderPair};
use actix_web::test::TestRequest;

use super::*;

fn checked(header: impl TryIntoHeaderPair) -> Result<(), BodyError> {
    check_headers(&TestRequest::default().append_header(header).to_http_request())
}

fn body(media_type: MediaType, bytes: &[u8]) -> Body {
    Body::new(media_type, bytes).unwrap()
}

#[test]
fn a_body_has_no_content_coding() {
    for coding in ["identity", " Identity ", "identity, identity", ""] {
        assert_eq!(checked((CONTENT_ENCODING, coding)), Ok(()), "{coding}");
    }
    for coding in
        ["gzip", "br", "deflate", "zstd", "x-gzip", "identity, gzip", "gzip, identity", "aws-chunked", "utf-8"]
    {
        assert_eq!(checked((CONTENT_ENCODING, coding)), Err(BodyError::ContentCoding), "{coding}");
    }
    let twice = TestRequest::default().append_header((CONTENT_ENCODING, "identity"));
    let twice = twice.append_header((CONTENT_ENCODING, "gzip")).to_http_request();
    assert_eq!(check_headers(&twice), Err(BodyError::ContentCoding));
}

#[test]
fn a_superset_of_ascii_is_read_as_far_as_its_text_is_ascii() {
    let latin = |media_type, text: &str| {
        let mut latin = body(media_type, text.as_bytes());
        latin.charset = Charset::AsciiSuperset;
        latin
    };
    assert_eq!(latin(MediaType::Form, "a=b%2B").content(), Ok(Content::Form("a=b%2B")));
    assert_eq!(latin(MediaType::Json, "{}").content(), Ok(Content::Json("{}")));
    for text in ["a=%E9", "a=%C3%A9", "a=é"] {
        assert_eq!(latin(MediaType::Form, text).content(), Err(BodyError::Charset), "{text}");
    }
    assert_eq!(latin(MediaType::Json, "{\"a\": \"é\"}").content(), Err(BodyError::Charset));
}

#[test]
fn a_body_says_that_it_is_utf_8_or_nothing() {
    assert_eq!(checked((CONTENT_TYPE, "application/json; charset=utf-8")), Ok(()));
    assert_eq!(checked((CONTENT_TYPE, "application/json; charset=utf-16")), Err(BodyError::Charset));
    assert_eq!(checked((CONTENT_TYPE, "multipart/form-data; boundary=x")), Ok(()));
    assert_eq!(checked((CONTENT_TYPE, "multipart/form-data")), Err(BodyError::NoBoundary));
}

#[test]
fn a_byte_order_mark_is_not_part_of_a_body() {
    let types = [MediaType::Json, MediaType::Form, MediaType::Multipart, MediaType::Other];
    for media_type in types {
        assert_eq!(body(media_type, b"\xef\xbb\xbfa=b").text(), Ok("a=b"));
        assert_eq!(body(media_type, b"\xef\xbb\xbf\xef\xbb\xbfa").text(), Ok("\u{feff}a"), "only the first one");
        for other in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}", b"{\0}\0", b"\0{\0}", b"\0\0\xfe\xff"] {
            assert_eq!(Body::new(media_type, other).err(), Some(BodyError::NotUtf8), "{other:?}");
        }
    }
}

#[test]
fn the_media_type_or_else_the_first_character_tells_json_from_form() {
    use Content::{Empty, Form, Json};
    for (media_type, bytes, expected) in [
        (MediaType::Json, " {}", Ok(Json(" {}"))),
        (MediaType::Json, "a=1", Ok(Json("a=1"))),
        (MediaType::Json, " \r\n", Ok(Empty)),
        (MediaType::Form, "", Ok(Empty)),
        (MediaType::Form, "a={ ", Ok(Form("a={ "))),
        (MediaType::Form, " {\"a\":1}", Err(BodyError::JsonAsForm)),
        (MediaType::Form, "[1]", Err(BodyError::JsonAsForm)),
        (MediaType::Other, " {}", Ok(Json(" {}"))),
        (MediaType::Other, "a=1", Ok(Form("a=1"))),
        (MediaType::Other, "[1]", Ok(Json("[1]"))),
        (MediaType::Other, "<a>1</a>", Err(BodyError::MediaType)),
        (MediaType::Other, "a: 1", Err(BodyError::MediaType)),
        (MediaType::Multipart, "--x", Ok(Content::Multipart)),
        (MediaType::OtherMultipart, "--x", Err(BodyError::MediaType)),
    ] {
        assert_eq!(body(media_type, bytes.as_bytes()).content(), expected, "{media_type:?} {bytes}");
    }
    for media_type in [MediaType::Json, MediaType::Form, MediaType::Other] {
        assert_eq!(body(media_type, b"a=\xff").content(), Err(BodyError::NotUtf8));
    }
}
