//! The section of the settings for changes of passwords on targets.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Error;

/// Options of targets, by plugin and name.
pub type TargetOptions = BTreeMap<String, BTreeMap<String, String>>;

/// The section `[rotation]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in config/default.toml")]
pub struct RotationSettings {
    pub workers: usize,
    #[serde(deserialize_with = "length")]
    pub length: usize,
    pub symbols: String,
    pub forbidden: String,
    pub after_days: u32,
    pub after_release: bool,
    #[serde(deserialize_with = "attempts")]
    pub attempts: u32,
    #[serde(deserialize_with = "options")]
    pub options: TargetOptions,
}

fn length<'de, D: serde::Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    match usize::deserialize(from)? {
        length @ 12..=128 => Ok(length),
        _ => Err(D::Error::custom("expected a whole number from 12 to 128")),
    }
}

fn attempts<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        0 => Err(D::Error::custom("expected a whole number of 1 or more")),
        number => Ok(number),
    }
}

fn options<'de, D: serde::Deserializer<'de>>(from: D) -> Result<TargetOptions, D::Error> {
    let mut options = TargetOptions::new();
    for text in Vec::<String>::deserialize(from)? {
        let parts = text.split_once('=').and_then(|(key, value)| Some((key.split_once('.')?, value)));
        let Some(((plugin, name), value)) = parts else {
            return Err(D::Error::custom("expected PLUGIN.NAME=VALUE, as in [\"postgresql.database=erp\"]"));
        };
        options.entry(plugin.trim().into()).or_default().insert(name.trim().into(), value.into());
    }
    Ok(options)
}
