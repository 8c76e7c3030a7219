//! The parser: from lines to typed steps. It refuses at the first line that is not of the language, with its position, and never
//! panics; its memory is bounded by the bounds of [`Limit`].

mod browser;
mod dialogue;
mod ldap;
mod line;
mod screen;
mod sql;
mod tcl;
mod windows;

use crate::context::Dialect;
use crate::error::{Limit, ParseError, ParseErrorKind};
use crate::executor::{Executor, Language};
use crate::position::Position;
use crate::template::{Body, Oddity, Template};

use line::Line;

/// What the parsers of the languages share: the oddities that they come across.
#[derive(Default)]
struct Oddities(Vec<(Position, Oddity)>);

impl Oddities {
    fn add(&mut self, at: Position, oddity: Oddity) {
        self.0.push((at, oddity));
    }
}

/// Parses a template.
pub(crate) fn template(executor: Executor, source: &str) -> Result<Template, ParseError> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let lines = lines(source)?;
    let mut oddities = Oddities::default();
    broken_tags(&lines, &mut oddities);
    let body = match executor.language() {
        Language::Screen if !screen::is_screen(&lines) => Body::Dialogue(dialogue::parse(&lines, &mut oddities)?),
        Language::Dialogue => Body::Dialogue(dialogue::parse(&lines, &mut oddities)?),
        Language::Ldap => Body::Ldap(ldap::parse(&lines, &mut oddities)?),
        Language::Sql => Body::Sql(sql::parse(&lines)),
        Language::Windows => Body::Windows(windows::parse(&lines)?),
        Language::Esxi => Body::Esxi(windows::plain_lines(&lines)),
        Language::Screen => Body::Screen(screen::parse(&lines)?),
        Language::Browser => Body::Browser(browser::parse(&lines)?),
    };
    Ok(Template { executor, body, oddities: oddities.0, declared_shell: declared_shell(&lines) })
}

/// Splits the text into lines and checks the bounds.
fn lines(source: &str) -> Result<Vec<Line<'_>>, ParseError> {
    let start = Position::new(1, 1);
    if source.len() > Limit::BYTES {
        return Err(ParseError::new(start, ParseErrorKind::TooLong));
    }
    let mut lines = Vec::new();
    for (index, text) in source.split('\n').enumerate() {
        let text = text.strip_suffix('\r').unwrap_or(text);
        let at = Position::new(index + 1, 1);
        if index >= Limit::LINES {
            return Err(ParseError::new(at, ParseErrorKind::TooManyLines));
        }
        if text.chars().count() > Limit::LINE_CHARACTERS {
            return Err(ParseError::new(at, ParseErrorKind::LineTooLong));
        }
        if let Some(column) = text.chars().position(|c| c.is_control() && c != '\t') {
            return Err(ParseError::new(Position::new(at.line, column + 1), ParseErrorKind::ControlCharacter));
        }
        lines.push(Line::new(index + 1, text));
    }
    Ok(lines)
}

/// Finds `[#` before a letter that starts no tag, outside of comments.
fn broken_tags(lines: &[Line<'_>], oddities: &mut Oddities) {
    for line in lines.iter().filter(|line| !line.is_comment()) {
        for (index, _) in line.text().match_indices("[#") {
            let rest = &line.text()[index..];
            let named = rest[2..].starts_with(|c: char| c.is_ascii_alphabetic());
            if named && crate::tag::Tag::at_start(rest).is_none() {
                oddities.add(line.position_of(index), Oddity::BrokenTag);
            }
        }
    }
}

/// Reads a comment `# shell: NAME`, which says what language the command lines of a dialogue are in.
fn declared_shell(lines: &[Line<'_>]) -> Option<Dialect> {
    lines.iter().filter(|line| line.is_comment()).find_map(|line| {
        let comment = line.trimmed().trim_start_matches('#').trim();
        let (key, value) = comment.split_once(':')?;
        key.trim().eq_ignore_ascii_case("shell").then(|| value.trim().parse().ok())?
    })
}
