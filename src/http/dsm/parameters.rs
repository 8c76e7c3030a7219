//! Parameters of a request body: a form or a JSON object. Names are compared without regard to case, as clients write them
//! differently.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroize;

use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::http::json_object::{JsonObject, wipe};
use crate::http::repeated::Repeated;
use crate::http::server::{Body, Content};
use crate::http::urlencoded::{self, NotUtf8};

/// The parameters of a body. Any value may be a secret; all are wiped when dropped.
pub(super) struct Parameters {
    known: &'static [&'static str],
    values: Vec<(String, Value)>,
}

impl Parameters {
    /// Parses a body with the parameters `known`. Others are ignored.
    ///
    /// # Errors
    /// [`InputError`], also for a repeated name.
    pub(super) fn parse(body: &Body, known: &'static [&'static str]) -> Result<Self, InputError> {
        let mut parsed = Self { known, values: Vec::new() };
        let mut repeated = Repeated::default();
        match body.content()? {
            Content::Empty => {}
            Content::Json(text) => {
                let object = JsonObject::parse(text)?;
                repeated = object.repeated;
                parsed.values.extend(object.members.take());
            }
            Content::Form(text) => {
                for (name, value) in urlencoded::body_pairs(text) {
                    let name = name.map_err(|NotUtf8| InputError::NotUtf8("name of every parameter"))?;
                    let value = value.map_err(|NotUtf8| parsed.not_utf8(&name))?;
                    parsed.values.push((name, Value::String(value)));
                }
            }
            Content::Multipart => return Err(InputError::MediaType),
        }
        for (name, _) in &mut parsed.values {
            name.make_ascii_lowercase();
        }
        parsed.values.sort_by(|(one, _), (other, _)| one.cmp(other));
        if let Some([(name, _), _]) = parsed.values.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            repeated.note(|| name.clone());
        }
        for name in known {
            repeated.require_once(name, str::eq_ignore_ascii_case)?;
        }
        repeated.require_none()?;
        Ok(parsed)
    }

    fn not_utf8(&self, name: &str) -> InputError {
        let known = self.known.iter().find(|known| known.eq_ignore_ascii_case(name));
        known.map_or(InputError::NotUtf8("value of every parameter"), |name| InputError::not_utf8(name))
    }

    /// Takes the value of a parameter; `None` for one that was not sent, or is null.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        debug_assert!(self.known.contains(&name), "{name} is not in the list");
        let found = self.values.iter_mut().find(|(other, _)| other == name);
        found.map(|(_, value)| value.take()).filter(|value| !value.is_null())
    }

    /// Takes a string.
    ///
    /// # Errors
    /// [`InputError::Parameter`].
    pub(super) fn string(&mut self, name: &'static str) -> Result<Option<String>, InputError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(mut other) => {
                wipe(&mut other);
                Err(InputError::parameter(name, "expected a string"))
            }
        }
    }

    /// Takes a required string.
    ///
    /// # Errors
    /// As [`Parameters::string`].
    pub(super) fn required(&mut self, name: &'static str) -> Result<SecretText, InputError> {
        let text = self.string(name)?;
        text.map(SecretText::new).ok_or_else(|| InputError::parameter(name, "is missing"))
    }

    /// Takes a list of strings: an array, or one string with commas.
    ///
    /// # Errors
    /// [`InputError::Parameter`].
    pub(super) fn list(&mut self, name: &'static str) -> Result<Option<Vec<String>>, InputError> {
        let wrong = || InputError::parameter(name, "expected an array of strings");
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(crate::text::comma_separated(&text).map(String::from).collect())),
            Some(Value::Array(elements)) => {
                let text = |element: Value| element.as_str().map(String::from).ok_or_else(wrong);
                elements.into_iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }
}

impl Drop for Parameters {
    fn drop(&mut self) {
        for (name, value) in &mut self.values {
            name.zeroize();
            wipe(value);
        }
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parameters([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::MediaType;

    const KNOWN: &[&str] = &["identity", "tags"];

    fn parse(media_type: MediaType, text: &str) -> Result<Parameters, InputError> {
        Parameters::parse(&Body::new(media_type, text.as_bytes()).unwrap(), KNOWN)
    }

    #[test]
    fn a_form_and_an_object_are_the_same_in_any_case() {
        for (media_type, text) in [
            (MediaType::Form, "Identity=a%20b&tags=x,%20y&other=z"),
            (MediaType::Json, r#"{"IDENTITY": "a b", "Tags": ["x", "y"], "other": {"a": [1]}}"#),
        ] {
            let mut parameters = parse(media_type, text).unwrap();
            assert_eq!(parameters.string("identity").unwrap().as_deref(), Some("a b"));
            assert_eq!(parameters.list("tags").unwrap(), Some(vec!["x".to_string(), "y".to_string()]));
            assert_eq!(parameters.string("tags").unwrap(), None, "it was taken");
        }
    }

    #[test]
    fn a_repeated_name_is_refused_in_any_case() {
        let (known, unknown) = (InputError::repeated("identity"), InputError::Repeated);
        for (media_type, text, expected) in [
            (MediaType::Form, "identity=a&Identity=b", known),
            (MediaType::Form, "x=a&X=b", unknown),
            (MediaType::Json, r#"{"identity": "a", "IDENTITY": "b"}"#, known),
            (MediaType::Json, r#"{"identity": "a", "identity": "b"}"#, known),
            (MediaType::Json, r#"{"tags": {"a": 1, "a": 2}}"#, unknown),
        ] {
            assert_eq!(parse(media_type, text).err(), Some(expected), "{text}");
        }
    }

    #[test]
    fn another_type_is_refused_by_name() {
        let mut parameters = parse(MediaType::Json, r#"{"identity": 5, "tags": [5]}"#).unwrap();
        assert_eq!(parameters.string("identity"), Err(InputError::parameter("identity", "expected a string")));
        assert_eq!(parameters.list("tags"), Err(InputError::parameter("tags", "expected an array of strings")));
        assert_eq!(parse(MediaType::Form, "identity=%E9").err(), Some(InputError::not_utf8("identity")));
        assert_eq!(parse(MediaType::Form, "other=%E9").err(), Some(InputError::NotUtf8("value of every parameter")));
    }
}
