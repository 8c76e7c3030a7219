//! The four groups of settings of a credential: execution, session, additional and just-in-time (contract, section 5.3).
//! Unknown members are ignored.

use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::crypto::SecretText;
use crate::http::input_error::InputError;
use crate::vault::credential::{
    CredentialReference, JitSettings, JitStep, ReferenceChange, RotationSettings, SessionSettings, SettingsGroup,
    SettingsInput,
};

const SESSION_FLAGS: [&str; 11] = [
    "SSH",
    "Telnet",
    "MySQL",
    "SQL Server",
    "HTTP",
    "HTTPS",
    "RDP",
    "X11 Forward",
    "VNC",
    "restrict_access_to_remote_application",
    "use_own_credential_to_connect",
];
const SESSION_TEXTS: [&str; 3] = ["authentication_credential", "authentication_hostname", "authentication_ip"];

/// The members by which a group names a credential: username, hostname and address.
type ReferenceNames = [&'static str; 3];

const PARENT: ReferenceNames = ["parent_credential", "parent_hostname", "parent_ip"];
const AUTHENTICATION: ReferenceNames = SESSION_TEXTS;
const RECONCILIATION: ReferenceNames = ["reconciliation_credential", "reconciliation_hostname", "reconciliation_ip"];

/// Parses the settings in a request.
///
/// # Errors
/// [`InputError`] that names the member.
pub(super) fn settings_input(parameters: &Parameters) -> Result<SettingsInput, InputError> {
    let mut input = SettingsInput {
        rotation: rotation_settings(parameters)?,
        session: parameters.object("session_settings")?.map(|sent| session(&sent)).transpose()?,
        jit: parameters.object("jit_settings")?.map(|sent| jit(&sent)).transpose()?,
        // The modern example has the notes beside the settings, the legacy one inside.
        notes: parameters.secret("notes")?,
        ..SettingsInput::default()
    };
    if let Some(sent) = parameters.object("additional_settings")? {
        input.additional = Some(additional(&sent)?);
        input.identifier = sent.line("identifier")?.filter(|identifier| !identifier.is_empty());
        input.totp_seed = sent.secret("secret_key")?;
        input.authentication_fields = authentication_fields(&sent)?;
        if let Some(notes) = sent.secret("notes")? {
            input.notes = Some(notes);
        }
    }
    Ok(input)
}

/// Parses the settings of rotation in a request, of a credential or an SSH key.
///
/// # Errors
/// [`InputError`] that names the member.
pub(super) fn rotation_settings(parameters: &Parameters) -> Result<Option<RotationSettings>, InputError> {
    parameters.object("execution_settings")?.map(|sent| rotation(&sent)).transpose()
}

fn rotation(sent: &Parameters) -> Result<RotationSettings, InputError> {
    Ok(RotationSettings {
        parent: reference(sent, PARENT)?,
        automatic_change: sent.flag("automatic_change")?,
        agent_based: sent.flag("agent_based_password_change")?,
        plugin: sent.line("change_plugin")?,
        template: sent.line("change_template")?,
        use_own_credential: sent.flag("use_own_credential_to_connect")?,
        authentication: reference_change(sent, AUTHENTICATION)?,
        // Reconciliation after a failed change, not the credential's own status.
        reconcile: sent.flag("status")?,
        reconciliation: reference_change(sent, RECONCILIATION)?,
        reconciliation_plugin: sent.line("reconciliation_plugin")?,
        reconciliation_template: sent.line("reconciliation_template")?,
    })
}

fn jit(sent: &Parameters) -> Result<JitSettings, InputError> {
    let step =
        |plugin, template| Ok::<_, InputError>(JitStep { plugin: sent.line(plugin)?, template: sent.line(template)? });
    Ok(JitSettings {
        enabled: sent.flag("jit")?,
        create_and_delete: sent.flag("credential_creation_and_deletion")?,
        enable_and_disable: sent.flag("enable_disable_credential")?,
        use_own_credential: sent.flag("use_own_credential_to_connect")?,
        authentication: reference_change(sent, AUTHENTICATION)?,
        steps: [
            step("credential_creation_plugin", "credential_creation_template")?,
            step("credential_deletion_plugin", "credential_deletion_template")?,
            step("credential_enable_plugin", "credential_enable_template")?,
            step("credential_disable_plugin", "credential_disable_template")?,
        ],
    })
}

/// Returns the credential that a group names, if no member is missing or empty.
fn reference(sent: &Parameters, names: ReferenceNames) -> Result<Option<CredentialReference>, InputError> {
    let member = |name| Ok::<_, InputError>(sent.line(name)?.filter(|text| !text.is_empty()));
    let [username, hostname, ip] = names;
    let (username, hostname, ip) = (member(username)?, member(hostname)?, member(ip)?);
    Ok(match (username, hostname, ip) {
        (Some(username), Some(hostname), Some(ip)) => Some(CredentialReference { username, hostname, ip }),
        _ => None,
    })
}

/// Returns the change of a group's credential reference. Empty members remove the reference.
fn reference_change(sent: &Parameters, names: ReferenceNames) -> Result<Option<ReferenceChange>, InputError> {
    if let Some(reference) = reference(sent, names)? {
        return Ok(Some(ReferenceChange::Set(reference)));
    }
    let [username, hostname, ip] = names;
    let members = [sent.line(username)?, sent.line(hostname)?, sent.line(ip)?];
    let sent: Vec<&String> = members.iter().flatten().collect();
    let is_emptied = !sent.is_empty() && sent.iter().all(|text| text.is_empty());
    Ok(is_emptied.then_some(ReferenceChange::Remove))
}

fn session(sent: &Parameters) -> Result<SessionSettings, InputError> {
    let mut members = SettingsGroup::new();
    for name in SESSION_FLAGS {
        if let Some(flag) = sent.flag(name)? {
            members.insert(name.into(), flag.into());
        }
    }
    for name in SESSION_TEXTS {
        if let Some(text) = sent.line(name)? {
            members.insert(name.into(), text.into());
        }
    }
    if let Some(macros) = sent.few_objects("macros")? {
        let each = |sent: &Parameters| {
            Ok(json!({ "remote_app": sent.line("remote_app")?, "connectivity": sent.line("connectivity")? }))
        };
        members.insert("macros".into(), macros.iter().map(each).collect::<Result<_, InputError>>()?);
    }
    Ok(SessionSettings { members, authentication: reference(sent, AUTHENTICATION)? })
}

fn additional(sent: &Parameters) -> Result<SettingsGroup, InputError> {
    let mut members = SettingsGroup::new();
    if let Some(path) = sent.line("server_path")? {
        members.insert("server_path".into(), path.into());
    }
    // The vendor's table has the word misspelt, its example has it right.
    let owner = match sent.line("user_credential_owner")? {
        Some(owner) => Some(owner),
        None => sent.line("user_credentia_owner")?,
    };
    if let Some(owner) = owner {
        members.insert("user_credential_owner".into(), owner.into());
    }
    if let Some(level) = sent.line("criticality")?.filter(|level| !level.is_empty()) {
        members.insert("criticality".into(), criticality(&level)?.into());
    }
    Ok(members)
}

/// Returns the additional authentication fields as one JSON array: their values are secret.
fn authentication_fields(sent: &Parameters) -> Result<Option<SecretText>, InputError> {
    let Some(fields) = sent.few_objects("additional_authentication_fields")? else { return Ok(None) };
    let each = |field: &Parameters| {
        // One vendor document drops a letter.
        let short_name = match field.line("short_name")? {
            Some(name) => Some(name),
            None => field.line("shot_name")?,
        };
        Ok(json!({ "name": field.line("name")?, "short_name": short_name, "value": field.long_text("value")? }))
    };
    let fields = fields.iter().map(each).collect::<Result<Value, InputError>>()?;
    Ok(Some(SecretText::new(fields.to_string())))
}

fn criticality(level: &str) -> Result<&'static str, InputError> {
    ["Low", "Medium", "High"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(level))
        .ok_or_else(|| InputError::parameter("criticality", "expected Low, Medium or High"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: Value) -> Result<SettingsInput, InputError> {
        settings_input(&Parameters::new(value.as_object().unwrap().clone()))
    }

    #[test]
    fn members_are_checked_and_unknown_ones_dropped() {
        let sent = json!({"session_settings": {"SSH": "yes", "SQL Server": 1, "ssh": true, "other": "x",
            "macros": [{"remote_app": "MySQL", "connectivity": "SSH", "more": 1}]}});
        let group = parsed(sent).unwrap().session.unwrap().members;
        let macros = json!([{"remote_app": "MySQL", "connectivity": "SSH"}]);
        assert_eq!(Value::Object(group), json!({"SSH": true, "SQL Server": true, "macros": macros}));
    }

    #[test]
    fn secrets_are_kept_apart() {
        let sent = json!({"additional_settings": [{"secret_key": "SEED", "notes": "N", "identifier": "i",
            "user_credentia_owner": "ana", "criticality": "high",
            "additional_authentication_fields": [{"name": "pin", "shot_name": "p", "value": 1234}]}]});
        let input = parsed(sent).unwrap();
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
        assert_eq!(parsed(json!({"notes": "N"})).unwrap().notes.unwrap().expose(), "N");
    }

    #[test]
    fn a_credential_is_named_by_all_three_members_or_not_at_all() {
        let named = json!({"execution_settings": {"parent_credential": "root", "parent_hostname": "h", "parent_ip": "i",
            "authentication_credential": "root", "authentication_hostname": "h"}});
        let rotation = parsed(named).unwrap().rotation.unwrap();
        assert_eq!(rotation.parent.unwrap().username, "root");
        assert_eq!(rotation.authentication, None);
        let emptied = json!({"execution_settings": {"authentication_credential": "", "authentication_hostname": "",
            "authentication_ip": ""}});
        assert_eq!(parsed(emptied).unwrap().rotation.unwrap().authentication, Some(ReferenceChange::Remove));
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
            let error = parsed(sent).unwrap_err();
            assert!(error.to_string().contains(member), "{error}");
        }
    }
}
