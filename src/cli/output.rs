//! Prints results to standard output and errors to standard error.

use std::io::{self, Write};

use serde::Serialize;

use crate::text::{is_hidden, visible};

/// The output cannot be written. A type of its own, so that no other error is taken for it.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the output: {0}")]
pub(super) struct OutputError(io::ErrorKind);

impl OutputError {
    /// Whether the reader has gone, as `head` does when it has seen enough.
    pub(super) fn is_closed_pipe(&self) -> bool {
        self.0 == io::ErrorKind::BrokenPipe
    }
}

/// Prints a line of the result. What a terminal would obey in it is shown as an escape.
pub(super) fn print_line(line: &str) -> Result<(), OutputError> {
    write_line(&visible(line))
}

fn write_line(line: &str) -> Result<(), OutputError> {
    writeln!(io::stdout().lock(), "{line}").map_err(|error| OutputError(error.kind()))
}

/// Prints a generated text.
pub(super) fn print_bytes(text: &[u8]) -> Result<(), OutputError> {
    let mut output = io::stdout().lock();
    output.write_all(text).and_then(|()| output.flush()).map_err(|error| OutputError(error.kind()))
}

/// Prints the result as JSON.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), OutputError> {
    let text = serde_json::to_string_pretty(value).map_err(|_| OutputError(io::ErrorKind::InvalidData))?;
    write_line(&visible_json(&text))
}

/// Prints JSON objects as a table with these members as columns, or as JSON.
pub(super) fn print_table(json: bool, columns: &[&str], rows: &[serde_json::Value]) -> Result<(), OutputError> {
    if json {
        return print_json(&rows);
    }
    let headings: Vec<String> = columns.iter().map(|column| column.to_uppercase()).collect();
    let cells = |row: &serde_json::Value| columns.iter().map(|column| cell(&row[*column])).collect();
    let lines: Vec<Vec<String>> = std::iter::once(headings).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|column| width(column).unwrap_or(0)).collect();
    for line in &lines {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        print_line(padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "-".into(),
        serde_json::Value::String(text) => visible(text),
        other => other.to_string(),
    }
}

/// Returns a JSON text in which what a terminal would obey is escaped; other than line breaks, it can be in strings alone.
fn visible_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && is_hidden(character) {
            let units =
                character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            shown.push_str(&units);
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Prints a sentence to standard error. A failure to do so has nowhere to go.
pub(super) fn print_error(line: &str) {
    let lines: Vec<String> = line.split('\n').map(visible).collect();
    let _ = writeln!(io::stderr().lock(), "{}", lines.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (text, shown) in [
            ("erp-01", "erp-01"),
            ("São Paulo 東京", "São Paulo 東京"),
            ("a\u{1b}[31mb", r"a\u{1b}[31mb"),
            ("a\r\nb\tc\u{7}", r"a\u{d}\u{a}b\u{9}c\u{7}"),
            ("a\u{9b}2Jb", r"a\u{9b}2Jb"),
            ("a\u{202e}b\u{2066}c\u{2028}", r"a\u{202e}b\u{2066}c\u{2028}"),
        ] {
            assert_eq!(cell(&serde_json::json!(text)), shown);
        }
    }

    #[test]
    fn json_stays_what_it_is_and_moves_no_terminal() {
        let value = serde_json::json!({ "a\u{9b}": ["b\u{202e}\u{7f}", "c\n\u{2028}\u{1b}[31m", "São 東京 😀"] });
        let shown = visible_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!shown.chars().any(|c| c != '\n' && is_hidden(c)), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert!(shown.contains("São 東京 😀"));
    }
}
