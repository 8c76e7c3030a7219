//! The header `Authorization: OAuth` (RFC 5849, section 3.5.1).

use percent_encoding::percent_decode_str;

/// Returns the parameters of the header, decoded; `None` if it is malformed. The realm is not a parameter of the signature and
/// is left out.
pub(super) fn parse(credentials: &str) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    let mut rest = credentials.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = quoted(after.trim_start())?;
        let name = decode(name.trim()).filter(|name| is_name(name))?;
        if !name.eq_ignore_ascii_case("realm") {
            parameters.push((name, decode(value)?));
        }
        let after = after.trim_start();
        if !after.is_empty() && !after.starts_with(',') {
            return None;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    (!parameters.is_empty()).then_some(parameters)
}

/// Splits a quoted string from what follows. An escaped quote, which only a realm can have, does not end it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let mut escaped = false;
    for (position, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((&text[..position], &text[position + 1..])),
            _ => {}
        }
    }
    None
}

/// Whether a name needs no escapes, as those of the protocol.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// Decodes a name or a value. A plus sign stands for itself here.
fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(list.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }

    #[test]
    fn parameters_are_read_as_clients_write_them() {
        // RFC 5849, section 3.5.1, with folded lines as one.
        let rfc = "realm=\"Example\", oauth_consumer_key=\"0685bd9184jfhq22\", oauth_token=\"ad180jjd733klru7\", \
                   oauth_signature_method=\"HMAC-SHA1\", oauth_signature=\"wOJIO9A2W5mFwDgiDvZbTSMK%2FPY%3D\", \
                   oauth_timestamp=\"137131200\", oauth_nonce=\"4572616e48616d6d65724c61686176\", oauth_version=\"1.0\"";
        let expected = [
            ("oauth_consumer_key", "0685bd9184jfhq22"),
            ("oauth_token", "ad180jjd733klru7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_signature", "wOJIO9A2W5mFwDgiDvZbTSMK/PY="),
            ("oauth_timestamp", "137131200"),
            ("oauth_nonce", "4572616e48616d6d65724c61686176"),
            ("oauth_version", "1.0"),
        ];
        assert_eq!(parse(rfc), pairs(&expected));
        assert_eq!(parse("a=\"1\",b=\"\" ,\tc = \"%20+\""), pairs(&[("a", "1"), ("b", ""), ("c", " +")]));
        assert_eq!(parse("realm=\"a, \\\"b\\\"\",a=\"1\","), pairs(&[("a", "1")]));
    }

    #[test]
    fn what_is_malformed_is_not_read() {
        for text in [
            "",
            ",",
            "realm=\"x\"",
            "a",
            "a=",
            "a=1",
            "a=\"1",
            "a=\"1\"b=\"2\"",
            "=\"1\"",
            "a=\"%ff\"",
            "a, b=\"1\"",
            "a=\"1\" x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
