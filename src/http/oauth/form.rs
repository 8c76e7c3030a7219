//! Parameters of OAuth requests: flat name/value pairs, as a form or as a JSON object.
//!
//! A repeated parameter is an error, and an empty one counts as absent (RFC 6749, section 3.2).

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::error::ErrorKind;
use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::http::json_number::whole_float;
use crate::http::server::{Body, Content};
use crate::http::urlencoded::{self, NotUtf8};

const TTL: &str = "ttl";
/// The parameters that have a meaning here.
const PARAMETERS: [&str; 6] = ["grant_type", "client_id", "client_secret", "tenant", TTL, "token"];

/// The parameters. Any value may be a secret, so all are `SecretText`.
pub(super) struct Form(Vec<(String, SecretText)>);

impl Form {
    /// Parses a body.
    ///
    /// # Errors
    /// [`ErrorKind::Input`], [`ErrorKind::NotFlat`], [`ErrorKind::Multipart`], [`ErrorKind::Repeated`]
    pub(super) fn parse(body: &Body) -> Result<Self, ErrorKind> {
        match body.content().map_err(ErrorKind::from)? {
            Content::Empty => Ok(Self(Vec::new())),
            Content::Json(text) => Self::from_json(text),
            Content::Form(text) => Self::from_pairs(text),
            Content::Multipart => Err(ErrorKind::Multipart),
        }
    }

    fn from_pairs(text: &str) -> Result<Self, ErrorKind> {
        let pair = |(name, value): (Result<String, NotUtf8>, Result<String, NotUtf8>)| {
            let name = name.map_err(|NotUtf8| InputError::NotUtf8("name of every parameter"))?;
            let value = value.map_err(|NotUtf8| match known(&name) {
                Some(name) => InputError::not_utf8(name),
                None => InputError::NotUtf8("value of every parameter"),
            })?;
            Ok((name, SecretText::new(value)))
        };
        let pairs: Result<_, InputError> = urlencoded::body_pairs(text).map(pair).collect();
        Self::unique(pairs.map_err(ErrorKind::Input)?)
    }

    fn from_json(text: &str) -> Result<Self, ErrorKind> {
        // The message of the parser repeats the input, so it is dropped.
        let Pairs(members) = serde_json::from_str(text).map_err(|error: serde_json::Error| {
            if error.is_data() { ErrorKind::NotFlat } else { ErrorKind::Input(InputError::not_json(text)) }
        })?;
        let pair = |(name, value): (String, Scalar)| {
            let value = value.into_text(&name)?;
            Ok((name, value))
        };
        let pairs: Result<_, InputError> = members.into_iter().map(pair).collect();
        Self::unique(pairs.map_err(ErrorKind::Input)?)
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

/// Returns the parameter of this name, if it is one that has a meaning here.
fn known(name: &str) -> Option<&'static str> {
    PARAMETERS.into_iter().find(|known| *known == name)
}

/// The members of a JSON object in order, duplicates included. `null` is an empty value.
struct Pairs(Vec<(String, Scalar)>);

/// A string, a number or a boolean.
enum Scalar {
    /// The value as text.
    Text(SecretText),
    /// A number with a fraction or an exponent, which has several spellings as text.
    Float(f64),
}

impl Scalar {
    /// Returns the value of the parameter `name` as text.
    fn into_text(self, name: &str) -> Result<SecretText, InputError> {
        let number = match self {
            Self::Text(text) => return Ok(text),
            Self::Float(number) => number,
        };
        match (known(name), whole_float(number)) {
            (Some(TTL), Some(whole)) => Ok(SecretText::new(whole.to_string())),
            (Some(TTL), None) => Err(InputError::parameter(TTL, "expected a whole number")),
            (Some(name), _) => Err(InputError::parameter(name, "expected a string")),
            (None, _) => Ok(SecretText::new(number.to_string())),
        }
    }
}

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
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
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
                Ok(Scalar::Text(SecretText::new(text.into())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Scalar, E> {
                Ok(Scalar::Text(SecretText::new(text)))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar::Float(number))
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
        Form::from_json(text)
    }

    #[test]
    fn a_json_object_is_a_form() {
        let form = json(r#"{"a": "x", "b": 60, "c": true, "d": null, "e": "", "f": -1}"#).unwrap();
        let found = ["a", "b", "c", "d", "e", "f"].map(|name| form.get(name));
        assert_eq!(found, [Some("x"), Some("60"), Some("true"), None, None, Some("-1")]);
        for text in ["", r#"{"a": "x"} {}"#, "{s3cr3t", r#"{"a": "\ud800"}"#] {
            assert_eq!(json(text).err(), Some(ErrorKind::Input(InputError::NotJson)), "{text}");
        }
        for text in ["[]", "1", r#"{"a": []}"#, r#"{"a": {}}"#] {
            assert_eq!(json(text).err(), Some(ErrorKind::NotFlat), "{text}");
        }
        assert_eq!(json("a=1").err(), Some(ErrorKind::Input(InputError::FormAsJson)));
    }

    #[test]
    fn only_a_ttl_may_have_a_fraction_of_zero() {
        for (text, ttl) in [("60.0", "60"), ("6e1", "60"), ("-0.0", "0"), ("60", "60")] {
            assert_eq!(json(&format!("{{\"ttl\": {text}}}")).unwrap().get("ttl"), Some(ttl), "{text}");
        }
        for (text, name) in [(r#"{"ttl": 1.5}"#, "ttl"), (r#"{"client_secret": 1.0}"#, "client_secret")] {
            let error = json(text).err();
            assert!(
                matches!(error, Some(ErrorKind::Input(InputError::Parameter { name: named, .. })) if named == name)
            );
        }
        assert!(json(r#"{"other": 1.5}"#).is_ok());
    }

    #[test]
    fn what_is_not_utf_8_is_refused_by_the_name_of_the_parameter() {
        for (text, expected) in [
            ("client_secret=%E9", InputError::not_utf8("client_secret")),
            ("other=%E9", InputError::NotUtf8("value of every parameter")),
            ("%E9=x", InputError::NotUtf8("name of every parameter")),
        ] {
            assert_eq!(Form::from_pairs(text).err(), Some(ErrorKind::Input(expected)), "{text}");
        }
        let form = Form::from_pairs("client_secret=a%20 %zz\r\n").unwrap();
        assert_eq!(form.get("client_secret"), Some("a  %zz"));
    }

    #[test]
    fn a_repeated_name_is_an_error_however_it_is_written() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"a": 1, "b": 2, "\u0061": 3}"#, r#"{"a": null, "a": 1}"#] {
            assert_eq!(json(text).err(), Some(ErrorKind::Repeated), "{text}");
        }
        for text in ["a=1&a=1", "a=1&b=2&%61=", "a&a"] {
            assert_eq!(Form::from_pairs(text).err(), Some(ErrorKind::Repeated), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_value_is_read_unchanged_from_both_forms(value in any::<String>()) {
            let expected = Some(value.as_str()).filter(|value| !value.is_empty());
            let pairs = form_urlencoded::Serializer::new(String::new()).append_pair("p", &value).finish();
            let form = Form::from_pairs(&pairs).unwrap();
            let object = json(&json!({ "p": value }).to_string()).unwrap();
            prop_assert_eq!((form.get("p"), object.get("p")), (expected, expected));
        }
    }
}
