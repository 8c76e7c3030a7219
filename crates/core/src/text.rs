//! Rules for text from any source: case folding, comma-separated lists, single lines, tags.
//!
//! Every limit is checked before a database sees the text. Errors say what is expected and never repeat the text.

pub mod bech32;
pub mod encoding;

/// The longest name, hostname, username, identifier or tag, in characters.
pub const MAX_NAME_CHARS: usize = 255;
/// The longest free text, such as a description or a URL, in characters.
pub const MAX_TEXT_CHARS: usize = 4096;
/// The longest comma-separated list, and the longest public key, in characters.
pub const MAX_LONG_TEXT_CHARS: usize = 16384;
/// The most tags of one object.
pub const MAX_TAGS: usize = 64;
/// The most items of any other list.
pub const MAX_ITEMS: usize = 256;

/// An error of a text check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.expected())]
pub enum TextError {
    /// A NUL character, which PostgreSQL does not store.
    Nul,
    /// A line break, an escape sequence or another control character.
    Control,
    /// More than [`MAX_NAME_CHARS`] characters.
    TooLong,
    /// More than [`MAX_TEXT_CHARS`] characters.
    TextTooLong,
    /// More than [`MAX_LONG_TEXT_CHARS`] characters.
    LongTextTooLong,
    /// More than [`MAX_TAGS`] tags.
    TooManyTags,
    /// More than [`MAX_ITEMS`] items.
    TooManyItems,
    /// A list item of more than [`MAX_NAME_CHARS`] characters.
    ItemTooLong,
}

impl TextError {
    /// Returns the sentence that follows the name of the field.
    pub fn expected(self) -> &'static str {
        match self {
            TextError::Nul => "must not contain a NUL character",
            TextError::Control => "must not contain control characters",
            TextError::TooLong => "must not be longer than 255 characters",
            TextError::TextTooLong => "must not be longer than 4096 characters",
            TextError::LongTextTooLong => "must not be longer than 16384 characters",
            TextError::TooManyItems => "must not list more than 256 items",
            TextError::TooManyTags => "must not list more than 64 tags",
            TextError::ItemTooLong => "an item must not be longer than 255 characters",
        }
    }
}

/// Folds case, for comparing names that ignore it.
pub fn case_folded(name: &str) -> String {
    name.to_lowercase()
}

/// Whether two names are the same, ignoring case.
pub fn is_same_name(one: &str, other: &str) -> bool {
    one == other || case_folded(one) == case_folded(other)
}

/// Splits a comma-separated list into its items: trimmed, without empty ones.
pub fn comma_separated(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Removes one line end (LF or CRLF) at the end of a file, a line of input or a body, and nothing else.
pub fn without_line_end(text: &str) -> &str {
    match text.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => text,
    }
}

/// Whether a column can hold the text: PostgreSQL stores no NUL.
pub fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// Checks that a column can hold the text.
///
/// # Errors
/// [`TextError::Nul`].
pub fn storable(text: &str) -> Result<&str, TextError> {
    if is_storable(text) { Ok(text) } else { Err(TextError::Nul) }
}

/// Checks a free text: storable, of at most [`MAX_TEXT_CHARS`] characters.
///
/// # Errors
/// [`TextError::Nul`], [`TextError::TextTooLong`].
pub fn free_text(text: &str) -> Result<&str, TextError> {
    if text.chars().count() > MAX_TEXT_CHARS { Err(TextError::TextTooLong) } else { storable(text) }
}

/// As [`free_text()`], of at most [`MAX_LONG_TEXT_CHARS`] characters.
///
/// # Errors
/// [`TextError::Nul`], [`TextError::LongTextTooLong`].
pub fn long_text(text: &str) -> Result<&str, TextError> {
    if text.chars().count() > MAX_LONG_TEXT_CHARS { Err(TextError::LongTextTooLong) } else { storable(text) }
}

/// Trims and checks a text of one line.
///
/// It has no control characters, such as line breaks and those that begin escape sequences, and no line or paragraph
/// separators of Unicode. Marks of writing direction and joiners are allowed: some languages need them.
///
/// # Errors
/// [`TextError::Control`].
pub fn line(text: &str) -> Result<&str, TextError> {
    let text = text.trim();
    if text.contains(is_control) { Err(TextError::Control) } else { Ok(text) }
}

