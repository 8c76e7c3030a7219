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
/// The variables of the client commands, which a server may run beside.
const CLIENT: [&str; 10] = [
    "CHAVEIRO_CA_FILE",
    "CHAVEIRO_CLIENT_CERTIFICATE",
    "CHAVEIRO_CLIENT_CONFIG",
    "CHAVEIRO_CLIENT_ID",
    "CHAVEIRO_CLIENT_KEY",
    "CHAVEIRO_CLIENT_SECRET",
    "CHAVEIRO_CLIENT_SECRET_FILE",
    "CHAVEIRO_TOKEN",
    "CHAVEIRO_TOKEN_FILE",
    "CHAVEIRO_URL",
];
/// The variable of the root key, which is checked where the key is loaded: never taken as unset.
const ROOT_KEY: &str = "CHAVEIRO_ROOT_KEY";
/// The variable of the next root key.
const ROOT_KEY_NEXT: &str = "CHAVEIRO_ROOT_KEY_NEXT";
/// Before the section of a setting.
const SETTING_PREFIX: &str = "CHAVEIRO__";
const PREFIX: &str = "CHAVEIRO_";

/// Whether a variable has no value: it is empty or has only white space.
pub fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

/// Checks the variables of the command line.
///
/// # Errors
/// [`SettingsError::Variable`]
pub fn check() -> Result<(), SettingsError> {
    for name in COMMAND_LINE {
        let Some(value) = std::env::var_os(name).filter(|value| !is_blank(value)) else { continue };
        let text = text(name, &value)?;
        // It would name another file or database.
        if text.trim() != text {
            return Err(SettingsError::Variable(name.into(), "must not begin or end with white space"));
        }
    }
    Ok(())
}

/// Warns of variables that look like those of Chaveiro and are none.
pub fn warn_of_unknown() {
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let texts = variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
    for name in unknown(texts) {
        let known = COMMAND_LINE.join(", ");
        log::warn!(
            "the variable {name} is not known and has no effect; known: {known}, {ROOT_KEY}, {ROOT_KEY_NEXT}, {SETTING_PREFIX}SECTION__KEY"
        );
    }
}

/// Finds variables that begin like those of Chaveiro, in any case, and are none.
fn unknown<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<&'a str> {
    let is_ours = |name: &str| name.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
    let mut unknown: Vec<&str> = variables
        .filter(|(name, value)| is_ours(name) && !is_known(name) && !is_service_link(name, value))
        .map(|(name, _)| name)
        .collect();
    unknown.sort_unstable();
    unknown
}

/// Whether a variable is one of Chaveiro.
pub fn is_known(name: &str) -> bool {
    matches!(name, ROOT_KEY | ROOT_KEY_NEXT)
        || COMMAND_LINE.contains(&name)
        || CLIENT.contains(&name)
        || setting(name).is_some()
}

/// Whether Kubernetes or Docker sets the variable, for a service whose name begins with chaveiro: `…_SERVICE_HOST`,
/// `…_SERVICE_PORT_HTTP`, `…_PORT=tcp://10.0.0.1:8080`, `…_PORT_8080_TCP_ADDR`.
fn is_service_link(name: &str, value: &str) -> bool {
    let protocol = |name: &str| ["TCP", "UDP", "SCTP"].iter().any(|protocol| name.starts_with(protocol));
    let of_port =
        |rest: &str| rest.split_once('_').is_some_and(|(port, rest)| port.parse::<u16>().is_ok() && protocol(rest));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.split("_PORT_").skip(1).any(of_port)
        || (name.ends_with("_PORT") && ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme)))
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
        let value = Value::new(Some(&format!("the variable {name}")), kind);
        if found.insert(key, value).is_some() {
            let expected = "this setting is set by another variable too, whose name differs in upper and lower case";
            return Err(SettingsError::Variable(name.into(), expected));
        }
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
        let variables = [
            ("CHAVEIRO_CONFIG", "x"),
            ("CHAVEIRO_DATABASE_URL", "x"),
            ("CHAVEIRO_DATA_DIR", "x"),
            ("CHAVEIRO_ROOT_KEY", "x"),
            ("CHAVEIRO_URL", "x"),
            ("CHAVEIRO_CLIENT_SECRET", "x"),
            ("CHAVEIRO__HTTP__LISTEN", "x"),
            ("CHAVEIRO_PORT", "tcp://10.0.0.1:8080"),
            ("CHAVEIRO_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("CHAVEIRO_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("CHAVEIRO_SERVICE_HOST", "10.0.0.1"),
            ("CHAVEIRO_SERVICE_PORT_HTTP", "8080"),
            ("CHAVEIRO_NODE_SERVICE_PORT", "8080"),
            ("HOME", "x"),
        ];
        assert_eq!(unknown(variables.into_iter()), [""; 0]);
        for name in [
            "CHAVEIRO_HTTP__LISTEN",
            "CHAVEIRO_DATABSE_URL",
            "CHAVEIRO_PORT",
            "CHAVEIRO_HTTP_PORT",
            "CHAVEIRO_PORT_NUMBER",
            "CHAVEIRO_SERVICE_NAME",
            "chaveiro_data_dir",
            "Chaveiro_Root_Key",
        ] {
            assert_eq!(unknown([(name, "8081")].into_iter()), [name]);
        }
    }

    #[test]
    fn white_space_is_no_value() {
        for (value, blank) in [("", true), (" ", true), ("\t\r\n", true), ("0", false), ("\"\"", false)] {
            assert_eq!(is_blank(OsStr::new(value)), blank, "{value:?}");
        }
    }
}
