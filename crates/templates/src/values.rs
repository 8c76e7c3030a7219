//! The values of a run, by tag.

use std::collections::BTreeMap;

use chaveiro_secret::SecretText;

use crate::tag::Tag;

/// The values that fill the tags of a template.
#[derive(Clone, Debug, Default)]
pub struct Values {
    by_name: BTreeMap<String, SecretText>,
}

impl Values {
    /// Returns no values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of a tag.
    #[must_use]
    pub fn with(mut self, tag: &Tag, value: SecretText) -> Self {
        self.by_name.insert(tag.name().to_owned(), value);
        self
    }

    /// Returns the value of a tag.
    pub fn get(&self, tag: &Tag) -> Option<&SecretText> {
        self.by_name.get(tag.name())
    }

    /// Returns the values that must be kept from logs.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretText> {
        let secret = |name: &str| Tag::new(name).is_none_or(|tag| tag.is_secret());
        self.by_name.iter().filter(move |(name, value)| secret(name) && !value.is_empty()).map(|(_, value)| value)
    }
}
