//! Templates of requests: `{{username}}`, `{{secret}}`, `{{current}}`, `{{operator}}`, `{{operator-secret}}`, escaped for
//! the place in which they stand.

use chaveiro_rotation::TargetError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::failure;

/// What RFC 3986 reserves nothing of.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The place of a template, which decides how values are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A part of a path, a query or a form.
    Url,
    /// The inside of a string of JSON.
    Json,
    /// The text of an element or an attribute of XML.
    Xml,
    /// The value of a header.
    Header,
}

/// The values of a template, by name.
pub(super) struct Values<'a>(pub(super) Vec<(&'static str, &'a str)>);

impl Values<'_> {
    /// Fills a template in one pass: a value that looks like a placeholder stays what it is.
    pub(super) fn fill(&self, template: &str, place: Place) -> Result<Zeroizing<String>, TargetError> {
        let mut filled = Zeroizing::new(String::new());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) =
                after.split_once("}}").ok_or(failure::misconfigured("a placeholder of a template does not end"))?;
            let value = self.0.iter().find(|(own, _)| *own == name.trim());
            let (_, value) = value.ok_or(failure::misconfigured("a template has a placeholder without a value"))?;
            filled.push_str(before);
            filled.push_str(&escape(value, place)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn escape(value: &str, place: Place) -> Result<Zeroizing<String>, TargetError> {
    let escaped = match place {
        Place::Url => utf8_percent_encode(value, RESERVED).to_string(),
        Place::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_string()
        }
        Place::Xml if value.contains(|c: char| c.is_control()) => {
            return Err(failure::misconfigured("XML cannot carry control characters"));
        }
        Place::Xml => value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&apos;"),
        Place::Header if value.contains(|c: char| c.is_control()) => {
            return Err(failure::misconfigured("a header cannot carry control characters"));
        }
        Place::Header => value.to_string(),
    };
    Ok(Zeroizing::new(escaped))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(template: &str, value: &str, place: Place) -> String {
        Values(vec![("secret", value), ("username", "jo")]).fill(template, place).unwrap().to_string()
    }

    #[test]
    fn a_value_is_not_filled_again() {
        assert_eq!(filled("{{secret}}-{{ username }}", "{{username}}", Place::Header), "{{username}}-jo");
        let values = Values(vec![("secret", "x")]);
        for template in ["{{none}}", "{{secret"] {
            assert!(values.fill(template, Place::Json).is_err(), "{template}");
        }
        assert!(Values(vec![("secret", "a\r\nX: y")]).fill("{{secret}}", Place::Header).is_err());
    }

    proptest! {
        #[test]
        fn a_value_stays_in_its_place(value in any::<String>()) {
            let json: serde_json::Value = serde_json::from_str(&filled(r#"{"a":"{{secret}}"}"#, &value, Place::Json)).unwrap();
            prop_assert_eq!(json, serde_json::json!({ "a": value }));
            let form = filled("a={{secret}}&b=1", &value, Place::Url);
            let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
            prop_assert_eq!(pairs, vec![("a".to_string(), value.clone()), ("b".into(), "1".into())]);
        }
    }
}
