//! Why the settings cannot be used.

use std::io::ErrorKind;
use std::path::PathBuf;

use config::ConfigError;

use crate::text::encoding::EncodingError;

/// An error of the settings. It names the file or the variable. Of a value only [`SettingsError::Invalid`] may repeat a
/// part, and no setting is a secret.
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
    #[error(transparent)]
    Invalid(#[from] ConfigError),
    /// The bind password of the directory would be sent in the clear.
    #[error("directory.ldap would send its password unencrypted; use ldaps:// or start_tls")]
    PasswordInClear,
}
