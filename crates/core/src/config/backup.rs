//! The section of the settings for backups.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::Error;

use super::sections::path;
use crate::text::bech32;

/// The section `[backup]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct BackupSettings {
    pub hours: u32,
    #[serde(deserialize_with = "path")]
    pub directory: Option<PathBuf>,
    #[serde(deserialize_with = "recipients")]
    pub recipients: Vec<String>,
    #[serde(deserialize_with = "keep")]
    pub keep: u32,
}

impl BackupSettings {
    /// Whether backups are scheduled, and it is not said where to or for whom.
    pub(super) fn is_incomplete(&self) -> bool {
        self.hours > 0 && (self.directory.is_none() || self.recipients.is_empty())
    }
}

fn recipients<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let recipients = Vec::<String>::deserialize(from)?;
    if recipients.iter().all(|text| bech32::decode_key::<32>("age", text).is_some()) {
        return Ok(recipients);
    }
    Err(D::Error::custom("expected public keys of age, as in [\"age1…\"]"))
}

fn keep<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        0 => Err(D::Error::custom("expected a whole number of 1 or more")),
        number => Ok(number),
    }
}
