//! SQL templates: statements that end in `;` or with the template. Line comments stay out.

use crate::template::SqlStep;
use crate::text::{Escapes, Text};

use super::line::Line;

/// Parses the statements.
pub(super) fn parse(lines: &[Line<'_>]) -> Vec<SqlStep> {
    let mut steps = Vec::new();
    let mut open: Option<SqlStep> = None;
    let mut quote = None;
    for line in lines {
        // `#` starts a comment of the template, `--` one of SQL, at the start of a line alone.
        if quote.is_none() && (!line.is_code() || line.trimmed().starts_with("--")) {
            continue;
        }
        let text = line.text();
        let mut start = 0;
        for (index, character) in text.char_indices() {
            match (quote, character) {
                (None, '\'' | '"' | '`') => quote = Some(character),
                (Some(open), _) if open == character => quote = None,
                (None, ';') => {
                    append(&mut open, line, &text[start..index]);
                    steps.extend(open.take());
                    start = index + 1;
                }
                _ => {}
            }
        }
        append(&mut open, line, &text[start..]);
    }
    steps.extend(open);
    steps.retain(|step| !step.statement.is_empty());
    steps
}

fn append(open: &mut Option<SqlStep>, line: &Line<'_>, part: &str) {
    match open {
        Some(step) => {
            step.statement.push('\n', line.position(part));
            step.statement.append(Text::parse(part, line.position(part), Escapes::None));
        }
        None if part.trim().is_empty() => {}
        None => {
            let part = part.trim_start();
            *open = Some(SqlStep {
                at: line.position(part),
                statement: Text::parse(part, line.position(part), Escapes::None),
            });
        }
    }
}
