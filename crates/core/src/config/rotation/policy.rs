//! Policies of changes on targets: for some credentials, other settings than those of the section `[rotation]`.

use std::time::Duration;

use chaveiro_rotation::{CharacterClass, Hours, Limits, PasswordPolicy};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::RotationSettings;
use crate::config::names::one_of;

/// A policy: an element of `rotation.policies`. What it does not set is as in the section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "described in docs/rotation.md")]
pub struct NamedPolicy {
    pub name: String,
    #[serde(default)]
    pub credentials: Vec<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub device_types: Vec<String>,
    #[serde(default)]
    pub plugins: Vec<String>,
    pub length: Option<usize>,
    pub classes: Option<Vec<ListedClass>>,
    pub symbols: Option<String>,
    pub forbidden: Option<String>,
    pub after_days: Option<u32>,
    pub after_release: Option<bool>,
    pub hours: Option<DayHours>,
    pub weekdays: Option<Vec<Weekday>>,
    pub attempts: Option<u32>,
    pub timeout_seconds: Option<u64>,
}

/// Characters of which a password has at least a number.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedClass {
    pub characters: String,
    #[serde(default = "one")]
    pub at_least: usize,
}

fn one() -> usize {
    1
}

/// A part of the day in UTC, in minutes: from the first one until the second one. Equal: the whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayHours(u16, u16);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

one_of! {
    Weekday: "monday" => Monday, "tuesday" => Tuesday, "wednesday" => Wednesday, "thursday" => Thursday,
    "friday" => Friday, "saturday" => Saturday, "sunday" => Sunday
}

impl<'de> Deserialize<'de> for DayHours {
    /// Reads `22:00-05:00`; an empty text is the whole day.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(Self(0, 0));
        }
        let hours = text.split_once('-').and_then(|(from, until)| Some(Self(minute(from)?, minute(until)?)));
        hours.ok_or_else(|| D::Error::custom("expected hours of the day in UTC, as in \"22:00-05:00\""))
    }
}

/// Reads `HH:MM` as a minute of the day. The end of the day is its beginning.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number =
        |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok());
    match (number(hour)??, number(minute)??) {
        (24, 0) => Some(0),
        (hour @ 0..24_u16, minute @ 0..60_u16) => Some(hour * 60 + minute),
        _ => None,
    }
}

/// The policy that applies to a credential: one of the list over the section, or the section alone.
#[derive(Clone, Copy, Debug)]
pub struct RotationPolicy<'a> {
    pub(super) defaults: &'a RotationSettings,
    pub(super) named: Option<&'a NamedPolicy>,
}

impl<'a> RotationPolicy<'a> {
    /// Returns a policy of the list.
    pub fn named(defaults: &'a RotationSettings, named: &'a NamedPolicy) -> Self {
        Self { defaults, named: Some(named) }
    }

