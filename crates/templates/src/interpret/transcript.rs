//! The transcript of a dialogue: its output, bounded, with each secret masked before anybody can read it.

use std::collections::BTreeSet;

use regex::bytes::{Regex, RegexBuilder};

/// Bytes of output that are kept.
const KEPT: usize = 64 * 1024;
/// Characters of a secret that one expression covers; a longer secret is masked in parts.
const PART: usize = 48;
/// What stands for a secret.
const MASK: &str = "[secret]";
/// What a terminal puts between the characters of a line that it wraps: escape sequences, line ends and backspaces.
const BETWEEN: &str = r"(?:\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][0-9A-B]| ?\r| ?\n|[\x07\x08\x0f\x00])*";

/// Collects output. Its only way out is masked.
pub struct Transcript {
    raw: Vec<u8>,
    truncated: bool,
    parts: Vec<String>,
}

impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcript").field("bytes", &self.raw.len()).finish_non_exhaustive()
    }
}

impl Transcript {
    /// Starts a transcript that masks the secrets, each in all the forms that it is sent in.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let parts: BTreeSet<String> = secrets.into_iter().flat_map(|secret| parts(&secret)).collect();
        let mut parts: Vec<String> = parts.into_iter().collect();
        // The longest first, so that a secret that starts another does not leave the rest of it.
        parts.sort_by_key(|part| std::cmp::Reverse(part.chars().count()));
        Self { raw: Vec::new(), truncated: false, parts }
    }

    /// Adds output.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.raw.len());
        self.truncated |= bytes.len() > room;
        self.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Returns the output with the secrets masked.
    pub fn masked(&self) -> String {
        let mut text = self.raw.clone();
        for expression in self.expressions() {
            text = expression.replace_all(&text, MASK.as_bytes()).into_owned();
        }
        let end = self.start_of_cut_secret(&text);
        let mut shown = String::from_utf8_lossy(&text[..end]).into_owned();
        if end < text.len() {
            shown.push_str(MASK);
        }
        if self.truncated {
            shown.push_str("\n[truncated]");
        }
        shown
    }

    fn expressions(&self) -> impl Iterator<Item = Regex> {
        self.parts.iter().filter_map(|part| {
            let characters: Vec<String> = part.chars().map(|character| regex::escape(&character.to_string())).collect();
            // Without the Unicode mode the expression could not match the bytes between broken characters.
            RegexBuilder::new(&characters.join(BETWEEN)).size_limit(16 << 20).build().ok()
        })
    }

    /// Finds a secret that the output's end cuts off.
    fn start_of_cut_secret(&self, text: &[u8]) -> usize {
        let longest = |part: &String| {
            let bytes = part.as_bytes();
            (1..bytes.len()).rev().find(|length| text.ends_with(&bytes[..*length]))
        };
        let cut = self.parts.iter().filter_map(longest).max().unwrap_or(0);
        text.len() - cut
    }
}

/// Splits a secret at its line ends and into parts that one expression can cover.
fn parts(secret: &str) -> Vec<String> {
    let characters: Vec<char> = secret.chars().collect();
    let lines = characters.split(|character| matches!(character, '\r' | '\n'));
    lines.flat_map(|line| line.chunks(PART)).filter(|part| !part.is_empty()).map(|part| part.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(secrets: &[&str], chunks: &[&str]) -> String {
        let mut transcript = Transcript::new(secrets.iter().map(|secret| (*secret).to_owned()));
        chunks.iter().for_each(|chunk| transcript.push(chunk.as_bytes()));
        transcript.masked()
    }

    #[test]
    fn secrets_are_masked_across_chunks_and_wrapped_lines() {
        let cases: [(&[&str], &str); 6] = [
            (&["a hunter2 b"], "a [secret] b"),
            (&["a hun", "ter2 b"], "a [secret] b"),
            (&["a hunt\r\ner2 b"], "a [secret] b"),
            (&["a hunt \rer2 b"], "a [secret] b"),
            (&["a hun\x1b[1mter2 b"], "a [secret] b"),
            (&["a hunt"], "a [secret]"),
        ];
        for (chunks, expected) in cases {
            assert_eq!(masked(&["hunter2"], chunks), expected, "{chunks:?}");
        }
    }

    #[test]
    fn the_longer_secret_wins() {
        assert_eq!(masked(&["abc", "abcdef"], &["x abcdef y abc z"]), "x [secret] y [secret] z");
    }

    #[test]
    fn output_is_bounded_and_a_secret_at_the_cut_is_masked() {
        let mut transcript = Transcript::new(["hunter2".to_owned()]);
        transcript.push(&vec![b'x'; KEPT - 3]);
        transcript.push(b"hunter2");
        let shown = transcript.masked();
        assert!(shown.ends_with("x[secret]\n[truncated]"), "{}", &shown[shown.len() - 40..]);
    }

    proptest! {
        #[test]
        fn no_secret_is_left(secret in "[!-~]{4,60}", before in "[ -~]{0,40}", after in "[ -~]{0,40}", cut in 0usize..100) {
            let output = format!("{before}{secret}{after}");
            let cut = cut.min(output.len());
            let shown = masked(&[&secret], &[&output[..cut], &output[cut..]]);
            prop_assert!(!shown.replace(MASK, "\0").contains(&secret));
        }
    }
}
