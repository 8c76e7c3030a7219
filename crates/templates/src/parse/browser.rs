//! Browser templates: a command and its arguments a line.

use crate::error::{ParseError, ParseErrorKind};
use crate::template::BrowserStep;
use crate::text::{Escapes, Text};

use super::line::Line;

/// The commands, with the number of arguments that they need.
const COMMANDS: [(&str, usize); 21] = [
    ("start-at", 1),
    ("get", 1),
    ("set-location", 1),
    ("test-location", 1),
    ("user-agent", 1),
    ("timeout", 1),
    ("sleep", 1),
    ("new-action", 0),
    ("log", 1),
    ("fill", 2),
    ("really-fill", 2),
    ("fill-form", 2),
    ("click", 1),
    ("jclick", 1),
    ("jscript", 1),
    ("prop", 3),
    ("select-button", 1),
    ("submit", 0),
    ("expect", 1),
    ("test-selector", 1),
    ("test-not-visible", 1),
];

/// Parses the lines.
pub(super) fn parse(lines: &[Line<'_>]) -> Result<Vec<BrowserStep>, ParseError> {
    lines.iter().filter(|line| line.is_code()).map(step).collect()
}

fn step(line: &Line<'_>) -> Result<BrowserStep, ParseError> {
    let (word, rest) = line.command();
    let Some((command, count)) = COMMANDS.into_iter().find(|(command, _)| *command == word) else {
        let commands = "start-at, get, set-location, test-location, user-agent, timeout, sleep, new-action, log, fill, really-fill, \
                        fill-form, click, jclick, jscript, prop, select-button, submit, expect, test-selector, test-not-visible";
        return Err(ParseError::new(line.start(), ParseErrorKind::Command { language: "browser", commands }));
    };
    let arguments = arguments(line, rest, count);
    // A field may be filled with nothing.
    if arguments.is_empty() && count > 0 {
        let kind = ParseErrorKind::Argument { command, expected: "an argument" };
        return Err(ParseError::new(line.position(rest), kind));
    }
    Ok(BrowserStep { at: line.start(), command, arguments })
}

/// Splits at blanks; the last argument takes the rest of the line, without its quotes. A form's value may be missing.
fn arguments(line: &Line<'_>, rest: &str, count: usize) -> Vec<Text> {
    let mut arguments = Vec::new();
    let mut rest = rest;
    for index in 0..count {
        if rest.is_empty() {
            break;
        }
        // A selector has blanks in brackets and quotes: the value is the last word.
        let cut = if index + 1 == count { None } else { split(rest, count) };
        let (argument, after) = cut.map_or((rest, ""), |cut| (rest[..cut].trim_end(), rest[cut..].trim_start()));
        let bare = argument.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(argument);
        arguments.push(Text::parse(bare, line.position(bare), Escapes::None));
        rest = after;
    }
    arguments
}

/// Returns where the first of several arguments ends: before the last word of two that is a tag, else at the first blank.
fn split(rest: &str, count: usize) -> Option<usize> {
    let tag = if count == 2 { rest.rfind(" [#") } else { None };
    tag.or_else(|| rest.find(char::is_whitespace))
}
