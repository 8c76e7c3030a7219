//! The four groups of settings of a credential (contract, section 5.3): execution, session, additional and
//! just-in-time. Each is stored whole, as one JSON object; a later call replaces the members that it sends. What is
//! secret in them is taken out and sealed.

use serde_json::{Map, Value, json};

use crate::crypto::SecretText;
use crate::vault::input::Parameters;
use crate::vault::{InvalidInput, VaultError};

/// A group of settings as a client sent it, checked: only known members, each in one form.
pub(super) type Group = Map<String, Value>;

#[derive(Clone, Copy)]
enum Form {
    Text,
    Flag,
}

use Form::{Flag, Text};

const EXECUTION: &[(&str, Form)] = &[
    ("parent_credential", Text),
    ("parent_hostname", Text),
    ("parent_ip", Text),
    ("automatic_change", Flag),
    ("agent_based_password_change", Flag),
    ("change_plugin", Text),
    ("change_template", Text),
    ("use_own_credential_to_connect", Flag),
    ("authentication_credential", Text),
    ("authentication_hostname", Text),
    ("authentication_ip", Text),
    // Reconciliation after a failed change, not the credential's own status.
    ("status", Flag),
    ("reconciliation_credential", Text),
    ("reconciliation_hostname", Text),
    ("reconciliation_ip", Text),
    ("reconciliation_plugin", Text),
    ("reconciliation_template", Text),
];

const SESSION: &[(&str, Form)] = &[
    ("SSH", Flag),
    ("Telnet", Flag),
    ("MySQL", Flag),
    ("SQL Server", Flag),
    ("HTTP", Flag),
    ("HTTPS", Flag),
    ("RDP", Flag),
    ("X11 Forward", Flag),
    ("VNC", Flag),
    ("restrict_access_to_remote_application", Flag),
    ("use_own_credential_to_connect", Flag),
    ("authentication_credential", Text),
    ("authentication_hostname", Text),
    ("authentication_ip", Text),
];

const ADDITIONAL: &[(&str, Form)] = &[("server_path", Text)];

const JIT: &[(&str, Form)] = &[
    ("jit", Flag),
    ("credential_creation_and_deletion", Flag),
    ("enable_disable_credential", Flag),
    ("use_own_credential_to_connect", Flag),
    ("authentication_credential", Text),
    ("authentication_hostname", Text),
    ("authentication_ip", Text),
    ("credential_creation_plugin", Text),
    ("credential_creation_template", Text),
    ("credential_deletion_plugin", Text),
    ("credential_deletion_template", Text),
    ("credential_enable_plugin", Text),
    ("credential_enable_template", Text),
    ("credential_disable_plugin", Text),
    ("credential_disable_template", Text),
];

/// The settings that a request carries.
#[derive(Clone, Debug, Default)]
pub struct SettingsInput {
    pub(super) execution: Option<Group>,
    pub(super) session: Option<Group>,
    pub(super) additional: Option<Group>,
    pub(super) jit: Option<Group>,
    /// An identifier inside the additional settings: a value to assign, not a key to search by.
    pub(super) identifier: Option<String>,
    pub(super) totp_seed: Option<SecretText>,
    pub(super) authentication_fields: Option<SecretText>,
    pub(super) notes: Option<SecretText>,
}

impl SettingsInput {
    /// Reads the groups out of the parameters of a request.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] that names the member. Unknown members are ignored.
    pub fn read(parameters: &Parameters) -> Result<Self, VaultError> {
        let mut input = Self {
            execution: group(parameters, "execution_settings", EXECUTION)?,
            session: session(parameters)?,
            jit: group(parameters, "jit_settings", JIT)?,
            // The modern example has the notes beside the settings, the legacy one inside.
            notes: parameters.secret("notes")?,
            ..Self::default()
        };
        if let Some(sent) = parameters.object("additional_settings")? {
            input.read_additional(&sent)?;
        }
        Ok(input)
    }

