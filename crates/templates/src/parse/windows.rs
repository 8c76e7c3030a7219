//! Windows templates: a command line a line, and directives that start with `!`. Templates of `ESXi` have command lines alone.

use crate::error::{ParseError, ParseErrorKind};
use crate::template::{WindowsStep, WindowsStepKind};
use crate::text::{Escapes, Text};

use super::line::Line;

/// Parses the lines.
pub(super) fn parse(lines: &[Line<'_>]) -> Result<Vec<WindowsStep>, ParseError> {
    let code = lines.iter().filter(|line| line.is_code());
    code.map(|line| Ok(WindowsStep { at: line.start(), kind: step(line)? })).collect()
}

/// Returns the command lines.
pub(super) fn plain_lines(lines: &[Line<'_>]) -> Vec<Text> {
    let code = lines.iter().filter(|line| line.is_code());
    code.map(|line| Text::parse(line.trimmed(), line.start(), Escapes::None)).collect()
}

fn step(line: &Line<'_>) -> Result<WindowsStepKind, ParseError> {
    let text = line.trimmed();
    if let Some(directive) = text.strip_prefix('!') {
        return match directive.trim() {
            "change-password" | "netsmb-password" => Ok(WindowsStepKind::ChangePassword),
            "reload-password" => Ok(WindowsStepKind::ReloadPassword),
            "unsecure" => Ok(WindowsStepKind::Unsecure),
            _ => {
                let commands = "!change-password, !netsmb-password, !reload-password, !unsecure, or a command line";
                Err(ParseError::new(line.start(), ParseErrorKind::Command { language: "Windows", commands }))
            }
        };
    }
    if text == "smbpasswd" {
        return Ok(WindowsStepKind::ChangePassword);
    }
    let (word, rest) = line.command();
    if word.eq_ignore_ascii_case("powershell") && !rest.starts_with('-') {
        return Ok(WindowsStepKind::PowerShell(script(line, rest)));
    }
    Ok(WindowsStepKind::Command(Text::parse(text, line.start(), Escapes::None)))
}

/// Reads a script, whose lines are separated by `[nl]`.
fn script(line: &Line<'_>, rest: &str) -> Text {
    let mut text = Text::default();
    for (index, part) in rest.split("[nl]").enumerate() {
        if index > 0 {
            text.push('\n', line.position(part));
        }
        text.append(Text::parse(part, line.position(part), Escapes::None));
    }
    text
}
