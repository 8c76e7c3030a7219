//! The section of the settings for changes of passwords on targets.

mod policy;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Error;

use super::SettingsError;
use policy::{DayHours, Weekday};

pub use policy::{NamedPolicy, RotationPolicy};

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
    pub hours: DayHours,
    pub weekdays: Vec<Weekday>,
    #[serde(deserialize_with = "attempts")]
    pub attempts: u32,
    #[serde(deserialize_with = "timeout")]
    pub timeout_seconds: u64,
    #[serde(deserialize_with = "options")]
    pub options: TargetOptions,
    pub just_in_time: bool,
    pub policies: Vec<NamedPolicy>,
}

impl RotationSettings {
    /// Returns the policy of this section alone.
    pub fn default_policy(&self) -> RotationPolicy<'_> {
        RotationPolicy { defaults: self, named: None }
    }

    /// Returns every policy, that of this section first.
    fn every_policy(&self) -> impl Iterator<Item = RotationPolicy<'_>> {
        let named = self.policies.iter().map(|named| RotationPolicy { defaults: self, named: Some(named) });
        std::iter::once(self.default_policy()).chain(named)
    }

    /// Whether a policy changes passwords by age.
    pub fn changes_by_age(&self) -> bool {
        self.least_days().is_some()
    }

    /// Returns the least age at which a policy changes passwords, in days.
    pub fn least_days(&self) -> Option<u32> {
        self.every_policy().filter_map(RotationPolicy::after_days).min()
    }

    /// Whether a policy changes passwords after releases.
    pub fn changes_after_release(&self) -> bool {
        self.every_policy().any(RotationPolicy::after_release)
    }

    /// Requires that every policy applies to something and yields passwords.
    ///
    /// # Errors
    /// [`SettingsError::Policy`] with the setting.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let default = self.default_policy().password().check();
        default.map_err(|_| {
            SettingsError::policy("rotation.length", "no password of this length fits symbols and forbidden")
        })?;
        for (index, named) in self.policies.iter().enumerate() {
            let is_taken = |earlier: &NamedPolicy| earlier.name.eq_ignore_ascii_case(&named.name);
            let refused = if self.policies.iter().take(index).any(is_taken) {
                Err(("name", "is the name of an earlier policy"))
            } else {
                named.check(RotationPolicy { defaults: self, named: Some(named) })
            };
            refused.map_err(|(key, expected)| {
                SettingsError::policy(&format!("rotation.policies[{index}].{key}"), expected)
            })?;
        }
        Ok(())
    }
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

fn timeout<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    match u64::deserialize(from)? {
        seconds @ (0 | 5..=900) => Ok(seconds),
        _ => Err(D::Error::custom("expected a whole number from 5 to 900, or 0")),
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
