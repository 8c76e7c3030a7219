//! Dialogues: `expect`, `exec` and the settings of the connection.

use std::time::Duration;

use crate::error::{Limit, ParseError, ParseErrorKind};
use crate::executor::Executor;
use crate::pattern::{Pattern, PatternKind};
use crate::template::{DialogueCommand, DialogueStep, NewLineMode, Oddity};
use crate::text::{Escapes, Text};

use super::Oddities;
use super::line::Line;
use super::tcl;

const COMMANDS: &str = "exec, expect, expect-regex, no-expect, no-expect-regex, send, set-read-timeout, set-connect-timeout, \
                        set-new-line-mode, set-prompt, set-ssh-version, use, sleep, exit, end";

/// Parses the lines of a dialogue.
pub(super) fn parse(lines: &[Line<'_>], oddities: &mut Oddities) -> Result<Vec<DialogueStep>, ParseError> {
    let mut steps = Vec::new();
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        index += 1;
        if !line.is_code() {
            continue;
        }
        let (word, rest) = line.command();
        let command = match word {
            "end" => {
                note_lines_after_end(&lines[index..], oddities);
                break;
            }
            "expect" if rest == "{" => {
                let (branches, next) = tcl::branches(lines, index, oddities)?;
                index = next;
                DialogueCommand::Branches(branches)
            }
            _ => command(line, word, rest, oddities)?,
        };
        steps.push(DialogueStep { at: line.start(), command });
    }
    Ok(steps)
}

fn note_lines_after_end(lines: &[Line<'_>], oddities: &mut Oddities) {
    if let Some(line) = lines.iter().find(|line| line.is_code()) {
        oddities.add(line.start(), Oddity::AfterEnd);
    }
}

fn command(line: &Line<'_>, word: &str, rest: &str, oddities: &mut Oddities) -> Result<DialogueCommand, ParseError> {
    let invalid =
        |command, expected| ParseError::new(line.position(rest), ParseErrorKind::Argument { command, expected });
    Ok(match word {
        "exec" => DialogueCommand::Exec(line.argument(rest, Escapes::Quotes, oddities)),
        "send" => DialogueCommand::Send(tcl::sent(line, rest, oddities)),
        "expect" => DialogueCommand::Expect(glob(line, rest, oddities, "expect")?),
        "no-expect" | "noexpect" => DialogueCommand::NoExpect(glob(line, rest, oddities, "no-expect")?),
        "expect-regex" => DialogueCommand::Expect(regex(line, rest, oddities, "expect-regex")?),
        "no-expect-regex" => DialogueCommand::NoExpect(regex(line, rest, oddities, "no-expect-regex")?),
        "set-prompt" => DialogueCommand::SetPrompt(glob(line, rest, oddities, "set-prompt")?),
        "set-read-timeout" => DialogueCommand::SetReadTimeout(seconds(line, rest, "set-read-timeout")?),
        "set-connect-timeout" => DialogueCommand::SetConnectTimeout(seconds(line, rest, "set-connect-timeout")?),
        "sleep" => DialogueCommand::Sleep(seconds(line, rest, "sleep")?),
        "set-new-line-mode" => {
            let mode = new_line_mode(bare(rest)).ok_or_else(|| invalid("set-new-line-mode", "unix, mac or windows"))?;
            DialogueCommand::SetNewLineMode(mode)
        }
        "set-ssh-version" => {
            let version = bare(rest).parse().map_err(|_| invalid("set-ssh-version", "a version: 2"))?;
            DialogueCommand::SetSshVersion(version)
        }
        "use" => match rest.split_whitespace().next() {
            Some("ssh") => DialogueCommand::Use(Executor::Ssh),
            Some("telnet") => DialogueCommand::Use(Executor::Telnet),
            _ => return Err(invalid("use", "ssh or telnet")),
        },
        "exit" => {
            let code = if rest.is_empty() { Ok(0) } else { bare(rest).parse() };
            DialogueCommand::Exit(code.map_err(|_| invalid("exit", "a number from 0 to 255"))?)
        }
        _ => {
            return Err(ParseError::new(
                line.start(),
                ParseErrorKind::Command { language: "dialogue", commands: COMMANDS },
            ));
        }
    })
}

/// Reads a glob that is not empty.
pub(super) fn glob(
    line: &Line<'_>,
    rest: &str,
    oddities: &mut Oddities,
    command: &'static str,
) -> Result<Pattern, ParseError> {
    let text = line.argument(rest, Escapes::Quotes, oddities);
    if text.is_empty() {
        let kind = ParseErrorKind::Argument { command, expected: "a pattern in quotes" };
        return Err(ParseError::new(line.position(rest), kind));
    }
    Ok(Pattern { kind: PatternKind::Glob, text })
}

/// Reads a regular expression, with or without the delimiters `/…/` and the flag `i`, and compiles it once to find errors here.
fn regex(line: &Line<'_>, rest: &str, oddities: &mut Oddities, command: &'static str) -> Result<Pattern, ParseError> {
    let quoted = glob(line, rest, &mut Oddities::default(), command)?;
    let inner =
        rest.strip_prefix('"').map_or(rest, |inner| &inner[..super::line::closing_quote(inner).unwrap_or(inner.len())]);
    let delimited = inner.strip_prefix('/').and_then(|body| body.rsplit_once('/'));
    let (text, ignore_case) = match delimited {
        Some((body, flags)) if flags.chars().all(|flag| "imsxu".contains(flag)) => {
            (Text::parse(body, line.position(body), Escapes::None), flags.contains('i'))
        }
        _ => {
            line.argument(rest, Escapes::Quotes, oddities);
            (quoted.text, false)
        }
    };
    let pattern = Pattern { kind: PatternKind::Regex { ignore_case }, text };
    match pattern.compile(|_| "x".into()) {
        Ok(_) => Ok(pattern),
        Err(_) => Err(ParseError::new(line.position(rest), ParseErrorKind::Regex)),
    }
}

/// Reads a number of seconds, which may have quotes.
fn seconds(line: &Line<'_>, rest: &str, command: &'static str) -> Result<Duration, ParseError> {
    match bare(rest).parse::<u64>() {
        Ok(seconds) if seconds <= Limit::SECONDS => Ok(Duration::from_secs(seconds)),
        _ => {
            let kind = ParseErrorKind::Argument { command, expected: "a number of seconds, at most 3600" };
            Err(ParseError::new(line.position(rest), kind))
        }
    }
}

/// Returns a setting's value without quotes and the comment after it.
fn bare(rest: &str) -> &str {
    let value = rest.split('#').next().unwrap_or(rest).trim();
    value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value).trim()
}

fn new_line_mode(name: &str) -> Option<NewLineMode> {
    Some(match name.to_ascii_lowercase().as_str() {
        "unix" | "linux" | "lf" => NewLineMode::Unix,
        "mac" | "cr" => NewLineMode::Mac,
        "windows" | "dos" | "crlf" => NewLineMode::Windows,
        _ => return None,
    })
}
