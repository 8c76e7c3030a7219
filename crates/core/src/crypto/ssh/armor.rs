//! Text armor: base64 between a header and a footer line, as PEM (RFC 7468, RFC 1421) and RFC 4716 have it.
//!
//! Base64 may be wrapped at any width and lack its padding, lines may end in any way, and text around the blocks is
//! ignored, because programs write all of that.

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, decoded_len_estimate};
use zeroize::Zeroizing;

use super::KeyFlaw;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A block of armored text.
pub(super) struct Block<'a> {
    /// Its label, such as `RSA PRIVATE KEY`.
    pub(super) label: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Block<'a> {
    /// Whether it is a private key, of any format.
    pub(super) fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }

    /// Returns the value of a header, joined from its lines.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.lines[..self.header_lines()].iter();
        while let Some(line) = lines.next() {
            let Some((found, value)) = line.split_once(':') else { continue };
            let mut value = value.to_string();
            while value.ends_with('\\') {
                value.pop();
                value += lines.next().copied().unwrap_or_default();
            }
            if found.eq_ignore_ascii_case(name) {
                return Some(value.trim().into());
            }
        }
        None
    }

    /// Decodes the content.
    pub(super) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, KeyFlaw> {
        decode(&self.lines[self.header_lines()..])
    }

    /// Returns the number of lines before the content. A header contains a colon, which base64 does not have, and may
    /// continue on the next line after a backslash (RFC 4716, section 3.3).
    fn header_lines(&self) -> usize {
        let mut continued = false;
        let is_header = |line: &&&str| {
            let header = continued || line.contains(':') || line.trim().is_empty();
            continued = header && line.ends_with('\\');
            header
        };
        self.lines.iter().take_while(is_header).count()
    }
}

/// Decodes lines of base64. Every copy of the content is wiped, also when it is not base64 to its end.
pub(super) fn decode(lines: &[&str]) -> Result<Zeroizing<Vec<u8>>, KeyFlaw> {
    // With its capacity from the start, the buffer never moves and leaves no copy behind.
    let mut joined = Zeroizing::new(String::with_capacity(lines.iter().map(|line| line.len()).sum()));
    joined.extend(lines.iter().flat_map(|line| line.chars()).filter(|c| !c.is_ascii_whitespace()));
    let mut bytes = Zeroizing::new(vec![0; decoded_len_estimate(joined.len())]);
    let length = BASE64.decode_slice(joined.as_bytes(), &mut bytes).map_err(|_| KeyFlaw::NotBase64)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Whether the text has a header, even one without a line of its own.
pub(super) fn has_header(text: &str) -> bool {
    text.contains("-----BEGIN ") || text.contains("---- BEGIN ")
}

/// Returns the blocks of a text.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, KeyFlaw> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in text.lines().map(str::trim_end) {
        let line_start = line.trim_start();
        if let Some(label) = label(line_start, "BEGIN") {
            if open.replace(Block { label, lines: Vec::new() }).is_some() {
                return Err(KeyFlaw::CutOff);
            }
        } else if let Some(label) = label(line_start, "END") {
            blocks.push(open.take().filter(|block| block.label == label).ok_or(KeyFlaw::CutOff)?);
        } else if let Some(block) = &mut open {
            block.lines.push(line);
        }
    }
    match open {
        Some(_) => Err(KeyFlaw::CutOff),
        None if blocks.is_empty() && has_header(text) => Err(KeyFlaw::NoLineBreaks),
        None => Ok(blocks),
    }
}

/// Returns the label of a header (`BEGIN`) or footer (`END`) line.
fn label<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    let between = |before: &str, after: &str| {
        line.strip_prefix(before)?.strip_prefix(kind)?.strip_prefix(' ')?.strip_suffix(after)
    };
    between("-----", "-----").or_else(|| between("---- ", " ----")).filter(|label| !label.contains("--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Result<Vec<u8>, KeyFlaw> {
        blocks(text)?[0].decode().map(|content| content.to_vec())
    }

    #[test]
    fn base64_is_read_in_any_wrapping() {
        for lines in
            ["aGVsbG8=", "aGVsbG8", "aGV\nsbG8=\n", "\naGV\r\nsbG8=\r\n", " aGV\n sbG8\n\n", "A: b\n\naGVsbG8="]
        {
            let text = format!("before\n-----BEGIN A-----\n{lines}\n-----END A-----\nafter");
            assert_eq!(content(&text).unwrap(), b"hello", "{lines}");
        }
        let ssh2 = "---- BEGIN B ----\nComment: \"a \\\nb\"\nSubject: c\naGVsbG8=\n---- END B ----";
        assert_eq!(content(ssh2).unwrap(), b"hello");
        let block = &blocks(ssh2).unwrap()[0];
        assert_eq!(block.header("subject").as_deref(), Some("c"));
        assert_eq!(block.header("Comment").as_deref(), Some("\"a b\""));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for lines in ["aGVsbG8!", "aGVs=bG8", "aGVsb", "aGVsbG9=", "aGVsbG8==="] {
            let text = format!("-----BEGIN A-----\n{lines}\n-----END A-----");
            assert_eq!(content(&text), Err(KeyFlaw::NotBase64), "{lines}");
        }
    }

    #[test]
    fn header_and_footer_belong_together() {
        for text in [
            "-----BEGIN A-----\naGVsbG8=",
            "aGVsbG8=\n-----END A-----",
            "-----BEGIN A-----\naGVsbG8=\n-----END B-----",
            "-----BEGIN A-----\naGVsbG8=\n-----BEGIN A-----\naGVsbG8=\n-----END A-----",
        ] {
            assert_eq!(content(text), Err(KeyFlaw::CutOff), "{text}");
        }
        assert_eq!(content("-----BEGIN A----- aGVsbG8= -----END A-----"), Err(KeyFlaw::NoLineBreaks));
    }
}
