//! Parameters of OAuth requests: flat name/value pairs, as a form or as a JSON object.
//!
//! A repeated parameter is an error, and an empty one counts as absent (RFC 6749, section 3.2).

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::error::ErrorKind;
use crate::crypto::SecretText;
use crate::http::server::{Body, MediaType};

/// The parameters. Any value may be a secret, so all are `SecretText`.
pub(super) struct Form(Vec<(String, SecretText)>);

impl Form {
    /// Parses a body.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`], [`ErrorKind::Repeated`]
    pub(super) fn parse(body: &Body) -> Result<Self, ErrorKind> {
        let text = body.bytes().trim_ascii();
        match body.media_type() {
            _ if text.is_empty() => Ok(Self(Vec::new())),
            MediaType::Json => Self::from_json(text),
            MediaType::Other if text.starts_with(b"{") => Self::from_json(text),
            MediaType::Form | MediaType::Other => Self::from_pairs(text),
            MediaType::Multipart => Err(ErrorKind::Unreadable),
        }
    }

    fn from_pairs(text: &[u8]) -> Result<Self, ErrorKind> {
        std::str::from_utf8(text).map_err(|_| ErrorKind::Unreadable)?;
        let pairs = form_urlencoded::parse(text);
        Self::unique(pairs.map(|(name, value)| (name.into_owned(), SecretText::new(value.into_owned()))).collect())
    }

    fn from_json(text: &[u8]) -> Result<Self, ErrorKind> {
        // The message of the parser repeats the input, so it is dropped.
        let Pairs(pairs) = serde_json::from_slice(text).map_err(|_| ErrorKind::Unreadable)?;
        Self::unique(pairs)
    }

    fn unique(pairs: Vec<(String, SecretText)>) -> Result<Self, ErrorKind> {
        let mut names = HashSet::new();
        if !pairs.iter().all(|(name, _)| names.insert(name.as_str())) {
            return Err(ErrorKind::Repeated);
        }
        Ok(Self(pairs.into_iter().filter(|(_, value)| !value.expose().is_empty()).collect()))
    }

    /// Returns the value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.expose())
    }

    /// Returns a copy of the value of a secret parameter.
    pub(super) fn secret(&self, name: &str) -> Option<SecretText> {
        self.get(name).map(|value| SecretText::new(value.into()))
    }
}

/// The members of a JSON object in order, duplicates included. `null` is an empty value.
struct Pairs(Vec<(String, SecretText)>);

/// A string, a number or a boolean, as text.
struct Scalar(SecretText);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, Scalar(value))) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a number or a boolean")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(SecretText::new(text.into())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Scalar, E> {
                Ok(Scalar(SecretText::new(text)))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                self.visit_string(number.to_string())
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Scalar, E> {
                self.visit_string(number.to_string())
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Scalar, E> {
                self.visit_string(flag.to_string())
            }

            fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
                self.visit_string(String::new())
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn json(text: &str) -> Result<Form, ErrorKind> {
        Form::from_json(text.as_bytes())
    }

    #[test]
    fn a_json_object_is_a_form() {
        let form = json(r#"{"a": "x", "b": 60, "c": true, "d": null, "e": "", "f": -1}"#).unwrap();
        let found = ["a", "b", "c", "d", "e", "f"].map(|name| form.get(name));
        assert_eq!(found, [Some("x"), Some("60"), Some("true"), None, None, Some("-1")]);
        for text in ["", "[]", "1", r#"{"a": 1.5}"#, r#"{"a": []}"#, r#"{"a": {}}"#, r#"{"a": "x"} {}"#, "{s3cr3t"] {
            assert_eq!(json(text).err(), Some(ErrorKind::Unreadable), "{text}");
        }
    }

    #[test]
    fn a_repeated_name_is_an_error_however_it_is_written() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"a": 1, "b": 2, "\u0061": 3}"#, r#"{"a": null, "a": 1}"#] {
            assert_eq!(json(text).err(), Some(ErrorKind::Repeated), "{text}");
        }
        for text in ["a=1&a=1", "a=1&b=2&%61=", "a&a"] {
            assert_eq!(Form::from_pairs(text.as_bytes()).err(), Some(ErrorKind::Repeated), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_value_is_read_unchanged_from_both_forms(value in any::<String>()) {
            let expected = Some(value.as_str()).filter(|value| !value.is_empty());
            let pairs = form_urlencoded::Serializer::new(String::new()).append_pair("p", &value).finish();
            let form = Form::from_pairs(pairs.as_bytes()).unwrap();
            let object = json(&json!({ "p": value }).to_string()).unwrap();
            prop_assert_eq!((form.get("p"), object.get("p")), (expected, expected));
        }
    }
}
