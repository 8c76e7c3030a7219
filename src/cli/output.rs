//! Printing: results to standard output, complaints to standard error, and nothing else anywhere.

use std::io::{self, Write};

use serde::Serialize;

/// A line of the result.
pub(super) fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// The result as JSON, for programs.
pub(super) fn say_json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Rows under headings, in columns; or as JSON.
pub(super) fn table<R: Serialize>(
    json: bool,
    headings: &[&str],
    rows: &[R],
    cells: impl Fn(&R) -> Vec<String>,
) -> io::Result<()> {
    if json {
        return say_json(&rows);
    }
    let headings: Vec<String> = headings.iter().map(|heading| heading.to_uppercase()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(headings).chain(rows.iter().map(cells)).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for line in &lines {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        say(padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// A sentence to standard error.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