    /// The name; `None`: the section alone.
    pub fn name(self) -> Option<&'a str> {
        self.named.map(|named| named.name.as_str())
    }

    /// What the policy sets, or what the section does.
    fn either<T>(
        self,
        of_policy: impl Fn(&'a NamedPolicy) -> Option<T>,
        of_section: impl Fn(&'a RotationSettings) -> T,
    ) -> T {
        self.named.and_then(of_policy).unwrap_or_else(|| of_section(self.defaults))
    }

    /// New passwords.
    pub fn password(self) -> PasswordPolicy {
        PasswordPolicy {
            length: self.either(|named| named.length, |section| section.length),
            classes: self.classes(),
            forbidden: self.either(|named| named.forbidden.clone(), |section| section.forbidden.clone()),
            ..PasswordPolicy::default()
        }
    }

    fn classes(self) -> Vec<CharacterClass> {
        if let Some(listed) = self.named.and_then(|named| named.classes.as_ref()) {
            let class =
                |class: &ListedClass| CharacterClass { characters: class.characters.clone(), at_least: class.at_least };
            return listed.iter().map(class).collect();
        }
        let is_alphanumeric = |class: &CharacterClass| class.characters.chars().all(char::is_alphanumeric);
        let mut classes: Vec<_> = PasswordPolicy::default().classes.into_iter().filter(is_alphanumeric).collect();
        let symbols = self.either(|named| named.symbols.clone(), |section| section.symbols.clone());
        if !symbols.is_empty() {
            classes.push(CharacterClass { characters: symbols, at_least: 1 });
        }
        classes
    }

    /// The age at which a secret is changed, in days; `None`: never by age.
    pub fn after_days(self) -> Option<u32> {
        Some(self.either(|named| named.after_days, |section| section.after_days)).filter(|days| *days > 0)
    }

    /// Whether a secret is changed after a release of custody.
    pub fn after_release(self) -> bool {
        self.either(|named| named.after_release, |section| section.after_release)
    }

    /// When automatic changes are sent.
    pub fn hours(self) -> Hours {
        let DayHours(from, until) = self.either(|named| named.hours, |section| section.hours);
        let listed = self.either(|named| named.weekdays.as_ref(), |section| &section.weekdays);
        let mut days = [listed.is_empty(); 7];
        for weekday in listed {
            if let Some(day) = days.get_mut(*weekday as usize) {
                *day = true;
            }
        }
        Hours::new(days, from, until).unwrap_or(Hours::ALWAYS)
    }

    /// The bounds of a rotation.
    pub fn limits(self) -> Limits {
        let attempts = self.either(|named| named.attempts, |section| section.attempts);
        Limits { attempts, hours: self.hours(), ..Limits::default() }
    }

    /// How long a call of a target may take; `None`: as long as its plugin says.
    pub fn timeout(self) -> Option<Duration> {
        let seconds = self.either(|named| named.timeout_seconds, |section| section.timeout_seconds);
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }
}

impl NamedPolicy {
    /// Requires what its type does not. Returns the key and what is expected of it.
    pub(super) fn check(&self, policy: RotationPolicy<'_>) -> Result<(), (&'static str, &'static str)> {
        let is_sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_known = |name: &String| plugins().any(|known| known.eq_ignore_ascii_case(name));
        let lists = [&self.credentials, &self.tags, &self.device_types, &self.plugins];
        let checks = [
            (self.name.is_empty() || !self.name.chars().all(is_sign), "name", "expected letters, digits, -, _ or ."),
            (
                lists.iter().all(|list| list.is_empty()),
                "name",
                "applies to nothing; set credentials, tags, device_types or plugins",
            ),
            (
                !self.plugins.iter().all(is_known),
                "plugins",
                "expected names of plugins, as docs/rotation.md lists them",
            ),
            (
                self.length.is_some_and(|length| !(8..=128).contains(&length)),
                "length",
                "expected a whole number from 8 to 128",
            ),
            (self.classes.is_some() && self.symbols.is_some(), "symbols", "classes are set, which include the symbols"),
            (self.attempts == Some(0), "attempts", "expected a whole number of 1 or more"),
            (
                self.timeout_seconds.is_some_and(|seconds| seconds != 0 && !(5..=900).contains(&seconds)),
                "timeout_seconds",
                "expected a whole number from 5 to 900, or 0",
            ),
            (
                policy.password().check().is_err(),
                if self.classes.is_some() { "classes" } else { "length" },
                "no password, or hardly any, of this length has enough characters of each class",
            ),
        ];
        checks
            .into_iter()
            .find(|(is_refused, ..)| *is_refused)
            .map_or(Ok(()), |(_, key, expected)| Err((key, expected)))
    }
}

/// The names of all plugins.
fn plugins() -> impl Iterator<Item = &'static str> {
    let templates = chaveiro_targets::template_targets().iter().map(|target| target.plugin.name);
    chaveiro_targets::plugins().iter().map(|plugin| plugin.name).chain(templates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_a_day_are_two_times() {
        for (text, from, until) in [("22:00-05:00", 1320, 300), ("08:30 - 24:00", 510, 0), ("00:00-00:00", 0, 0)] {
            let read = text.split_once('-').map(|(from, until)| (minute(from), minute(until)));
            assert_eq!(read, Some((Some(from), Some(until))), "{text}");
        }
        for text in ["", "8:00", "08", "08:60", "24:01", "25:00", "+8:00", "08:0", "-1:00"] {
            assert_eq!(minute(text), None, "{text}");
        }
    }
}