/// Whether a character is a control character, or a line or paragraph separator of Unicode.
pub fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether a terminal or an editor would obey a character rather than show it: it moves the cursor, colours the text, or changes
/// the direction of writing.
pub fn is_hidden(character: char) -> bool {
    is_control(character)
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text with its hidden characters as escapes: a stored name must not make a line of a table or of a log look like another
/// one.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Trims and checks a line, as [`line()`] does, of at most [`MAX_NAME_CHARS`] characters: a name, an address.
///
/// # Errors
/// [`TextError::Control`], [`TextError::TooLong`].
pub fn single_line(text: &str) -> Result<&str, TextError> {
    let text = line(text)?;
    if text.chars().count() > MAX_NAME_CHARS { Err(TextError::TooLong) } else { Ok(text) }
}

/// Normalizes a comma-separated list: items trimmed, empty ones dropped, joined by commas.
///
/// Each item is a single line. There are at most [`MAX_ITEMS`], of at most [`MAX_LONG_TEXT_CHARS`] characters together.
///
/// # Errors
/// [`TextError::TooManyItems`], [`TextError::Control`], [`TextError::ItemTooLong`], [`TextError::LongTextTooLong`].
pub fn list(text: &str) -> Result<String, TextError> {
    if comma_separated(text).count() > MAX_ITEMS {
        return Err(TextError::TooManyItems);
    }
    let item = |item| {
        single_line(item).map_err(|error| if error == TextError::TooLong { TextError::ItemTooLong } else { error })
    };
    let list = comma_separated(text).map(item).collect::<Result<Vec<_>, _>>()?.join(",");
    long_text(&list)?;
    Ok(list)
}

/// Normalizes a comma-separated list of tags.
///
/// # Errors
/// [`TextError::TooManyTags`]; as [`list()`].
pub fn tags(text: &str) -> Result<String, TextError> {
    if comma_separated(text).count() > MAX_TAGS { Err(TextError::TooManyTags) } else { list(text) }
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
        assert_eq!(tags(&"é".repeat(256)), Err(TextError::ItemTooLong));
        assert_eq!(list(&format!("a,{}", "é".repeat(256))), Err(TextError::ItemTooLong));
        assert!(list(&many(256)).is_ok());
        assert_eq!(list(&many(257)), Err(TextError::TooManyItems));
    }

    #[test]
    fn texts_are_bounded_in_characters() {
        assert!(free_text(&"é".repeat(4096)).is_ok());
        assert_eq!(free_text(&"é".repeat(4097)), Err(TextError::TextTooLong));
        assert!(long_text(&"é".repeat(16384)).is_ok());
        assert_eq!(long_text(&"é".repeat(16385)), Err(TextError::LongTextTooLong));
        assert_eq!(free_text("a\0b").or(long_text("a\0b")), Err(TextError::Nul));
        // 64 tags of the greatest length still fit.
        let longest = vec!["é".repeat(255); 64].join(",");
        assert_eq!(tags(&longest), Ok(longest.clone()));
        assert_eq!(list(&format!("{longest},ab")), Err(TextError::LongTextTooLong));
    }

    #[test]
    fn one_line_end_is_removed() {
        for (text, kept) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a\r\r\n", "a\r"),
            ("a\r", "a\r"),
            ("a \t", "a \t"),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(without_line_end(text), kept, "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_refused_in_names_and_tags() {
        for text in ["a\nb", "a\u{1b}[31m", "a\rb", "a\u{0}b", "a\u{85}b", "a\u{9b}b", "a\u{2028}b", "a\u{2029}b"] {
            assert_eq!(tags(text), Err(TextError::Control), "{text:?}");
            assert_eq!(list(text), Err(TextError::Control), "{text:?}");
            assert_eq!(single_line(text), Err(TextError::Control), "{text:?}");
            assert_eq!(line(text), Err(TextError::Control), "{text:?}");
        }
        // Persian, Hebrew and emoji need joiners and marks of direction.
        for text in ["می\u{200c}خواهم", "\u{200f}שלום", "👩\u{200d}💻", "a\u{200b}b", "\u{feff}a"] {
            assert_eq!(single_line(text), Ok(text), "{text:?}");
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
