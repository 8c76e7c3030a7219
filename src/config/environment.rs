//! Environment variables: `CHAVEIRO__SECTION__KEY` for settings, and the variables of the command line.
//!
//! A blank variable counts as unset, as from `VARIABLE=` in a file of variables. A text is taken as it is written, also where
//! it looks like a number. A value in quotes is refused: a file for `docker run --env-file` keeps them in the value, and no
//! setting has any.

use std::ffi::{OsStr, OsString};

use config::{Map, Value, ValueKind};

use super::SettingsError;

/// The variables of the command line.
const COMMAND_LINE: [&str; 3] = ["CHAVEIRO_CONFIG", "CHAVEIRO_DATABASE_URL", "CHAVEIRO_DATA_DIR"];
/// The variable of the root key, which is checked where the key is loaded: never taken as unset.
const ROOT_KEY: &str = "CHAVEIRO_ROOT_KEY";
/// Before the section of a setting.
const SETTING_PREFIX: &str = "CHAVEIRO__";
const PREFIX: &str = "CHAVEIRO_";

/// Whether a variable has no value: it is empty or has only white space.
pub fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

/// Checks the variables of the command line, and warns of unknown ones that look like them.
///
/// # Errors
/// [`SettingsError::Variable`]
pub fn check() -> Result<(), SettingsError> {
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    for name in COMMAND_LINE {
        if let Some((_, value)) = variables.iter().find(|(found, value)| found == name && !is_blank(value)) {
            text(name, value)?;
        }
    }
    for name in unknown(variables.iter().filter_map(|(name, _)| name.to_str())) {
        let known = COMMAND_LINE.join(", ");
        log::warn!(
            "the variable {name} is not known and has no effect; known: {known}, {ROOT_KEY}, {SETTING_PREFIX}SECTION__KEY"
        );
    }
    Ok(())
}

/// Finds variables that begin like those of Chaveiro and are none, without those that Kubernetes sets for a service called
/// chaveiro.
fn unknown<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let set_by_kubernetes = |name: &str| name.contains("_PORT") || name.contains("_SERVICE_");
    let is_known = |name: &str| name == ROOT_KEY || COMMAND_LINE.contains(&name) || setting(name).is_some();
    let mut unknown: Vec<&str> =
        names.filter(|name| name.starts_with(PREFIX) && !is_known(name) && !set_by_kubernetes(name)).collect();
    unknown.sort_unstable();
    unknown
}

/// Returns the key of a setting, as in `http.listen`.
fn setting(name: &str) -> Option<String> {
    let prefix = name.get(..SETTING_PREFIX.len())?;
    prefix.eq_ignore_ascii_case(SETTING_PREFIX).then(|| name[prefix.len()..].to_lowercase().replace("__", "."))
}

/// Reads the settings among `variables`, each as the type that its default has.
pub(super) fn settings(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    defaults: &Map<String, Value>,
) -> Result<Map<String, Value>, SettingsError> {
    let mut found = Map::new();
    for (name, value) in variables {
        let Some((name, key)) = name.to_str().and_then(|name| Some((name, setting(name)?))) else { continue };
        if is_blank(&value) {
            continue;
        }
        let default = find(defaults, &key).ok_or_else(|| SettingsError::UnknownVariable(name.into()))?;
        let kind = parse(name, text(name, &value)?, &default.kind)?;
        found.insert(key, Value::new(Some(&format!("the variable {name}")), kind));
    }
    Ok(found)
}

/// Finds a setting by its key in the defaults.
fn find<'a>(settings: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => settings.get(key),
        Some((section, rest)) => match &settings.get(section)?.kind {
            ValueKind::Table(settings) => find(settings, rest),
            _ => None,
        },
    }
}

/// Checks what holds for every value.
fn text<'a>(name: &str, value: &'a OsStr) -> Result<&'a str, SettingsError> {
    let refused = |expected| Err(SettingsError::Variable(name.into(), expected));
    let Some(text) = value.to_str() else { return refused("expected UTF-8 text") };
    if text.chars().any(char::is_control) {
        return refused("must not contain line breaks or other control characters");
    }
    let bare = text.trim();
    if ['"', '\''].iter().any(|quote| bare.len() > 1 && bare.starts_with(*quote) && bare.ends_with(*quote)) {
        return refused("must not be in quotes");
    }
    Ok(text)
}

/// Converts a text to the type of the default.
fn parse(name: &str, text: &str, default: &ValueKind) -> Result<ValueKind, SettingsError> {
    let invalid = |expected| SettingsError::Variable(name.into(), expected);
    match default {
        ValueKind::String(_) => Ok(ValueKind::String(text.into())),
        ValueKind::Boolean(_) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(ValueKind::Boolean(true)),
            "false" | "no" | "off" | "0" => Ok(ValueKind::Boolean(false)),
            _ => Err(invalid("expected true or false")),
        },
        ValueKind::I64(_) => text.trim().parse().map(ValueKind::I64).map_err(|_| invalid("expected a whole number")),
        ValueKind::Array(_) => {
            let items: Vec<&str> = text.split(',').map(str::trim).collect();
            if items.contains(&"") {
                return Err(invalid("expected a comma-separated list without empty items"));
            }
            let item = |item: &str| Value::new(Some(&format!("the variable {name}")), ValueKind::String(item.into()));
            Ok(ValueKind::Array(items.into_iter().map(item).collect()))
        }
        _ => Err(SettingsError::UnknownVariable(name.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unknown_names_are_reported() {
        let names = [
            "CHAVEIRO_CONFIG",
            "CHAVEIRO_DATABASE_URL",
            "CHAVEIRO_DATA_DIR",
            "CHAVEIRO_ROOT_KEY",
            "CHAVEIRO__HTTP__LISTEN",
            "CHAVEIRO_PORT_8080_TCP_ADDR",
            "CHAVEIRO_SERVICE_HOST",
            "HOME",
            "CHAVEIRO_HTTP__LISTEN",
            "CHAVEIRO_DATABSE_URL",
        ];
        assert_eq!(unknown(names.into_iter()), ["CHAVEIRO_DATABSE_URL", "CHAVEIRO_HTTP__LISTEN"]);
    }

    #[test]
    fn white_space_is_no_value() {
        for (value, blank) in [("", true), (" ", true), ("\t\r\n", true), ("0", false), ("\"\"", false)] {
            assert_eq!(is_blank(OsStr::new(value)), blank, "{value:?}");
        }
    }
}
