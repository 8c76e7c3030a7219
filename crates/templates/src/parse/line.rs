//! A line, and the reading of its words and strings.

use crate::position::Position;
use crate::template::Oddity;
use crate::text::{Escapes, Text};

use super::Oddities;

/// A line of a template, without its line end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    number: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn new(number: usize, text: &'a str) -> Self {
        Self { number, text }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn trimmed(&self) -> &'a str {
        self.text.trim()
    }

    pub(super) fn is_comment(&self) -> bool {
        self.trimmed().starts_with('#')
    }

    /// Whether a command is on the line.
    pub(super) fn is_code(&self) -> bool {
        !self.trimmed().is_empty() && !self.is_comment()
    }

    /// Returns the position of a byte of the line.
    pub(super) fn position_of(&self, byte: usize) -> Position {
        let before = self.text.get(..byte).map_or(0, |before| before.chars().count());
        Position::new(self.number, before + 1)
    }

    /// Returns the position of a part of the line, which must be a slice of its text.
    pub(super) fn position(&self, part: &str) -> Position {
        // A slice of the line starts inside of it; anything else is at the line's start.
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.position_of(offset)
    }

    /// Returns the position of the first character that is no blank.
    pub(super) fn start(&self) -> Position {
        self.position(self.text.trim_start())
    }

    /// Splits the line into its first word and the rest, without blanks around both.
    pub(super) fn command(&self) -> (&'a str, &'a str) {
        let trimmed = self.trimmed();
        match trimmed.find(|c: char| c.is_whitespace() || c == '"') {
            Some(end) => (&trimmed[..end], trimmed[end..].trim_start()),
            None => (trimmed, &trimmed[trimmed.len()..]),
        }
    }

    /// Reads an argument that is quoted or takes the rest of the line, with a comment after it.
    ///
    /// The original does not escape quotes: `exec "edit "x""` sends `edit "x"`. So the closing quote is the last of the line when
    /// the line ends in one, and else the first that a comment follows.
    pub(super) fn argument(&self, rest: &'a str, escapes: Escapes, oddities: &mut Oddities) -> Text {
        let Some(inner) = rest.strip_prefix('"') else {
            return Text::parse(rest.trim_end(), self.position(rest), escapes);
        };
        let body = closing_quote(inner).map_or(inner, |end| &inner[..end]);
        let after = inner.get(body.len() + 1..).unwrap_or("").trim();
        if body.len() == inner.len() {
            oddities.add(self.position(rest), Oddity::UnclosedString);
        } else if !after.is_empty() && !after.starts_with('#') {
            oddities.add(self.position(after), Oddity::TextAfterString);
        }
        if let Some(quote) = unescaped_quote(body) {
            oddities.add(self.position(&body[quote..]), Oddity::QuoteInString);
        }
        Text::parse(body, self.position(inner), escapes)
    }
}

/// Returns where the string ends that starts before `inner`.
pub(super) fn closing_quote(inner: &str) -> Option<usize> {
    let trimmed = inner.trim_end();
    let last = trimmed.len().checked_sub(1)?;
    if trimmed.ends_with('"') && !is_escaped(trimmed, last) {
        return Some(last);
    }
    let quotes = || inner.match_indices('"').map(|(index, _)| index).filter(|index| !is_escaped(inner, *index));
    quotes().find(|index| inner[index + 1..].trim_start().starts_with('#')).or_else(|| quotes().next_back())
}

/// Whether an odd number of backslashes stands before a byte.
fn is_escaped(text: &str, at: usize) -> bool {
    text.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

fn unescaped_quote(body: &str) -> Option<usize> {
    body.match_indices('"').map(|(index, _)| index).find(|index| !is_escaped(body, *index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rest: &str) -> (String, Vec<Oddity>) {
        let mut oddities = Oddities::default();
        let text = Line::new(1, rest).argument(rest, Escapes::Quotes, &mut oddities).skeleton("TAG");
        (text, oddities.0.into_iter().map(|(_, oddity)| oddity).collect())
    }

    #[test]
    fn strings_end_where_the_original_ends_them() {
        let cases: [(&str, &str, &[Oddity]); 8] = [
            (r#""plain""#, "plain", &[]),
            (r#""edit "[#IP#]"""#, r#"edit "TAG""#, &[Oddity::QuoteInString]),
            (r#""a \"b\"""#, r#"a "b""#, &[]),
            (r##""exit" # leave"##, "exit", &[]),
            (r##""exit"#leave"##, "exit", &[]),
            (r#""*]"#, "*]", &[Oddity::UnclosedString]),
            (r#""EXECUTED"]"#, "EXECUTED", &[Oddity::TextAfterString]),
            ("clish", "clish", &[]),
        ];
        for (rest, text, oddities) in cases {
            assert_eq!(read(rest), (text.into(), oddities.to_vec()), "{rest}");
        }
    }

    #[test]
    fn positions_count_characters() {
        let line = Line::new(3, "  é \"x\"");
        assert_eq!(line.start(), Position::new(3, 3));
        assert_eq!(line.position(&line.text()[5..]), Position::new(3, 5));
        assert_eq!(line.command(), ("é", "\"x\""));
    }
}
