//! The settings file.

use std::fs;
use std::path::Path;

use config::{FileFormat, Format, Map, Value, ValueKind};

use super::SettingsError;
use crate::text::encoding;

/// Reads a TOML file.
pub(super) fn read(path: &Path, defaults: &Map<String, Value>) -> Result<Map<String, Value>, SettingsError> {
    let bytes = fs::read(path).map_err(|error| SettingsError::Unreadable(path.into(), error.kind()))?;
    let text = encoding::document(&bytes).map_err(|error| SettingsError::Encoding(path.into(), error))?;
    let settings = parse(Some(path), text)?;
    match unquoted(&settings, defaults) {
        Some(key) => Err(SettingsError::Unquoted { file: path.into(), key }),
        None => Ok(settings),
    }
}

/// Parses TOML; `path` is named in later errors.
pub(super) fn parse(path: Option<&Path>, text: &str) -> Result<Map<String, Value>, SettingsError> {
    let name = path.map(|path| path.display().to_string());
    FileFormat::Toml.parse(name.as_ref(), text).map_err(|error| {
        SettingsError::Syntax(path.unwrap_or(Path::new("the defaults")).into(), without_excerpt(&error.to_string()))
    })
}

/// Makes one line of the parser's message, without its excerpt of the file.
fn without_excerpt(message: &str) -> String {
    let is_excerpt = |line: &str| line.split_once('|').is_some_and(|(margin, _)| !margin.contains(char::is_alphabetic));
    message.lines().filter(|line| !is_excerpt(line)).collect::<Vec<_>>().join(": ")
}

/// Finds a number or a boolean in the place of a text. It would be written anew: `10.0` as `10`.
fn unquoted(settings: &Map<String, Value>, defaults: &Map<String, Value>) -> Option<String> {
    settings.iter().find_map(|(key, value)| match (&value.kind, &defaults.get(key)?.kind) {
        (ValueKind::Table(settings), ValueKind::Table(defaults)) => {
            unquoted(settings, defaults).map(|rest| format!("{key}.{rest}"))
        }
        (ValueKind::Boolean(_) | ValueKind::I64(_) | ValueKind::Float(_), ValueKind::String(_)) => Some(key.clone()),
        _ => None,
    })
}
