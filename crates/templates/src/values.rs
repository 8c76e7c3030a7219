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

    /// Returns the value of a tag. `COE_SENHA` and `AUTH_PASSWORD` are two names of the authentication account's password.
    pub fn get(&self, tag: &Tag) -> Option<&SecretText> {
        let other = match tag.name() {
            "COE_SENHA" => "AUTH_PASSWORD",
            "AUTH_PASSWORD" => "COE_SENHA",
            name => name,
        };
        self.by_name.get(tag.name()).or_else(|| self.by_name.get(other))
    }

    /// Returns the values that must be kept from logs.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretText> {
        let secret = |name: &str| Tag::new(name).is_none_or(|tag| tag.is_secret());
        self.by_name.iter().filter(move |(name, value)| secret(name) && !value.is_empty()).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_names_of_a_password_have_one_value() {
        let [first, second] = ["COE_SENHA", "auth_password"].map(|name| Tag::new(name).unwrap());
        let values = Values::new().with(&first, SecretText::new("x".into()));
        assert_eq!(values.get(&second).unwrap().expose(), "x");
        assert!(values.get(&Tag::new_password()).is_none());
    }

    #[test]
    fn public_and_empty_values_are_no_secrets() {
        let [user, token] = ["USERNAME", "MY_TOKEN"].map(|name| Tag::new(name).unwrap());
        let text = |text: &str| SecretText::new(text.into());
        let values =
            Values::new().with(&user, text("alice")).with(&token, text("t")).with(&Tag::new_password(), text(""));
        assert_eq!(values.secrets().map(SecretText::expose).collect::<Vec<_>>(), ["t"]);
    }
}
