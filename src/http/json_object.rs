//! JSON objects in request bodies, with the members that came more than once.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use zeroize::Zeroize;

use super::input_error::InputError;
use super::repeated::Repeated;

/// A JSON object. Of a repeated member it has the last value.
pub(crate) struct JsonObject {
    pub(crate) members: WipedMembers,
    /// The first repeated member at any depth. The elements of an array count as the array.
    pub(crate) repeated: Repeated,
}

/// The members of a JSON object. They may be secrets, so their strings are wiped on drop.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct WipedMembers(Map<String, Value>);

impl WipedMembers {
    /// Wipes all strings; the members stay.
    fn wipe(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

impl Drop for WipedMembers {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl WipedMembers {
    /// Takes the members out, for a parser that wipes what it does not keep.
    pub(crate) fn take(mut self) -> Map<String, Value> {
        std::mem::take(&mut self.0)
    }
}

impl From<Map<String, Value>> for WipedMembers {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl Deref for WipedMembers {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for WipedMembers {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl fmt::Debug for JsonObject {
    /// Writes no value: members may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonObject([secret])")
    }
}

impl JsonObject {
    /// Parses a body.
    ///
    /// # Errors
    /// [`InputError::NotJson`], [`InputError::FormAsJson`], [`InputError::NotAnObject`].
    pub(crate) fn parse(text: &str) -> Result<Self, InputError> {
        match parse_value(text)? {
            (Value::Object(members), repeated) => Ok(Self { members: members.into(), repeated }),
            (mut other, _) => {
                wipe(&mut other);
                Err(InputError::NotAnObject)
            }
        }
    }

    /// Parses a body that is an array. Returns its elements, and their first repeated member.
    ///
    /// # Errors
    /// [`InputError::NotJson`], [`InputError::FormAsJson`], [`InputError::NotAnArray`].
    pub(crate) fn parse_array(text: &str) -> Result<(Vec<Value>, Repeated), InputError> {
        match parse_value(text)? {
            (Value::Array(elements), repeated) => Ok((elements, repeated)),
            (mut other, _) => {
                wipe(&mut other);
                Err(InputError::NotAnArray)
            }
        }
    }
}

/// Parses a value, and notes its first repeated member.
fn parse_value(text: &str) -> Result<(Value, Repeated), InputError> {
    let mut repeated = Repeated::default();
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed = Node(&mut repeated).deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    // The parser's own message repeats the input, so it is dropped.
    Ok((parsed.map_err(|_| InputError::not_json(text))?, repeated))
}

/// Wipes the strings of a value.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(elements) => elements.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A value to parse, and where its repeated members are noted.
struct Node<'a>(&'a mut Repeated);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let mut nested = Repeated::default();
            let value = map.next_value_seed(Node(&mut nested))?;
            self.0.extend_nested(&name, nested);
            if let Some(previous) = members.get_mut(&name) {
                self.0.note(|| name.clone());
                wipe(previous);
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element_seed(Node(self.0))? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn repeated(text: &str) -> Repeated {
        JsonObject::parse(text).unwrap().repeated
    }

    fn noted(path: &str) -> Repeated {
        let mut repeated = Repeated::default();
        repeated.note(|| path.into());
        repeated
    }

    #[test]
    fn a_repeated_member_is_noted_however_it_is_written() {
        for (text, expected) in [
            (r#"{"a": 1, "a": 1}"#, "a"),
            (r#"{"a": null, "b": 2, "\u0061": 3}"#, "a"),
            (r#"{"a": {"b": 1, "c": {}, "b": 2}}"#, "a.b"),
            (r#"{"a": [{"b": 1}, {"b": {"c": 1, "c": 2}}]}"#, "a.b.c"),
            (r#"{"a": {"b": 1, "b": 2}, "c": 1, "c": 2}"#, "a.b"),
            (r#"{"a": {"b": 1, "b": 2}, "a": 1}"#, "a.b"),
            (r#"{"": 1, "": 2}"#, ""),
        ] {
            assert_eq!(repeated(text), noted(expected), "{text}");
        }
        for text in [r#"{"a": 1, "A": 2}"#, r#"{"a": {"a": {"a": 1}}}"#, r#"{"a": [{"b": 1}, {"b": 1}]}"#, "{}"] {
            assert_eq!(repeated(text), Repeated::default(), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for (text, expected) in [
            ("", InputError::NotJson),
            ("{} {}", InputError::NotJson),
            ("{\"a\": \"\\ud800\"}", InputError::NotJson),
            ("a=1", InputError::FormAsJson),
            ("null", InputError::NotAnObject),
            ("[{}]", InputError::NotAnObject),
        ] {
            assert_eq!(JsonObject::parse(text).err(), Some(expected), "{text}");
        }
        assert_eq!(JsonObject::parse(&"[".repeat(100_000)).err(), Some(InputError::NotJson));
        assert_eq!(JsonObject::parse(&"{\"a\":".repeat(100_000)).err(), Some(InputError::NotJson));
    }

    #[test]
    fn a_wiped_value_has_no_text() {
        let mut members =
            JsonObject::parse(r#"{ "a": "secret", "b": ["secret", { "c": "secret" }] }"#).unwrap().members;
        members.wipe();
        assert_eq!(Value::Object(Map::clone(&members)), json!({ "a": "", "b": ["", { "c": "" }] }));
    }

    proptest! {
        #[test]
        fn a_value_is_read_as_the_library_reads_it(text in "[{}\\[\\]\":,a0-9.e\\-]{0,40}") {
            let theirs = serde_json::from_str::<Value>(&text).ok().and_then(|value| value.as_object().cloned());
            prop_assert_eq!(JsonObject::parse(&text).ok().map(|object| Map::clone(&object.members)), theirs);
        }

        #[test]
        fn any_object_comes_through_unchanged(name in any::<String>(), value in any::<String>(), number in any::<i64>()) {
            let sent = json!({ name: value, "nested": { "list": [number, null, true, 60.5, i64::MIN, u64::MAX] } });
            let read = JsonObject::parse(&sent.to_string()).unwrap();
            prop_assert_eq!(Value::Object(Map::clone(&read.members)), sent);
        }
    }
}
