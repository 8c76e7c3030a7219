//! Rules for text from any source: case folding, comma-separated lists, single lines, tags.
//!
//! Every limit is checked before a database sees the text. Errors say what is expected and never repeat the text.

pub mod encoding;

/// The longest name, hostname, username, identifier or tag, in characters.
pub const MAX_NAME_CHARS: usize = 255;
/// The most tags of one object.
pub const MAX_TAGS: usize = 64;

/// An error of a text check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.expected())]
pub enum TextError {
    /// A line break, an escape sequence or another control character.
    Control,
    /// More than [`MAX_NAME_CHARS`] characters.
    TooLong,
    /// More than [`MAX_TAGS`] tags.
    TooManyTags,
    /// A tag of more than [`MAX_NAME_CHARS`] characters.
    TagTooLong,
}

impl TextError {
    /// Returns the sentence that follows the name of the field.
    pub fn expected(self) -> &'static str {
        match self {
            TextError::Control => "must not contain control characters",
            TextError::TooLong => "must not be longer than 255 characters",
            TextError::TooManyTags => "must not list more than 64 tags",
            TextError::TagTooLong => "a tag must not be longer than 255 characters",
        }
    }
}

/// Folds case, for comparing names that ignore it.
pub fn case_folded(name: &str) -> String {
    name.to_lowercase()
}

/// Splits a comma-separated list into its items: trimmed, without empty ones.
pub fn comma_separated(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Whether a column can hold the text: PostgreSQL stores no NUL.
pub fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// Trims and checks a text of one line: a name, a hostname, an address.
///
/// # Errors
/// [`TextError::Control`], [`TextError::TooLong`].
pub fn single_line(text: &str) -> Result<&str, TextError> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    if text.chars().count() > MAX_NAME_CHARS { Err(TextError::TooLong) } else { Ok(text) }
}

/// Normalizes a comma-separated list of tags.
///
/// # Errors
/// [`TextError::TooManyTags`], [`TextError::TagTooLong`], [`TextError::Control`].
pub fn tags(text: &str) -> Result<String, TextError> {
    let items: Vec<&str> = comma_separated(text).collect();
    if items.len() > MAX_TAGS {
        return Err(TextError::TooManyTags);
    }
    for tag in &items {
        if tag.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        if tag.chars().count() > MAX_NAME_CHARS {
            return Err(TextError::TagTooLong);
        }
    }
    Ok(items.join(","))
}

/// Parses an id in a key: decimal digits without leading zeros. `None` for anything else, which is a name.
pub fn canonical_number(key: &str) -> Option<i32> {
    let digits = key.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (key == "0" || !key.starts_with('0'));
    if canonical { key.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_bounded_in_number_and_length() {
        assert_eq!(tags(" a , b,, c"), Ok("a,b,c".into()));
        let many = |count: usize| (0..count).map(|number| format!("t{number}")).collect::<Vec<_>>().join(",");
        assert!(tags(&many(64)).is_ok());
        assert_eq!(tags(&many(65)), Err(TextError::TooManyTags));
        assert!(tags(&"é".repeat(255)).is_ok());
        assert_eq!(tags(&"é".repeat(256)), Err(TextError::TagTooLong));
    }

    #[test]
    fn control_characters_are_refused_in_names_and_tags() {
        for text in ["a\nb", "a\u{1b}[31m", "a\rb", "a\u{0}b", "a\u{85}b"] {
            assert_eq!(tags(text), Err(TextError::Control), "{text:?}");
            assert_eq!(single_line(text), Err(TextError::Control), "{text:?}");
        }
        assert_eq!(single_line(" é "), Ok("é"));
        assert_eq!(single_line(&"x".repeat(256)), Err(TextError::TooLong));
    }

    #[test]
    fn a_number_has_one_spelling() {
        for (key, number) in [("0", Some(0)), ("12", Some(12)), ("2147483647", Some(i32::MAX))] {
            assert_eq!(canonical_number(key), number);
        }
        for key in ["", "0012", "00", "+1", "-1", "1.0", " 1", "1 ", "٣", "2147483648", "1e3", "0x1"] {
            assert_eq!(canonical_number(key), None, "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_read_from_a_key_is_written_the_same_way(key in "[0-9]{1,11}") {
            match canonical_number(&key) {
                Some(number) => prop_assert_eq!(number.to_string(), key),
                None => prop_assert!(key.starts_with('0') || key.parse::<i32>().is_err()),
            }
        }

        #[test]
        fn a_normalized_list_is_its_own_normal_form(text in "[ -~é,]{0,80}") {
            let once = tags(&text).unwrap();
            prop_assert_eq!(tags(&once).unwrap(), once);
        }
    }
}
