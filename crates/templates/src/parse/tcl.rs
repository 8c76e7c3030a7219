//! The part of Tcl's Expect that "Tk Expect" templates are written in: `send`, and `expect { pattern { … } … }`.

use crate::error::{Limit, ParseError, ParseErrorKind};
use crate::pattern::{Pattern, PatternKind};
use crate::position::Position;
use crate::template::{Branch, BranchOn};
use crate::text::{Escapes, Text};

use super::Oddities;
use super::line::Line;

/// Reads what `send` sends: a string with Tcl's escapes, after an optional `--`.
pub(super) fn sent(line: &Line<'_>, rest: &str, oddities: &mut Oddities) -> Text {
    let rest = rest.strip_prefix("--").map_or(rest, str::trim_start);
    let text = line.argument(rest, Escapes::Tcl, oddities);
    if text.is_empty() { Text::default() } else { text }
}

/// Reads the branches of a block from the line after `expect {`, and returns the line after its end.
pub(super) fn branches(
    lines: &[Line<'_>],
    start: usize,
    oddities: &mut Oddities,
) -> Result<(Vec<Branch>, usize), ParseError> {
    let opened = start.checked_sub(1).and_then(|index| lines.get(index)).map_or(Position::new(1, 1), Line::start);
    let mut branches: Vec<Branch> = Vec::new();
    let mut open: Option<Branch> = None;
    for (index, line) in lines.iter().enumerate().skip(start) {
        if !line.is_code() {
            continue;
        }
        let text = line.trimmed();
        match (text.strip_prefix('}').map(str::trim_start), open.take()) {
            (Some(""), None) => return Ok((branches, index + 1)),
            (Some(after), Some(done)) => {
                branches.push(done);
                open = if after.is_empty() { None } else { Some(head(line, after)?) };
            }
            (None, None) => open = Some(head(line, text)?),
            (None, Some(mut branch)) => {
                body(line, &mut branch, oddities)?;
                open = Some(branch);
            }
            (Some(after), None) => return Err(expected_branch(line, after)),
        }
        if branches.len() > Limit::BRANCHES {
            return Err(ParseError::new(line.start(), ParseErrorKind::TooManyBranches));
        }
    }
    Err(ParseError::new(opened, ParseErrorKind::UnclosedBlock))
}

/// Reads `pattern {`.
fn head(line: &Line<'_>, text: &str) -> Result<Branch, ParseError> {
    let name = text.strip_suffix('{').map(str::trim_end).ok_or_else(|| expected_branch(line, text))?;
    let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let on = match (name, inner) {
        ("timeout", _) => BranchOn::Timeout,
        ("eof", _) => BranchOn::Eof,
        ("", _) => return Err(expected_branch(line, text)),
        _ => {
            let pattern = inner.unwrap_or(name);
            BranchOn::Pattern(Pattern {
                kind: PatternKind::Glob,
                text: Text::parse(pattern, line.position(pattern), Escapes::Tcl),
            })
        }
    };
    Ok(Branch { at: line.position(text), on, sends: Vec::new(), continues: false, exit: None })
}

/// Reads a command of a branch.
fn body(line: &Line<'_>, branch: &mut Branch, oddities: &mut Oddities) -> Result<(), ParseError> {
    let (word, rest) = line.command();
    match word {
        "send" => branch.sends.push(sent(line, rest, oddities)),
        "exp_continue" => branch.continues = true,
        // What the script would print for its user.
        "send_user" | "puts" => {}
        "exit" => branch.exit = Some(rest.parse().unwrap_or(if rest.is_empty() { 0 } else { 1 })),
        "expect" => return Err(ParseError::new(line.start(), ParseErrorKind::NestedBlock)),
        _ => {
            let commands = "send, exp_continue, send_user, exit";
            return Err(ParseError::new(line.start(), ParseErrorKind::Command { language: "expect block", commands }));
        }
    }
    Ok(())
}

fn expected_branch(line: &Line<'_>, text: &str) -> ParseError {
    let kind = ParseErrorKind::Argument { command: "expect", expected: "a pattern and `{`, or `}`" };
    ParseError::new(line.position(text), kind)
}
