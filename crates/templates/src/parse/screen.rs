//! Templates of a 3270 screen: `wait(1)`, `ascii()`, `string(…)`, and keys.

use std::time::Duration;

use crate::error::{Limit, ParseError, ParseErrorKind};
use crate::template::{ScreenKey, ScreenStep};
use crate::text::{Escapes, Text};

use super::line::Line;

const KEYS: [&str; 8] = ["enter", "tab", "backtab", "clear", "home", "newline", "eraseeof", "reset"];

/// Whether the lines are those of a screen, rather than a dialogue, which the vendor's folder of this executor also has.
pub(super) fn is_screen(lines: &[Line<'_>]) -> bool {
    let first = lines.iter().find(|line| line.is_code());
    first.is_none_or(|line| {
        !matches!(line.command().0, "exec" | "expect" | "expect-regex" | "no-expect" | "use")
            && !line.trimmed().starts_with("set-")
    })
}

/// Parses the lines.
pub(super) fn parse(lines: &[Line<'_>]) -> Result<Vec<ScreenStep>, ParseError> {
    let code = lines.iter().filter(|line| line.is_code());
    code.map(|line| Ok(ScreenStep { at: line.start(), key: key(line)? })).collect()
}

fn key(line: &Line<'_>) -> Result<ScreenKey, ParseError> {
    let text = line.trimmed();
    let unknown = || {
        let commands = "wait(SECONDS), ascii(), string(TEXT), enter, tab, backtab, clear, home, newline, eraseeof, reset, pf(1-24), pa(1-3)";
        ParseError::new(line.start(), ParseErrorKind::Command { language: "3270", commands })
    };
    let (name, argument) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')').ok_or_else(unknown)?),
        None => (text, ""),
    };
    let folded = name.to_ascii_lowercase();
    let number = argument.trim().parse::<u64>();
    match (folded.as_str(), number) {
        ("wait", Ok(seconds)) if seconds <= Limit::SECONDS => Ok(ScreenKey::Wait(Duration::from_secs(seconds))),
        ("ascii", _) if argument.is_empty() => Ok(ScreenKey::Ascii),
        ("string", _) if !argument.is_empty() => {
            Ok(ScreenKey::Type(Text::parse(argument, line.position(argument), Escapes::None)))
        }
        ("pf", Ok(1..=24)) | ("pa", Ok(1..=3)) => Ok(ScreenKey::Press(format!("{folded}({})", argument.trim()))),
        (key, _) if KEYS.contains(&key) && argument.is_empty() => Ok(ScreenKey::Press(folded)),
        _ => Err(unknown()),
    }
}
