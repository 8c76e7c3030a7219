//! Parameters of OAuth requests: flat name/value pairs, as a form or as a JSON object.
//!
//! A repeated parameter is an error, and an empty one counts as absent (RFC 6749, section 3.2).

use std::collections::HashSet;

use serde_json::{Number, Value};

use super::error::ErrorKind;
use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::http::json_number::whole;
use crate::http::json_object::JsonObject;
use crate::http::repeated::Repeated;
use crate::http::server::{Body, Content};
use crate::http::urlencoded::{self, NotUtf8};

const TTL: &str = "ttl";
/// The parameters that have a meaning here.
const PARAMETERS: [&str; 13] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "tenant",
    TTL,
    "token",
    "assertion",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "actor_token",
];

/// The parameters. Any value may be a secret, so all are `SecretText`.
pub(super) struct Form(Vec<(String, SecretText)>);

impl Form {
    /// Parses a body.
    ///
    /// # Errors
    /// [`ErrorKind::Input`], [`ErrorKind::NotFlat`], [`ErrorKind::MediaType`]
    pub(super) fn parse(body: &Body) -> Result<Self, ErrorKind> {
        match body.content().map_err(ErrorKind::from)? {
            Content::Empty => Ok(Self(Vec::new())),
            Content::Json(text) => Self::from_json(text),
            Content::Form(text) => Self::from_pairs(text),
            Content::Multipart => Err(ErrorKind::MediaType),
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
        let pairs: Result<Vec<(String, SecretText)>, InputError> = urlencoded::body_pairs(text).map(pair).collect();
        let pairs = pairs.map_err(ErrorKind::Input)?;
        let mut repeated = Repeated::default();
        let mut names = HashSet::new();
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !names.insert(name.as_str())) {
            repeated.note(|| name.clone());
        }
        Self::new(pairs, &repeated)
    }

    fn from_json(text: &str) -> Result<Self, ErrorKind> {
        let JsonObject { members, repeated } = match JsonObject::parse(text) {
            Err(InputError::NotAnObject) => return Err(ErrorKind::NotFlat),
            parsed => parsed.map_err(ErrorKind::Input)?,
        };
        let pair = |(name, value): (&String, &Value)| scalar(name, value).map(|value| (name.clone(), value));
        let pairs: Result<_, ErrorKind> = members.iter().map(pair).collect();
        Self::new(pairs?, &repeated)
    }

    fn new(pairs: Vec<(String, SecretText)>, repeated: &Repeated) -> Result<Self, ErrorKind> {
        for name in PARAMETERS {
            repeated.require_once(name, str::eq).map_err(ErrorKind::Input)?;
        }
        repeated.require_none().map_err(ErrorKind::Input)?;
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

/// Converts a value of a JSON object to text. `null` is an empty one.
fn scalar(name: &str, value: &Value) -> Result<SecretText, ErrorKind> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number_text(name, number).map_err(ErrorKind::Input)?,
        Value::Array(_) | Value::Object(_) => return Err(ErrorKind::NotFlat),
    };
    Ok(SecretText::new(text))
}

/// Converts a number to text. One with a fraction or an exponent has several spellings.
fn number_text(name: &str, number: &Number) -> Result<String, InputError> {
    if !number.is_f64() {
        return Ok(number.to_string());
    }
    match (known(name), whole(number)) {
        (Some(TTL), Some(whole)) => Ok(whole.to_string()),
        (Some(TTL), None) => Err(InputError::parameter(TTL, "expected a whole number")),
        (Some(name), _) => Err(InputError::parameter(name, "expected a string")),
        (None, _) => Ok(number.to_string()),
    }
}

/// Parses parameters, for [`crate::fuzz`].
pub(super) fn fuzz(text: &str) {
    drop(Form::from_pairs(text));
    drop(Form::from_json(text));
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
        let unknown = Some(ErrorKind::Input(InputError::Repeated));
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"a": 1, "b": 2, "\u0061": 3}"#, r#"{"a": null, "a": 1}"#] {
            assert_eq!(json(text).err(), unknown, "{text}");
        }
        for text in ["a=1&a=1", "a=1&b=2&%61=", "a&a"] {
            assert_eq!(Form::from_pairs(text).err(), unknown, "{text}");
        }
        let known = Some(ErrorKind::Input(InputError::repeated("client_secret")));
        assert_eq!(json(r#"{"client_secret": "a", "client_secret": "b"}"#).err(), known);
        assert_eq!(Form::from_pairs("client_secret=a&client_secret=b").err(), known);
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
