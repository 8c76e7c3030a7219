//! The values of a secret: a list of objects, sealed as one JSON document.

use std::collections::HashSet;

use crate::crypto::{SealError, SecretText};
use crate::text::{is_control, is_storable};
use crate::vault::{Field, VaultError};

/// The longest name of a value, in characters.
const MAX_NAME_CHARS: usize = 255;

/// An object: names and values, in order. `None` is a value that is shown as null.
pub type Object = Vec<(String, Option<SecretText>)>;

/// The values of a secret.
#[derive(Clone, Debug, Default)]
pub struct SecretData(pub Vec<Object>);

impl SecretData {
    /// Checks the names: programs merge the objects, so that of two values under one name one would be lost.
    ///
    /// # Errors
    /// [`VaultError::Invalid`].
    pub(super) fn check(&self) -> Result<(), VaultError> {
        let mut names = HashSet::new();
        for (name, value) in self.0.iter().flatten() {
            if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.contains(is_control) {
                let expected = "expected names of 1 to 255 characters, without control characters";
                return Err(VaultError::invalid(Field::Content, expected));
            }
            if value.is_some() && !names.insert(name) {
                let expected = "two values have the same name; give each a label of its own";
                return Err(VaultError::invalid(Field::Content, expected));
            }
            if value.as_ref().is_some_and(|value| !is_storable(value.expose())) {
                return Err(VaultError::invalid(Field::Content, "must not contain a NUL character"));
            }
        }
        Ok(())
    }

    /// Returns the value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&SecretText> {
        let named = self.0.iter().flatten().find(|(other, value)| other == name && value.is_some());
        named.and_then(|(_, value)| value.as_ref())
    }

    /// Encodes the values for sealing.
    pub(super) fn encode(&self) -> Result<SecretText, VaultError> {
        let member = |(name, value): &(String, Option<SecretText>)| (name.clone(), value.clone());
        let objects: Vec<Vec<(String, Exposed)>> = self
            .0
            .iter()
            .map(|object| object.iter().map(member).map(|(name, value)| (name, Exposed(value))).collect())
            .collect();
        Ok(SecretText::new(serde_json::to_string(&objects).map_err(|_| SealError)?))
    }

    /// Decodes unsealed values.
    pub(super) fn decode(text: &SecretText) -> Result<Self, VaultError> {
        let objects: Vec<Vec<(String, Option<String>)>> = serde_json::from_str(text.expose()).map_err(|_| SealError)?;
        let object = |object: Vec<(String, Option<String>)>| {
            object.into_iter().map(|(name, value)| (name, value.map(SecretText::new))).collect()
        };
        Ok(Self(objects.into_iter().map(object).collect()))
    }
}

/// A value in the document that is sealed.
struct Exposed(Option<SecretText>);

impl serde::Serialize for Exposed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().map(SecretText::expose).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(objects: &[&[(&str, Option<&str>)]]) -> SecretData {
        let member =
            |(name, value): &(&str, Option<&str>)| (name.to_string(), value.map(|value| SecretText::new(value.into())));
        SecretData(objects.iter().map(|object| object.iter().map(member).collect()).collect())
    }

    #[test]
    fn every_value_has_a_name_of_its_own() {
        let (x, y) = (Some("x"), Some("y"));
        for right in [
            data(&[]),
            data(&[&[("a", x), ("b", x)], &[("A", x)]]),
            data(&[&[("a", x), ("TTL", None)], &[("TTL", None)]]),
        ] {
            right.check().unwrap();
        }
        let long = "n".repeat(256);
        for wrong in [
            data(&[&[("a", x)], &[("a", y)]]),
            data(&[&[("a", x), ("a", x)]]),
            data(&[&[("", x)]]),
            data(&[&[("a\n", x)]]),
            data(&[&[(&long, x)]]),
            data(&[&[("a", Some("x\0"))]]),
        ] {
            assert!(matches!(wrong.check(), Err(VaultError::Invalid(invalid)) if invalid.field == Field::Content));
        }
    }

    proptest! {
        #[test]
        fn values_come_back_in_their_order(names in prop::collection::vec(any::<(String, Option<String>)>(), 0..8)) {
            let object = names.iter().map(|(name, value)| (name.clone(), value.clone().map(SecretText::new))).collect();
            let decoded = SecretData::decode(&SecretData(vec![object, Vec::new()]).encode().unwrap()).unwrap();
            let read: Vec<(String, Option<String>)> = decoded.0[0]
                .iter()
                .map(|(name, value)| (name.clone(), value.as_ref().map(|value| value.expose().to_string())))
                .collect();
            prop_assert_eq!(read, names);
            prop_assert!(decoded.0[1].is_empty() && decoded.0.len() == 2);
        }
    }
}
