//! Parameters as clients send them: JSON, forms and queries brought to one shape, and parsed leniently. Numbers and booleans
//! may be text and the reverse; `null` is absent (contract, sections 1.2 and 17). Errors name the parameter and never its
//! value.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::http::json_number::whole;
use crate::http::json_object::{JsonObject, WipedMembers};
use crate::http::repeated::Repeated;
use crate::text::{MAX_ITEMS, TextError, canonical_number, free_text, line, list, long_text, single_line, storable};

/// The parameters of a request, or of a nested object in it. `Serialize` is for the digest of a request with an
/// idempotency key.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Parameters {
    members: WipedMembers,
    /// The names of values that are not UTF-8, which are errors of these parameters.
    #[serde(skip)]
    not_utf8: Vec<String>,
    /// The names of groups of a form with members that are groups themselves, which are errors of these parameters.
    #[serde(skip)]
    too_deep: Vec<String>,
    #[serde(skip)]
    repeated: Repeated,
}

impl From<JsonObject> for Parameters {
    fn from(object: JsonObject) -> Self {
        Self { members: object.members, repeated: object.repeated, ..Self::default() }
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parameters([secret])")
    }
}

impl Parameters {
    /// Creates the parameters of a test.
    #[cfg(test)]
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self { members: members.into(), ..Self::default() }
    }

    /// Creates the parameters of a form. `not_utf8` are the names of values that are not UTF-8, and `too_deep` those of groups
    /// that nest more than one level.
    pub(super) fn from_form(
        members: Map<String, Value>,
        not_utf8: Vec<String>,
        too_deep: Vec<String>,
        repeated: Repeated,
    ) -> Self {
        Self { members: members.into(), not_utf8, too_deep, repeated }
    }

    /// Adds the parameters of `other`, which take precedence.
    pub(crate) fn extend(&mut self, mut other: Parameters) {
        self.members.extend(std::mem::take(&mut *other.members));
        self.not_utf8.extend(other.not_utf8);
        self.too_deep.extend(other.too_deep);
        self.repeated.extend(other.repeated);
    }

    /// Requires UTF-8 and one level of nesting of the values that were not read, and that no name is repeated, too: nothing of a
    /// malformed request takes effect.
    ///
    /// # Errors
    /// [`InputError::NotUtf8`], [`InputError::NestedForm`], [`InputError::Repeated`].
    pub(crate) fn require_valid(&self) -> Result<(), InputError> {
        if !self.not_utf8.is_empty() {
            return Err(InputError::NotUtf8("value of every parameter"));
        }
        if !self.too_deep.is_empty() {
            return Err(InputError::NestedForm);
        }
        self.repeated.require_none()
    }

    fn value(&self, parameter: &'static str) -> Result<Option<&Value>, InputError> {
        if self.not_utf8.iter().any(|name| name == parameter) {
            return Err(InputError::not_utf8(parameter));
        }
        if self.too_deep.iter().any(|name| name == parameter) {
            return Err(InputError::parameter(parameter, "a form nests one level deep, as group[member]; send JSON"));
        }
        self.repeated.require_once(parameter, str::eq)?;
        Ok(self.members.get(parameter).filter(|value| !value.is_null()))
    }

    /// Returns a free text of at most 4096 characters.
    pub(crate) fn text(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        self.checked(parameter, |text| free_text(text).map(String::from))
    }

    /// Returns a text of at most 16384 characters: a public key.
    pub(crate) fn long_text(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        self.checked(parameter, |text| long_text(text).map(String::from))
    }

    /// Returns a text of any length. Booleans and integers are converted; other numbers have more than one spelling.
    fn any_text(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        let Some(value) = self.value(parameter)? else { return Ok(None) };
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            Value::Number(_) => {
                let expected = "expected a string: a number with a fraction or an exponent has several spellings";
                return Err(InputError::parameter(parameter, expected));
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(InputError::parameter(parameter, "expected a string"));
            }
        };
        match storable(&text) {
            Ok(_) => Ok(Some(text)),
            Err(error) => Err(InputError::parameter(parameter, error.expected())),
        }
    }

    /// Returns a single line of at most 255 characters, trimmed: a name or an address.
    pub(crate) fn line(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        self.checked(parameter, |text| single_line(text).map(String::from))
    }

    /// Returns a single line of at most 4096 characters, trimmed: a URL.
    pub(crate) fn long_line(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        self.checked(parameter, |text| free_text(line(text)?).map(String::from))
    }

    fn checked(
        &self,
        parameter: &'static str,
        check: impl FnOnce(&str) -> Result<String, TextError>,
    ) -> Result<Option<String>, InputError> {
        let Some(text) = self.any_text(parameter)? else { return Ok(None) };
        check(&text).map(Some).map_err(|error| InputError::parameter(parameter, error.expected()))
    }

    /// Returns a secret, unchanged to the byte.
    pub(crate) fn secret(&self, parameter: &'static str) -> Result<Option<SecretText>, InputError> {
        match self.value(parameter)? {
            Some(Value::String(text)) => Ok(Some(SecretText::new(text.clone()))),
            _ => Ok(self.any_text(parameter)?.map(SecretText::new)),
        }
    }

    /// Returns a comma-separated list, normalized: items trimmed, empty ones dropped, joined by commas. Each item is a line.
    pub(crate) fn list(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        self.checked(parameter, list)
    }

    /// Returns a text in which a whole number may have a fraction of zero.
    fn number_text(&self, parameter: &'static str) -> Result<Option<String>, InputError> {
        match self.value(parameter)? {
            Some(Value::Number(number)) => {
                Ok(Some(whole(number).map_or(number.to_string(), |whole| whole.to_string())))
            }
            _ => self.any_text(parameter),
        }
    }

    /// Returns a boolean: `true`, `false`, `1`, `0`, `yes`, `no`, in any case. An empty text is absent.
    pub(crate) fn flag(&self, parameter: &'static str) -> Result<Option<bool>, InputError> {
        let Some(text) = self.number_text(parameter)? else { return Ok(None) };
        match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "true" | "1" | "yes" => Ok(Some(true)),
            "false" | "0" | "no" => Ok(Some(false)),
            _ => Err(InputError::parameter(parameter, "expected true or false")),
        }
    }

    /// Returns a whole number of 0 or more. An empty text is 0.
    pub(crate) fn number(&self, parameter: &'static str) -> Result<Option<i32>, InputError> {
        let parse =
            |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        self.parsed_number(parameter, parse, "expected a whole number from 0 to 2147483647")
    }

    /// Returns the id of an object, spelt as in a key: without leading zeros. An empty text is 0.
    pub(crate) fn id(&self, parameter: &'static str) -> Result<Option<i32>, InputError> {
        self.parsed_number(parameter, canonical_number, "expected an id, a whole number without leading zeros")
    }

    fn parsed_number(
        &self,
        parameter: &'static str,
        parse: impl FnOnce(&str) -> Option<i32>,
        expected: &'static str,
    ) -> Result<Option<i32>, InputError> {
        let Some(text) = self.number_text(parameter)? else { return Ok(None) };
        match text.trim() {
            "" => Ok(Some(0)),
            digits => parse(digits).map(Some).ok_or_else(|| InputError::parameter(parameter, expected)),
        }
    }

    /// Returns a nested object. An array of one object is the object (contract, section 5.3); an empty array is absent.
    pub(crate) fn object(&self, parameter: &'static str) -> Result<Option<Parameters>, InputError> {
        match self.value(parameter)? {
            None => Ok(None),
            Some(Value::Object(members)) => {
                Ok(Some(Self { not_utf8: self.not_utf8_in(parameter), ..self.nested(parameter, members) }))
            }
            Some(Value::Array(elements)) => match elements.as_slice() {
                [] => Ok(None),
                [Value::Object(members)] => Ok(Some(self.nested(parameter, members))),
                _ => Err(InputError::parameter(parameter, "expected an object")),
            },
            // A form sends an empty text for an absent object.
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(_) => Err(InputError::parameter(parameter, "expected an object")),
        }
    }

    /// Creates the parameters of an object in the member `parameter`.
    fn nested(&self, parameter: &str, members: &Map<String, Value>) -> Self {
        Self { members: members.clone().into(), repeated: self.repeated.nested(parameter), ..Self::default() }
    }

    /// Returns the names of the members of a group of a form whose values are not UTF-8.
    fn not_utf8_in(&self, group: &str) -> Vec<String> {
        let member = |name: &String| Some(name.strip_prefix(group)?.strip_prefix('[')?.strip_suffix(']')?.to_string());
        self.not_utf8.iter().filter_map(member).collect()
    }

    /// Returns an array of at most [`MAX_ITEMS`] objects.
    pub(crate) fn few_objects(&self, parameter: &'static str) -> Result<Option<Vec<Parameters>>, InputError> {
        let objects = self.objects(parameter)?;
        if objects.as_ref().is_some_and(|objects| objects.len() > MAX_ITEMS) {
            return Err(InputError::parameter(parameter, TextError::TooManyItems.expected()));
        }
        Ok(objects)
    }

    /// Returns an array of objects. An empty text is absent, as for [`Parameters::object`].
    pub(crate) fn objects(&self, parameter: &'static str) -> Result<Option<Vec<Parameters>>, InputError> {
        let wrong = || InputError::parameter(parameter, "expected an array of objects");
        match self.value(parameter)? {
            None => Ok(None),
            Some(Value::Array(elements)) => {
                let object = |element: &Value| Ok(self.nested(parameter, element.as_object().ok_or_else(wrong)?));
                elements.iter().map(object).collect::<Result<_, _>>().map(Some)
            }
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(_) => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests;
