//! Permission names from before access-control strings; version 1 still uses them.

use crate::text::canonical_number;
use crate::vault::access::permission::AccessString;
use crate::vault::access::{Permission, Verb};

/// The areas of the product that Chaveiro does not have, and what each permits. Roles may hold them, so that a client that writes a
/// whole role finds it as it wrote it; they grant nothing here. The names are those of the published description of version 25 (PUT
/// Security/Roles/{id}/Permissions/Global), and Monitoring of earlier ones. Their access-control strings are our own.
const OTHER_AREAS: [(&str, &[&str]); 23] = [
    ("AdminPortal", &["Read"]),
    ("AgentAutoRegistration", &["Read", "Modify"]),
    ("AgentManagement", &["Read", "Modify"]),
    ("API", &["Read"]),
    ("ApplicationSettings", &["Read", "Modify"]),
    ("Auditing", &["Read"]),
    ("CertificateCollections", &["Modify"]),
    ("CertificateEnrollment", &["EnrollPFX", "EnrollCSR", "CsrGeneration", "PendingCsr"]),
    ("CertificateMetadataTypes", &["Read", "Modify"]),
    ("Certificates", &["Read", "EditMetadata", "Import", "Recover", "Revoke", "Delete", "ImportPrivateKey"]),
    ("CertificateStoreManagement", &["Read", "Schedule", "Modify"]),
    ("Dashboard", &["Read", "RiskHeader"]),
    ("EventHandlerRegistration", &["Read", "Modify"]),
    ("MacAutoEnrollManagement", &["Read", "Modify"]),
    ("Monitoring", &["Read", "Modify", "Test"]),
    ("PkiManagement", &["Read", "Modify"]),
    ("Reports", &["Read", "Modify"]),
    ("SSH", &["User", "ServerAdmin", "EnterpriseAdmin"]),
    ("SslManagement", &["Read", "Modify"]),
    ("SystemSettings", &["Read", "Modify"]),
    ("WorkflowDefinitions", &["Read", "Modify"]),
    ("WorkflowInstances", &["ReadAll", "ReadAssignedToMe", "ReadMy", "Manage"]),
    ("WorkflowManagement", &["Read", "Modify", "Test", "Participate", "Manage"]),
];

/// Returns the name of a permission.
pub(super) fn permission_name(permission: Permission) -> String {
    match permission {
        Permission::Pam(verb) => format!("PrivilegedAccessManagement:{}", verb_name(verb)),
        Permission::Provider(verb, id) => format!("PrivilegedAccessManagement:{}:{id}", verb_name(verb)),
        Permission::Security(verb) => format!("SecuritySettings:{}", verb_name(verb)),
    }
}

fn verb_name(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "Read",
        Verb::Modify => "Modify",
    }
}

/// Returns the access-control string of a name, ignoring case; `None` for a name that does not exist.
pub(super) fn access_string(name: &str) -> Option<String> {
    let (area, verb) = name.split_once(':')?;
    let (area, verb) = (area.trim(), verb.trim());
    let own = [("PrivilegedAccessManagement", "pam"), ("SecuritySettings", "security")];
    let own = own.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(area));
    let Some((_, path)) = own else { return other_string(area, verb) };
    let (verb, provider) = verb.split_once(':').map_or((verb, None), |(verb, id)| (verb.trim(), Some(id.trim())));
    let verb = ["Read", "Modify"].into_iter().find(|known| known.eq_ignore_ascii_case(verb))?.to_ascii_lowercase();
    match provider {
        None => Some(format!("/{path}/{verb}/")),
        Some(id) if path == "pam" => Some(format!("/pam/{verb}/{}/", canonical_number(id).filter(|id| *id > 0)?)),
        Some(_) => None,
    }
}

fn other_string(area: &str, verb: &str) -> Option<String> {
    let named = |(known, verbs): &&(&str, &[&str])| {
        known.eq_ignore_ascii_case(area) && verbs.iter().any(|known| known.eq_ignore_ascii_case(verb))
    };
    OTHER_AREAS.iter().find(named)?;
    Some(format!("/{}/{}/", area.to_ascii_lowercase(), verb.to_ascii_lowercase()))
}

