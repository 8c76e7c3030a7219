//! `application/x-www-form-urlencoded` in queries and form bodies (WHATWG URL, section 5.1). Unlike the parser of that
//! standard, this one refuses octets that are not UTF-8: with a replacement character in its place, another secret would be
//! stored, or another object be named.

use percent_encoding::percent_decode;

use crate::text::without_line_end;

/// A name or a value that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotUtf8;

/// Splits text into decoded pairs of name and value.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (Result<String, NotUtf8>, Result<String, NotUtf8>)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// Splits a form body into decoded pairs. One line end at the end of the body is not part of the last value: a program that
/// sends a text file adds it, while a line end in a value is written `%0A`.
pub(crate) fn body_pairs(body: &str) -> impl Iterator<Item = (Result<String, NotUtf8>, Result<String, NotUtf8>)> {
    pairs(without_line_end(body))
}

/// Decodes a name or a value. A percent sign without two hexadecimal digits stands for itself, as in the standard.
pub(crate) fn decode(text: &str) -> Result<String, NotUtf8> {
    let text = text.replace('+', " ");
    String::from_utf8(percent_decode(text.as_bytes()).collect()).map_err(|_| NotUtf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        pairs(text).map(|(name, value)| (name.unwrap(), value.unwrap())).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn pairs_are_split_as_the_standard_says() {
        assert_eq!(values("a=1&b&&=c&d=e=f&"), [pair("a", "1"), pair("b", ""), pair("", "c"), pair("d", "e=f")]);
        assert_eq!(values("a+b=%2B+%26%3D"), [pair("a b", "+ &=")]);
        assert_eq!(values(""), []);
    }

    #[test]
    fn an_escape_that_is_none_stands_for_itself() {
        for text in ["%", "%4", "%zz", "100%", "%%", "%4z"] {
            assert_eq!(values(&format!("p={text}")), [pair("p", text)]);
        }
        assert_eq!(values("p=%%41%4"), [pair("p", "%A%4")]);
    }

    #[test]
    fn octets_that_are_not_utf_8_are_an_error() {
        // Latin-1, a lone continuation, an overlong form, a surrogate, a character cut short, one beyond the last.
        for octets in ["%E9", "%80", "%C0%80", "%ED%A0%80", "%F0%9F%94", "%F4%90%80%80", "%FE%FF"] {
            let text = format!("a{octets}={octets}b");
            assert_eq!(pairs(&text).collect::<Vec<_>>(), [(Err(NotUtf8), Err(NotUtf8))], "{octets}");
        }
        assert_eq!(decode("caf%C3%A9"), Ok("café".into()));
    }

    #[test]
    fn one_line_end_after_a_body_is_not_part_of_its_last_value() {
        for (body, value) in [
            ("p=abc\r\n", "abc"),
            ("p=abc\n", "abc"),
            ("p=abc\n\n", "abc\n"),
            ("p=abc%0A", "abc\n"),
            ("p=abc%0D%0A\r\n", "abc\r\n"),
            ("p=abc  ", "abc  "),
            ("p=abc++", "abc  "),
            ("p=abc\t", "abc\t"),
            ("p=  abc", "  abc"),
            ("p=abc\r", "abc\r"),
        ] {
            assert_eq!(body_pairs(body).next(), Some((Ok("p".into()), Ok(value.into()))), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn a_pair_comes_through_as_it_was_encoded(name in any::<String>(), value in any::<String>()) {
            let text = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
            prop_assert_eq!(pairs(&text).collect::<Vec<_>>(), [(Ok(name), Ok(value))]);
        }

        #[test]
        fn what_is_utf_8_is_read_as_the_standard_reads_it(text in "[a-f0-9%+=& é\r\n]{0,60}") {
            let ours: Option<Vec<_>> = pairs(&text).map(|(name, value)| Some((name.ok()?, value.ok()?))).collect();
            if let Some(ours) = ours {
                let theirs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}
