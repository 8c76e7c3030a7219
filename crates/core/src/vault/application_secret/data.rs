//! The values of a secret: a list of objects, sealed as one JSON document.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::crypto::{SealError, SecretText};
use crate::text::is_control;
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
        let mut names: HashMap<&str, (usize, bool)> = HashMap::new();
        let members =
            self.0.iter().enumerate().flat_map(|(index, object)| object.iter().map(move |member| (index, member)));
        for (index, (name, value)) in members {
            if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.contains(is_control) {
                let expected = "expected names of 1 to 255 characters, without control characters";
                return Err(VaultError::invalid(Field::Content, expected));
            }
            // A null, too, would hide the value, or be a second member of the same name.
            let other = names.insert(name, (index, value.is_some()));
            if other.is_some_and(|(object, has_value)| has_value || value.is_some() || object == index) {
                let expected = "two values have the same name; give each a label of its own";
                return Err(VaultError::invalid(Field::Content, expected));
            }
        }
        Ok(())
    }

    /// Returns the values by their names.
    pub(super) fn by_name(&self) -> HashMap<&str, &SecretText> {
        let members = self.0.iter().flatten();
        members.filter_map(|(name, value)| value.as_ref().map(|value| (name.as_str(), value))).collect()
    }

    /// Encodes the values for sealing.
    pub(super) fn encode(&self) -> Result<SecretText, VaultError> {
        let mut most = 2_usize;
        let mut objects: Vec<Vec<(&str, Option<&str>)>> = Vec::with_capacity(self.0.len());
        for object in &self.0 {
            let members: Vec<_> =
                object.iter().map(|(name, value)| (name.as_str(), value.as_ref().map(SecretText::expose))).collect();
            // Six bytes for an escaped character, and the punctuation around the two.
            let bytes = |(name, value): &(&str, Option<&str>)| 6 * (name.len() + value.map_or(0, str::len)) + 16;
            most = most.saturating_add(members.iter().map(bytes).sum::<usize>() + 3);
            objects.push(members);
        }
        // Does not grow: what a buffer leaves behind as it moves is not wiped.
        let mut json = Zeroizing::new(Vec::with_capacity(most));
        serde_json::to_writer(&mut *json, &objects).map_err(|_| SealError)?;
        debug_assert!(json.len() <= most);
        let text = String::from_utf8(std::mem::take(&mut *json)).map_err(|_| SealError)?;
        Ok(SecretText::new(text))
    }

    /// Decodes unsealed values.
    pub(super) fn decode(text: &SecretText) -> Result<Self, VaultError> {
        Ok(Self(serde_json::from_str(text.expose()).map_err(|_| SealError)?))
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
            data(&[&[("TTL", None)], &[("TTL", x)]]),
            data(&[&[("TTL", x)], &[("TTL", None)]]),
            data(&[&[("a", None), ("a", None)]]),
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