/// Returns the name of a permission of another area by its string.
fn other_name(string: &AccessString) -> Option<String> {
    let names = OTHER_AREAS.iter().flat_map(|(area, verbs)| verbs.iter().map(move |verb| (area, verb)));
    let name = names.map(|(area, verb)| (format!("/{area}/{verb}/"), format!("{area}:{verb}")));
    name.into_iter().find(|(path, _)| path.eq_ignore_ascii_case(string.as_str())).map(|(_, name)| name)
}

/// Returns the names of the permissions that access-control strings grant; strings without a name are left out.
pub(super) fn permission_names(strings: &[String]) -> Vec<String> {
    let held: Vec<AccessString> = strings.iter().filter_map(|string| AccessString::parse(string)).collect();
    let verbs = [Verb::Read, Verb::Modify];
    let global = verbs.map(Permission::Pam).into_iter().chain(verbs.map(Permission::Security));
    let granted = global.filter(|permission| held.iter().any(|string| string.grants(&permission.to_string())));
    let single = held.iter().filter_map(single_provider);
    let others = held.iter().filter_map(other_name);
    granted.chain(single).map(permission_name).chain(others).collect()
}

/// Returns the permission of a string that covers a single provider.
fn single_provider(string: &AccessString) -> Option<Permission> {
    [Verb::Read, Verb::Modify].into_iter().find_map(|verb| {
        let rest = string.as_str().strip_prefix(&Permission::Pam(verb).to_string())?;
        let id: i32 = rest.strip_suffix('/')?.parse().ok()?;
        let permission = Permission::Provider(verb, id.into());
        (permission.to_string() == string.as_str()).then_some(permission)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(strings: &[&str]) -> String {
        permission_names(&strings.iter().map(|string| String::from(*string)).collect::<Vec<_>>()).join(" ")
    }

    #[test]
    fn strings_have_the_names_of_what_they_grant() {
        assert_eq!(
            names(&["/"]),
            "PrivilegedAccessManagement:Read PrivilegedAccessManagement:Modify SecuritySettings:Read \
             SecuritySettings:Modify"
        );
        assert_eq!(names(&["/pam/read/"]), "PrivilegedAccessManagement:Read");
        assert_eq!(
            names(&["/pam/modify/5/", "/security/"]),
            "SecuritySettings:Read SecuritySettings:Modify PrivilegedAccessManagement:Modify:5"
        );
        assert_eq!(names(&["/metadata/types/read/", "/pam/read/007/", "/pam/read/1/2/", "nonsense"]), "");
    }
    #[test]
    fn every_name_comes_back_as_it_was_sent() {
        let areas = OTHER_AREAS.iter().flat_map(|(area, verbs)| verbs.iter().map(move |verb| format!("{area}:{verb}")));
        let own = ["PrivilegedAccessManagement:Read", "SecuritySettings:Modify", "PrivilegedAccessManagement:Modify:5"];
        for name in areas.chain(own.map(String::from)) {
            let string = access_string(&name).unwrap();
            assert_eq!(AccessString::parse(&string).unwrap().as_str(), string, "canonical");
            assert_eq!(names(&[&string]), name);
            assert_eq!(access_string(&name.to_uppercase()), Some(string));
        }
        assert_eq!(access_string("AgentManagement: Read"), Some("/agentmanagement/read/".into()));
        for name in [
            "",
            "Read",
            ":",
            "/pam/read/",
            "Nothing:Read",
            "Certificates:Write",
            "SecuritySettings:Read:5",
            "PrivilegedAccessManagement:Read:x",
            "PrivilegedAccessManagement:Read:0",
            "PrivilegedAccessManagement:Read:05",
        ] {
            assert_eq!(access_string(name), None, "{name}");
        }
    }
}
