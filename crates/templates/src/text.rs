//! Text of a template with its tags, each with its position.

use crate::position::Position;
use crate::tag::Tag;

/// A text that may have tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    pieces: Vec<Piece>,
}

/// A literal or a tag of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where the piece starts.
    pub at: Position,
    /// The literal or tag.
    pub kind: PieceKind,
}

/// The kinds of pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// Characters that are sent as they are.
    Literal(String),
    /// A place that a value fills.
    Tag(Tag),
}

/// The escapes of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// None: a backslash is itself.
    None,
    /// `\"` and `\\`.
    Quotes,
    /// Those of Tcl: `\r`, `\n`, `\t`, and `\` before any other character.
    Tcl,
}

impl Text {
    /// Reads the characters of one line; `at` is the position of the first.
    pub(crate) fn parse(source: &str, at: Position, escapes: Escapes) -> Self {
        let mut text = Self::default();
        let mut rest = source;
        let mut column = at.column;
        while let Some(character) = rest.chars().next() {
            let here = Position::new(at.line, column);
            if let Some((tag, length)) = Tag::at_start(rest) {
                text.pieces.push(Piece { at: here, kind: PieceKind::Tag(tag) });
                rest = &rest[length..];
                column += length;
                continue;
            }
            let after = &rest[character.len_utf8()..];
            let escaped =
                (character == '\\').then(|| after.chars().next().and_then(|next| escapes.unescape(next))).flatten();
            match escaped {
                Some((replacement, length)) => {
                    text.push(replacement, here);
                    rest = &after[length..];
                    column += 2;
                }
                None => {
                    text.push(character, here);
                    rest = after;
                    column += 1;
                }
            }
        }
        text
    }

    /// Returns the pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Returns the tags in order.
    pub fn tags(&self) -> impl Iterator<Item = (&Tag, Position)> {
        self.pieces.iter().filter_map(|piece| match &piece.kind {
            PieceKind::Tag(tag) => Some((tag, piece.at)),
            PieceKind::Literal(_) => None,
        })
    }

    /// Whether a tag of a secret is in it.
    pub fn has_secret(&self) -> bool {
        self.tags().any(|(tag, _)| tag.is_secret())
    }

    /// Whether the tag of the new password is in it.
    pub fn has_new_password(&self) -> bool {
        self.tags().any(|(tag, _)| *tag == Tag::new_password())
    }

    /// Whether there is neither a tag nor a character.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Returns the tag when the text is one tag and nothing else but blanks and line ends.
    pub fn as_single_tag(&self) -> Option<&Tag> {
        let mut pieces = self.pieces.iter().filter(|piece| match &piece.kind {
            PieceKind::Literal(literal) => !literal.trim().is_empty(),
            PieceKind::Tag(_) => true,
        });
        match (pieces.next().map(|piece| &piece.kind), pieces.next()) {
            (Some(PieceKind::Tag(tag)), None) => Some(tag),
            _ => None,
        }
    }

    /// Returns the literals alone, with a placeholder for each tag.
    pub(crate) fn skeleton(&self, placeholder: &str) -> String {
        let pieces = self.pieces.iter().map(|piece| match &piece.kind {
            PieceKind::Literal(literal) => literal.as_str(),
            PieceKind::Tag(_) => placeholder,
        });
        pieces.collect()
    }

    /// Appends another text.
    pub(crate) fn append(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
    }

    /// Appends a character that stands at a position.
    pub(crate) fn push(&mut self, character: char, at: Position) {
        if let Some(Piece { kind: PieceKind::Literal(literal), .. }) = self.pieces.last_mut() {
            literal.push(character);
        } else {
            self.pieces.push(Piece { at, kind: PieceKind::Literal(character.into()) });
        }
    }
}

impl Escapes {
    /// Returns what a backslash and this character stand for, and the bytes that the character takes.
    fn unescape(self, next: char) -> Option<(char, usize)> {
        let replacement = match (self, next) {
            (Self::None, _) => return None,
            (Self::Quotes | Self::Tcl, '"' | '\\') => next,
            (Self::Tcl, 'r') => '\r',
            (Self::Tcl, 'n') => '\n',
            (Self::Tcl, 't') => '\t',
            // A tag is not escaped: its bracket is the template's.
            (Self::Tcl, '[') => return None,
            (Self::Tcl, other) => other,
            (Self::Quotes, _) => return None,
        };
        Some((replacement, next.len_utf8()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(column: usize, text: &str) -> Piece {
        Piece { at: Position::new(1, column), kind: PieceKind::Literal(text.into()) }
    }

    #[test]
    fn tags_keep_their_position() {
        let text = Text::parse("é[#IP#]:[#$>]", Position::new(1, 3), Escapes::Quotes);
        let tag = Piece { at: Position::new(1, 4), kind: PieceKind::Tag(Tag::new("IP").unwrap()) };
        assert_eq!(text.pieces(), [literal(3, "é"), tag, literal(10, ":[#$>]")]);
    }

    #[test]
    fn escapes_are_those_of_the_language() {
        let cases = [
            (Escapes::None, r#"a\"b\r"#, r#"a\"b\r"#),
            (Escapes::Quotes, r#"a\"b\\\r"#, "a\"b\\\\r"),
            (Escapes::Tcl, r#"a\"b\\\r\$"#, "a\"b\\\r$"),
            (Escapes::Quotes, "ends\\", "ends\\"),
        ];
        for (escapes, source, expected) in cases {
            assert_eq!(Text::parse(source, Position::new(1, 1), escapes).skeleton(""), expected, "{source}");
        }
    }

    #[test]
    fn a_single_tag_may_have_blanks_around_it() {
        let single = |source| Text::parse(source, Position::new(1, 1), Escapes::Tcl).as_single_tag().cloned();
        assert_eq!(single(r" [#NEW_PASSWORD#]\r"), Some(Tag::new_password()));
        assert_eq!(single("[#NEW_PASSWORD#][#IP#]"), None);
        assert_eq!(single("passwd [#IP#]"), None);
    }
}
