//! The members of a JSON body. Names are case-insensitive, unknown ones are ignored, and null is absent (contract,
//! section 1.4). Errors name the member and never its value.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::http::json_number::whole;
use crate::http::json_object::{JsonObject, WipedMembers};
use crate::http::repeated::Repeated;
use crate::text::storable;

/// The member that stands for the elements of a body that is a list.
const ELEMENTS: &str = "";

/// A JSON object.
#[derive(Default)]
pub(super) struct Members {
    members: WipedMembers,
    /// The repeated member of the body, at any depth: in errors, too, a member is named by its path.
    repeated: Repeated,
}

/// Returns the name of a member: the last part of the path by which an error names it.
fn name_of(path: &'static str) -> &'static str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Converts a whole number: `60.0` is 60.
fn integer(value: &Value) -> Option<i32> {
    let Value::Number(number) = value else { return None };
    whole(number)?.try_into().ok()
}

impl Members {
    /// Parses a body.
    ///
    /// # Errors
    /// [`InputError::NotJson`], [`InputError::FormAsJson`], [`InputError::NotAnObject`].
    pub(super) fn parse(text: &str) -> Result<Self, InputError> {
        let JsonObject { members, repeated } = JsonObject::parse(text)?;
        Ok(Self { members, repeated })
    }

    /// Parses a body that is a list of objects; [`Members::elements`] returns them.
    ///
    /// # Errors
    /// [`InputError::NotJson`], [`InputError::FormAsJson`], [`InputError::NotAnArray`].
    pub(super) fn parse_list(text: &str) -> Result<Self, InputError> {
        let (elements, repeated) = JsonObject::parse_array(text)?;
        let members = Map::from_iter([(ELEMENTS.to_string(), Value::Array(elements))]);
        Ok(Self { members: members.into(), repeated })
    }

    /// Returns the objects of a body that is a list.
    pub(super) fn elements(&self) -> Result<Vec<Members>, InputError> {
        let expected = |_| InputError::NotAnArray;
        self.sent_objects(ELEMENTS).map_err(expected).map(Option::unwrap_or_default)
    }

    /// Requires that no member is repeated, unknown ones included.
    ///
    /// # Errors
    /// [`InputError::Repeated`].
    pub(super) fn require_valid(&self) -> Result<(), InputError> {
        self.repeated.require_none()
    }

    fn nested(&self, members: &Map<String, Value>) -> Self {
        Self { members: members.clone().into(), repeated: self.repeated.clone() }
    }

    fn value(&self, path: &'static str) -> Result<Option<&Value>, InputError> {
        self.repeated.require_once(path, str::eq_ignore_ascii_case)?;
        let mut found = self.members.iter().filter(|(name, _)| name.eq_ignore_ascii_case(name_of(path)));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(InputError::repeated(path)),
            (found, None) => Ok(found.map(|(_, value)| value).filter(|value| !value.is_null())),
        }
    }

    fn read<T>(
        &self,
        path: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, InputError> {
        let Some(value) = self.value(path)? else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| InputError::parameter(path, expected))
    }

    /// Returns a string.
    pub(super) fn text(&self, path: &'static str) -> Result<Option<String>, InputError> {
        let text = self.read(path, "expected a string", |value| value.as_str().map(String::from))?;
        match text {
            Some(text) => match storable(&text) {
                Ok(_) => Ok(Some(text)),
                Err(error) => Err(InputError::parameter(path, error.expected())),
            },
            None => Ok(None),
        }
    }

    /// Returns a string that may be secret.
    pub(super) fn secret(&self, path: &'static str) -> Result<Option<SecretText>, InputError> {
        self.read(path, "expected a string", |value| value.as_str().map(|text| SecretText::new(text.into())))
    }

    /// Returns a 32-bit integer.
    pub(super) fn number(&self, path: &'static str) -> Result<Option<i32>, InputError> {
        self.read(path, "expected a 32-bit integer", integer)
    }

    /// Returns an array of 32-bit integers.
    pub(super) fn numbers(&self, path: &'static str) -> Result<Option<Vec<i32>>, InputError> {
        let numbers = |value: &Value| value.as_array()?.iter().map(integer).collect();
        self.read(path, "expected an array of 32-bit integers", numbers)
    }

    /// Returns a required 32-bit integer.
    pub(super) fn required_number(&self, path: &'static str) -> Result<i32, InputError> {
        self.number(path)?.ok_or_else(|| InputError::parameter(path, "required"))
    }

    /// Returns a boolean.
    pub(super) fn flag(&self, path: &'static str) -> Result<Option<bool>, InputError> {
        self.read(path, "expected true or false", Value::as_bool)
    }

    /// Returns a GUID.
    pub(super) fn guid(&self, path: &'static str) -> Result<Option<Uuid>, InputError> {
        self.read(path, "expected a GUID", |value| Uuid::parse_str(value.as_str()?.trim()).ok())
    }

    /// Returns an array of strings; absent is empty.
    pub(super) fn texts(&self, path: &'static str) -> Result<Vec<String>, InputError> {
        let texts = |value: &Value| value.as_array()?.iter().map(|text| text.as_str().map(String::from)).collect();
        Ok(self.read(path, "expected an array of strings", texts)?.unwrap_or_default())
    }

    /// Rejects a non-empty list: an unsupported member must not be dropped silently.
    pub(super) fn require_empty(&self, path: &'static str) -> Result<(), InputError> {
        let empty = self.read(path, "expected an array", |value| Some(value.as_array()?.is_empty()))?;
        if empty.unwrap_or(true) { Ok(()) } else { Err(InputError::parameter(path, "not supported, must be empty")) }
    }

    /// Returns a nested object.
    pub(super) fn object(&self, path: &'static str) -> Result<Option<Members>, InputError> {
        self.read(path, "expected an object", |value| Some(self.nested(value.as_object()?)))
    }

    /// Returns an array of objects; absent is empty.
    pub(super) fn objects(&self, path: &'static str) -> Result<Vec<Members>, InputError> {
        Ok(self.sent_objects(path)?.unwrap_or_default())
    }

    /// Returns an array of objects, where an empty one means something else than none.
    pub(super) fn sent_objects(&self, path: &'static str) -> Result<Option<Vec<Members>>, InputError> {
        let object = |element: &Value| Some(self.nested(element.as_object()?));
        let objects = |value: &Value| value.as_array()?.iter().map(object).collect();
        self.read(path, "expected an array of objects", objects)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn members(value: &Value) -> Members {
        Members::parse(&value.to_string()).unwrap()
    }

    #[test]
    fn names_count_in_any_case_and_only_once() {
        for name in ["Name", "name", "NAME"] {
            assert_eq!(members(&json!({ name: "x" })).text("Name"), Ok(Some("x".into())));
        }
        assert!(members(&json!({ "Name": "x", "name": "y" })).text("Name").is_err());
        assert_eq!(members(&json!({ "Other": 1, "Name": null })).text("Name"), Ok(None));
        assert_eq!(members(&json!({ "id": 7 })).number("ProviderTypeParamValues.ProviderTypeParam.Id"), Ok(Some(7)));
    }

    #[test]
    fn a_repeated_member_is_refused_by_its_path() {
        let sent = Members::parse(r#"{"name": "x", "Name": "y", "name": "z"}"#).unwrap();
        assert_eq!(sent.text("Name"), Err(InputError::repeated("Name")));
        let sent = Members::parse(r#"{"Id": 1, "values": [{"param": {"id": 1, "id": 2}}]}"#).unwrap();
        assert_eq!(
            (sent.number("Id"), sent.number("Values.Param.Id")),
            (Ok(Some(1)), Err(InputError::repeated("Values.Param.Id")))
        );
        let value = sent.objects("Values").unwrap().remove(0);
        let param = value.object("Values.Param").unwrap().unwrap();
        assert_eq!(param.number("Values.Param.Id"), Err(InputError::repeated("Values.Param.Id")));
        assert_eq!(sent.require_valid(), Err(InputError::Repeated));
        assert_eq!(members(&json!({ "Name": "x" })).require_valid(), Ok(()));
    }

    #[test]
    fn a_member_of_another_kind_is_refused_by_name() {
        let sent = members(&json!({ "Text": 1, "Number": "1", "Large": 3_000_000_000_u32, "Half": 1.5, "Flag": "true",
            "Guid": "x", "Object": [], "Objects": [1], "Nul": "a\0" }));
        let errors = [
            sent.text("Text").unwrap_err(),
            sent.text("Nul").unwrap_err(),
            sent.secret("Text").unwrap_err(),
            sent.number("Number").unwrap_err(),
            sent.number("Large").unwrap_err(),
            sent.number("Half").unwrap_err(),
            sent.flag("Flag").unwrap_err(),
            sent.guid("Guid").unwrap_err(),
            sent.object("Object").map(drop).unwrap_err(),
            sent.objects("Objects").map(drop).unwrap_err(),
        ];
        insta::assert_snapshot!(errors.map(|error| error.to_string()).join("\n"));
    }

    #[test]
    fn a_number_may_have_a_fraction_of_zero() {
        let sent = members(&json!({ "A": 60.0, "B": -2_147_483_648.0, "C": 2_147_483_648.0, "D": 60.5, "E": 1e300 }));
        assert_eq!((sent.number("A"), sent.number("B")), (Ok(Some(60)), Ok(Some(i32::MIN))));
        for path in ["C", "D", "E"] {
            assert!(sent.number(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_list_that_is_not_supported_may_only_be_empty() {
        let sent = members(&json!({ "Empty": [], "Null": null, "Full": [{}], "Text": "x" }));
        for path in ["Empty", "Null", "Absent"] {
            assert_eq!(sent.require_empty(path), Ok(()), "{path}");
        }
        assert!(sent.require_empty("Full").is_err() && sent.require_empty("Text").is_err());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(Members::parse("").err(), Some(InputError::NotJson));
        assert_eq!(Members::parse("null").err(), Some(InputError::NotAnObject));
        assert_eq!(Members::parse("[{}]").err(), Some(InputError::NotAnObject));
        assert_eq!(Members::parse("Name=x").err(), Some(InputError::FormAsJson));
        assert_eq!(Members::parse("{\"Name\": \"\\ud800\"}").err(), Some(InputError::NotJson));
        assert_eq!(Members::parse(&"[".repeat(100_000)).err(), Some(InputError::NotJson));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = Members::parse(&text);
        }

        #[test]
        fn a_secret_comes_through_unchanged(secret in any::<String>()) {
            let read = members(&json!({ "Value": secret })).secret("Value").unwrap().unwrap();
            prop_assert_eq!(read.expose(), secret.as_str());
        }
    }
}
