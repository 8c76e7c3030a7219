//! The members of a JSON body. Names are case-insensitive, unknown ones are ignored, and null is absent (contract,
//! section 1.4). Errors name the member and never its value.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::crypto::SecretText;
use crate::vault::{InvalidInput, VaultError};

/// A JSON object.
#[derive(Default)]
pub(super) struct Members(Map<String, Value>);

/// Returns the name of a member: the last part of the path by which an error names it.
fn name_of(path: &'static str) -> &'static str {
    path.rsplit('.').next().unwrap_or(path)
}

impl Members {
    /// Parses a body, whatever its content type says.
    ///
    /// # Errors
    /// [`InvalidInput::NotJson`], [`InvalidInput::NotAnObject`]
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, InvalidInput> {
        // Some clients of this API begin with a byte order mark.
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // The parser's own message repeats the input, so it is dropped.
        match serde_json::from_slice(text).map_err(|_| InvalidInput::NotJson)? {
            Value::Object(members) => Ok(Members(members)),
            _ => Err(InvalidInput::NotAnObject),
        }
    }

    fn value(&self, path: &'static str) -> Result<Option<&Value>, VaultError> {
        let mut found = self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(name_of(path)));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(InvalidInput::parameter(path, "must not be there twice")),
            (found, None) => Ok(found.map(|(_, value)| value).filter(|value| !value.is_null())),
        }
    }

    fn read<T>(
        &self,
        path: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, VaultError> {
        let Some(value) = self.value(path)? else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| InvalidInput::parameter(path, expected))
    }

    /// Returns a string.
    pub(super) fn text(&self, path: &'static str) -> Result<Option<String>, VaultError> {
        let text = self.read(path, "expected a text", |value| value.as_str().map(String::from))?;
        match text {
            Some(text) if text.contains('\0') => Err(InvalidInput::parameter(path, "must not hold a NUL character")),
            text => Ok(text),
        }
    }

    /// Returns a string that is secret, or may be.
    pub(super) fn secret(&self, path: &'static str) -> Result<Option<SecretText>, VaultError> {
        self.read(path, "expected a text", |value| value.as_str().map(|text| SecretText::new(text.into())))
    }

    /// Returns a 32-bit integer.
    pub(super) fn number(&self, path: &'static str) -> Result<Option<i32>, VaultError> {
        self.read(path, "expected a whole number of 32 bits", |value| value.as_i64()?.try_into().ok())
    }

    /// Returns a boolean.
    pub(super) fn flag(&self, path: &'static str) -> Result<Option<bool>, VaultError> {
        self.read(path, "expected true or false", Value::as_bool)
    }

    /// Returns a GUID.
    pub(super) fn guid(&self, path: &'static str) -> Result<Option<Uuid>, VaultError> {
        self.read(path, "expected a GUID", |value| Uuid::parse_str(value.as_str()?.trim()).ok())
    }

    /// Returns an array of strings; absent is empty.
    pub(super) fn texts(&self, path: &'static str) -> Result<Vec<String>, VaultError> {
        let texts = |value: &Value| value.as_array()?.iter().map(|text| text.as_str().map(String::from)).collect();
        Ok(self.read(path, "expected an array of texts", texts)?.unwrap_or_default())
    }

    /// Returns a nested object.
    pub(super) fn object(&self, path: &'static str) -> Result<Option<Members>, VaultError> {
        self.read(path, "expected an object", |value| value.as_object().cloned().map(Members))
    }

    /// Returns an array of objects; absent is empty.
    pub(super) fn objects(&self, path: &'static str) -> Result<Vec<Members>, VaultError> {
        let objects =
            |value: &Value| value.as_array()?.iter().map(|element| element.as_object().cloned().map(Members)).collect();
        Ok(self.read(path, "expected an array of objects", objects)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn members(value: &Value) -> Members {
        Members::parse(value.to_string().as_bytes()).unwrap()
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
    fn what_is_no_object_is_refused() {
        assert_eq!(Members::parse(b"").err(), Some(InvalidInput::NotJson));
        assert_eq!(Members::parse(b"null").err(), Some(InvalidInput::NotAnObject));
        assert_eq!(Members::parse(b"[{}]").err(), Some(InvalidInput::NotAnObject));
        assert!(Members::parse(b"\xef\xbb\xbf{}").is_ok());
        assert_eq!(Members::parse("[".repeat(100_000).as_bytes()).err(), Some(InvalidInput::NotJson));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Members::parse(&bytes);
        }

        #[test]
        fn a_secret_comes_through_unchanged(secret in any::<String>()) {
            let read = members(&json!({ "Value": secret })).secret("Value").unwrap().unwrap();
            prop_assert_eq!(read.expose(), secret.as_str());
        }
    }
}
