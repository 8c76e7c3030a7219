//! Parameters as clients send them: JSON, forms and queries brought to one shape, and parsed leniently. Numbers and booleans
//! may be text and the reverse; `null` is absent (contract, sections 1.2 and 17). Errors name the parameter and never its
//! value.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::text::{comma_separated, is_storable, single_line};

/// The parameters of a request, or of a nested object in it. `Serialize` is for the digest of a request with an
/// idempotency key.
#[derive(Clone, Default, Serialize)]
pub(crate) struct Parameters(Map<String, Value>);

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parameters([secret])")
    }
}

impl Parameters {
    /// Creates the parameters of a JSON object.
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Adds the parameters of `other`, which take precedence.
    pub(crate) fn extend(&mut self, other: Parameters) {
        self.0.extend(other.0);
    }

    fn value(&self, parameter: &str) -> Option<&Value> {
        self.0.get(parameter).filter(|value| !value.is_null())
    }

    /// Returns a text of any length. Booleans and integers are converted; other numbers have more than one spelling.
    pub(crate) fn text(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        let Some(value) = self.value(parameter) else { return Ok(None) };
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            _ => return Err(InputError::parameter(parameter, "expected a text")),
        };
        if !is_storable(&text) {
            return Err(InputError::parameter(parameter, "must not contain a NUL character"));
        }
        Ok(Some(text))
    }

    /// Returns a single line, trimmed: a name or an address.
    pub(crate) fn line(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        let Some(text) = self.text(parameter)? else { return Ok(None) };
        let line = single_line(&text).map_err(|error| InputError::parameter(parameter, error.expected()))?;
        Ok(Some(line.into()))
    }

    /// Returns a secret, unchanged to the byte.
    pub(crate) fn secret(&self, parameter: &'static str) -> Result<Option<SecretText>, InputError> {
        match self.value(parameter) {
            Some(Value::String(text)) => Ok(Some(SecretText::new(text.clone()))),
            _ => Ok(self.text(parameter)?.map(SecretText::new)),
        }
    }

    /// Returns a comma-separated list, normalized: items trimmed, empty ones dropped, joined by commas.
    pub(crate) fn list(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        Ok(self.text(parameter)?.map(|text| comma_separated(&text).collect::<Vec<_>>().join(",")))
    }

    /// Returns a boolean: `true`, `false`, `1`, `0`, `yes`, `no`, in any case. An empty text is absent.
    pub(crate) fn flag(&self, parameter: &'static str) -> Result<Option<bool>, InputError> {
        let Some(text) = self.text(parameter)? else { return Ok(None) };
        match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "true" | "1" | "yes" => Ok(Some(true)),
            "false" | "0" | "no" => Ok(Some(false)),
            _ => Err(InputError::parameter(parameter, "expected true or false")),
        }
    }

    /// Returns a whole number of 0 or more. An empty text is 0.
    pub(crate) fn number(&self, parameter: &'static str) -> Result<Option<i32>, InputError> {
        let Some(text) = self.text(parameter)? else { return Ok(None) };
        match text.trim() {
            "" => Ok(Some(0)),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map(Some).map_err(|_| InputError::parameter(parameter, "the number is too large"))
            }
            _ => Err(InputError::parameter(parameter, "expected a whole number")),
        }
    }

    /// Returns a nested object. An array of one object is the object (contract, section 5.3); an empty array is absent.
    pub(crate) fn object(&self, parameter: &'static str) -> Result<Option<Parameters>, InputError> {
        match self.value(parameter) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Parameters(members.clone()))),
            Some(Value::Array(elements)) => match elements.as_slice() {
                [] => Ok(None),
                [Value::Object(members)] => Ok(Some(Parameters(members.clone()))),
                _ => Err(InputError::parameter(parameter, "expected an object")),
            },
            // A form sends an empty text for an absent object.
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(_) => Err(InputError::parameter(parameter, "expected an object")),
        }
    }

    /// Returns an array of objects.
    pub(crate) fn objects(&self, parameter: &'static str) -> Result<Option<Vec<Parameters>>, InputError> {
        let wrong = || InputError::parameter(parameter, "expected an array of objects");
        match self.value(parameter) {
            None => Ok(None),
            Some(Value::Array(elements)) => {
                let object = |element: &Value| element.as_object().cloned().map(Parameters).ok_or_else(wrong);
                elements.iter().map(object).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sent(value: Value) -> Parameters {
        Parameters(json!({ "p": value }).as_object().unwrap().clone())
    }

    #[test]
    fn null_is_absent_and_empty_is_not() {
        assert!(sent(Value::Null).value("p").is_none() && sent(json!("")).value("p").is_some());
        assert_eq!(sent(Value::Null).text("p"), Ok(None));
        assert_eq!(sent(json!("")).text("p"), Ok(Some(String::new())));
    }

    #[test]
    fn texts_flags_and_numbers_stand_in_for_each_other() {
        assert_eq!(sent(json!(1234)).text("p"), Ok(Some("1234".into())));
        assert_eq!(sent(json!(true)).text("p"), Ok(Some("true".into())));
        for yes in [json!(true), json!(1), json!("1"), json!("YES"), json!("True")] {
            assert_eq!(sent(yes).flag("p"), Ok(Some(true)));
        }
        for no in [json!(false), json!(0), json!("no"), json!("FALSE")] {
            assert_eq!(sent(no).flag("p"), Ok(Some(false)));
        }
        assert_eq!(sent(json!(123)).number("p"), Ok(Some(123)));
        assert_eq!(sent(json!("123")).number("p"), Ok(Some(123)));
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused() {
        for value in [json!(1.5), json!(1e300), json!([]), json!({})] {
            assert!(sent(value.clone()).text("p").is_err(), "{value}");
            assert!(sent(value).secret("p").is_err());
        }
        for value in [json!("maybe"), json!(2), json!("-1")] {
            assert!(sent(value).flag("p").is_err());
        }
        for value in [json!("-1"), json!("1e3"), json!("99999999999"), json!("+1"), json!("x")] {
            assert!(sent(value).number("p").is_err());
        }
        for value in [json!("x"), json!(1), json!([{}, {}]), json!([1])] {
            assert!(sent(value).object("p").is_err());
        }
    }

    #[test]
    fn an_array_of_one_object_is_the_object() {
        assert!(sent(json!([{"a": 1}])).object("p").unwrap().unwrap().value("a").is_some());
        assert!(sent(json!([])).object("p").unwrap().is_none());
    }

    #[test]
    fn lists_are_trimmed_and_joined_by_commas() {
        assert_eq!(sent(json!(" api , app,, ")).list("p"), Ok(Some("api,app".into())));
    }

    #[test]
    fn a_line_has_no_control_characters_and_an_end() {
        assert!(sent(json!("a\nb")).line("p").is_err());
        assert!(sent(json!("a\u{0}b")).text("p").is_err());
        assert!(sent(json!("x".repeat(256))).line("p").is_err());
        assert_eq!(sent(json!(" é ")).line("p"), Ok(Some("é".into())));
    }

    proptest! {
        #[test]
        fn a_secret_is_kept_to_the_byte(secret in any::<String>()) {
            let kept = sent(json!(secret)).secret("p").unwrap().unwrap();
            prop_assert_eq!(kept.expose(), secret.as_str());
        }

        #[test]
        fn an_error_never_repeats_the_value(value in "[a-z]{12,30}") {
            for error in [
                sent(json!(value)).flag("p").unwrap_err(),
                sent(json!(value)).number("p").unwrap_err(),
                sent(json!(value)).object("p").unwrap_err(),
                sent(json!({ "x": value })).text("p").unwrap_err(),
            ] {
                let shown = format!("{error} {error:?}");
                prop_assert!(!shown.contains(&value));
            }
        }
    }
}
