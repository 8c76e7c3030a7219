//! Why the settings cannot be used.

use std::io::ErrorKind;
use std::path::PathBuf;

use config::ConfigError;

use crate::text::encoding::EncodingError;

/// An error of the settings. It names the setting, and the file or the variable, and repeats no value.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, ErrorKind),
    /// The settings file is no text.
    #[error("{} {}", .0.display(), .1)]
    Encoding(PathBuf, EncodingError),
    /// The settings file is not TOML.
    #[error("{}: {}", .0.display(), .1)]
    Syntax(PathBuf, String),
    /// A text setting of the file without quotes.
    #[error("{key} in {}: expected a text in quotes", .file.display())]
    Unquoted {
        /// The file.
        file: PathBuf,
        /// The setting.
        key: String,
    },
    /// A variable that names no setting.
    #[error("the variable {0} names no setting")]
    UnknownVariable(String),
    /// A variable whose value cannot be used.
    #[error("the variable {0}: {1}")]
    Variable(String, &'static str),
    /// A setting with an invalid value, or an unknown one.
    #[error("{0}")]
    Invalid(String),
    /// The bind password of the directory would be sent in the clear.
    #[error("directory.ldap would send its password unencrypted; use ldaps:// or start_tls")]
    PasswordInClear,
    /// Backups are scheduled without a directory or without recipients.
    #[error("backup.hours schedules backups, which also need backup.directory and backup.recipients")]
    IncompleteBackup,
    /// A policy of changes on targets cannot be used.
    #[error("{setting}: {expected}")]
    Policy {
        /// The setting.
        setting: String,
        /// What is expected of it.
        expected: &'static str,
    },
}

impl SettingsError {
    pub(super) fn policy(setting: &str, expected: &'static str) -> Self {
        Self::Policy { setting: setting.into(), expected }
    }
}

impl From<ConfigError> for SettingsError {
    fn from(error: ConfigError) -> Self {
        Self::Invalid(describe(&error))
    }
}

/// Names the setting and what is expected, without the value, which the texts of the `config` crate repeat.
fn describe(error: &ConfigError) -> String {
    match error {
        ConfigError::Type { origin, expected, key, .. } => {
            format!("{}expected {}", place(key.as_deref(), origin.as_deref()), in_words(expected))
        }
        ConfigError::At { error, origin, key } => {
            format!("{}{}", place(key.as_deref(), origin.as_deref()), describe(error))
        }
        ConfigError::Message(text) => match text.split_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => format!("expected {}", in_words(expected)),
            _ => text.clone(),
        },
        other => other.to_string(),
    }
}

fn place(key: Option<&str>, origin: Option<&str>) -> String {
    match (key, origin) {
        (Some(key), Some(origin)) => format!("{key} in {origin}: "),
        (Some(key), None) => format!("{key}: "),
        (None, Some(origin)) => format!("{origin}: "),
        (None, None) => String::new(),
    }
}

/// Puts the name of a type into words.
fn in_words(expected: &str) -> &str {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i32" | "i64" => "a whole number",
        "a boolean" => "true or false",
        "a map" => "a section",
        text if text.contains("unsigned") => "a whole number, 0 or more",
        text if text.contains("integer") => "a whole number",
        other => other,
    }
}