    fn read_additional(&mut self, sent: &Parameters) -> Result<(), VaultError> {
        let mut group = members(sent, ADDITIONAL)?;
        // The vendor's table has the word misspelt, its example has it right.
        let owner = match sent.line("user_credential_owner")? {
            Some(owner) => Some(owner),
            None => sent.line("user_credentia_owner")?,
        };
        if let Some(owner) = owner {
            group.insert("user_credential_owner".into(), owner.into());
        }
        if let Some(level) = sent.line("criticality")?.filter(|level| !level.is_empty()) {
            group.insert("criticality".into(), criticality(&level)?.into());
        }
        self.additional = Some(group);
        self.identifier = sent.line("identifier")?.filter(|identifier| !identifier.is_empty());
        self.totp_seed = sent.secret("secret_key")?;
        self.authentication_fields = authentication_fields(sent)?;
        if let Some(notes) = sent.secret("notes")? {
            self.notes = Some(notes);
        }
        Ok(())
    }
}

fn group(
    parameters: &Parameters,
    name: &'static str,
    known: &[(&'static str, Form)],
) -> Result<Option<Group>, VaultError> {
    parameters.object(name)?.map(|sent| members(&sent, known)).transpose()
}

fn members(sent: &Parameters, known: &[(&'static str, Form)]) -> Result<Group, VaultError> {
    let mut group = Group::new();
    for (name, form) in known {
        let value = match form {
            Text => sent.line(name)?.map(Value::from),
            Flag => sent.flag(name)?.map(Value::from),
        };
        if let Some(value) = value {
            group.insert((*name).into(), value);
        }
    }
    Ok(group)
}

fn session(parameters: &Parameters) -> Result<Option<Group>, VaultError> {
    let Some(sent) = parameters.object("session_settings")? else { return Ok(None) };
    let mut group = members(&sent, SESSION)?;
    if let Some(macros) = sent.objects("macros")? {
        let each = |sent: &Parameters| {
            Ok(json!({ "remote_app": sent.line("remote_app")?, "connectivity": sent.line("connectivity")? }))
        };
        group.insert("macros".into(), macros.iter().map(each).collect::<Result<_, VaultError>>()?);
    }
    Ok(Some(group))
}

/// The fields of a further authentication, as one JSON array: their values are secret.
fn authentication_fields(sent: &Parameters) -> Result<Option<SecretText>, VaultError> {
    let Some(fields) = sent.objects("additional_authentication_fields")? else { return Ok(None) };
    let each = |field: &Parameters| {
        // One vendor document drops a letter.
        let short_name = match field.line("short_name")? {
            Some(name) => Some(name),
            None => field.line("shot_name")?,
        };
        Ok(json!({ "name": field.line("name")?, "short_name": short_name, "value": field.text("value")? }))
    };
    let fields = fields.iter().map(each).collect::<Result<Value, VaultError>>()?;
    Ok(Some(SecretText::new(fields.to_string())))
}

fn criticality(level: &str) -> Result<&'static str, VaultError> {
    ["Low", "Medium", "High"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(level))
        .ok_or_else(|| InvalidInput::parameter("criticality", "expected Low, Medium or High"))
}

/// What is stored after `sent` was applied to what was `stored`.
pub(super) fn merged(stored: Option<&str>, sent: &Group) -> Group {
    let mut group = stored.map(parsed).unwrap_or_default();
    group.extend(sent.clone());
    group
}

fn parsed(stored: &str) -> Group {
    serde_json::from_str(stored).unwrap_or_default()
}

/// Whether the stored execution settings ask for automatic changes.
pub(super) fn changes_automatically(execution: Option<&str>) -> bool {
    execution.is_some_and(|stored| is_on(&parsed(stored), "automatic_change"))
}

fn is_on(group: &Group, member: &str) -> bool {
    group.get(member).and_then(Value::as_bool).unwrap_or(false)
}

fn text_of<'g>(group: &'g Group, member: &str) -> Option<&'g str> {
    group.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The credential that a group names under `role`: username, hostname and address, all three.
pub(super) fn reference(group: &Group, role: &str) -> Option<(String, String, String)> {
    let part = |of: &str| text_of(group, &format!("{role}_{of}")).map(String::from);
    Some((part("credential")?, part("hostname")?, part("ip")?))
}

/// Just-in-time access needs the plugins and templates of its mode (1046, 1047).
pub(super) fn check_jit(group: &Group) -> Result<(), VaultError> {
    if !is_on(group, "jit") {
        return Ok(());
    }
    let modes = [
        ("credential_creation_and_deletion", ["credential_creation", "credential_deletion"]),
        ("enable_disable_credential", ["credential_enable", "credential_disable"]),
    ];
    for (_, steps) in modes.iter().filter(|(mode, _)| is_on(group, mode)) {
        for (part, missing) in [("plugin", VaultError::PluginMissing), ("template", VaultError::TemplateMissing)] {
            if steps.iter().any(|step| text_of(group, &format!("{step}_{part}")).is_none()) {
                return Err(missing);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<SettingsInput, VaultError> {
        SettingsInput::read(&Parameters::new(value.as_object().unwrap().clone()))
    }

    #[test]
    fn members_are_checked_and_unknown_ones_dropped() {
        let sent = json!({"session_settings": {"SSH": "yes", "SQL Server": 1, "ssh": true, "other": "x",
            "macros": [{"remote_app": "MySQL", "connectivity": "SSH", "more": 1}]}});
        let group = read(sent).unwrap().session.unwrap();
        let macros = json!([{"remote_app": "MySQL", "connectivity": "SSH"}]);
        assert_eq!(Value::Object(group), json!({"SSH": true, "SQL Server": true, "macros": macros}));
    }

    #[test]
    fn what_is_secret_is_taken_out() {
        let sent = json!({"additional_settings": [{"secret_key": "SEED", "notes": "N", "identifier": "i",
            "user_credentia_owner": "ana", "criticality": "high",
            "additional_authentication_fields": [{"name": "pin", "shot_name": "p", "value": 1234}]}]});
        let input = read(sent).unwrap();
        let stored = json!({"user_credential_owner": "ana", "criticality": "High"});
        assert_eq!(Value::Object(input.additional.unwrap()), stored);
        assert_eq!(input.totp_seed.unwrap().expose(), "SEED");
        assert_eq!(input.notes.unwrap().expose(), "N");
        assert_eq!(input.identifier.as_deref(), Some("i"));
        let fields = input.authentication_fields.unwrap();
        assert_eq!(fields.expose(), r#"[{"name":"pin","short_name":"p","value":"1234"}]"#);
    }

    #[test]
    fn notes_may_stand_beside_the_settings() {
        assert_eq!(read(json!({"notes": "N"})).unwrap().notes.unwrap().expose(), "N");
    }

    #[test]
    fn wrong_forms_are_named() {
        for (sent, member) in [
            (json!({"execution_settings": {"status": "perhaps"}}), "status"),
            (json!({"execution_settings": "x"}), "execution_settings"),
            (json!({"session_settings": {"macros": "x"}}), "macros"),
            (json!({"additional_settings": {"criticality": "extreme"}}), "criticality"),
            (
                json!({"additional_settings": {"additional_authentication_fields": [1]}}),
                "additional_authentication_fields",
            ),
        ] {
            let error = read(sent).unwrap_err();
            assert!(error.to_string().contains(member), "{error}");
        }
    }

    #[test]
    fn a_later_call_replaces_the_members_that_it_sends() {
        let sent = json!({"a": 2, "c": 3});
        let merged = merged(Some(r#"{"a":1,"b":1}"#), sent.as_object().unwrap());
        assert_eq!(Value::Object(merged), json!({"a": 2, "b": 1, "c": 3}));
    }

    #[test]
    fn jit_needs_the_plugins_of_its_mode_and_then_the_templates() {
        let check = |value: Value| check_jit(value.as_object().unwrap());
        let creation = json!({"jit": true, "credential_creation_and_deletion": true});
        assert_eq!(check(creation.clone()), Err(VaultError::PluginMissing));
        let mut plugins = creation;
        plugins["credential_creation_plugin"] = json!("P");
        assert_eq!(check(plugins.clone()), Err(VaultError::PluginMissing));
        plugins["credential_deletion_plugin"] = json!("P");
        assert_eq!(check(plugins.clone()), Err(VaultError::TemplateMissing));
        plugins["credential_creation_template"] = json!("T");
        plugins["credential_deletion_template"] = json!("T");
        assert_eq!(check(plugins.clone()), Ok(()));
        plugins["enable_disable_credential"] = json!(true);
        assert_eq!(check(plugins.clone()), Err(VaultError::PluginMissing));
        plugins["jit"] = json!(false);
        assert_eq!(check(plugins), Ok(()));
    }
}
