//! Permission names from before access-control strings; version 1 still uses them.

use crate::vault::access::permission::AccessString;
use crate::vault::access::{Permission, Verb};

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

/// Returns the names of the permissions that access-control strings grant; strings without a name are left out.
pub(super) fn permission_names(strings: &[String]) -> Vec<String> {
    let held: Vec<AccessString> = strings.iter().filter_map(|string| AccessString::parse(string)).collect();
    let verbs = [Verb::Read, Verb::Modify];
    let global = verbs.map(Permission::Pam).into_iter().chain(verbs.map(Permission::Security));
    let granted = global.filter(|permission| held.iter().any(|string| string.grants(&permission.to_string())));
    let single = held.iter().filter_map(single_provider);
    granted.chain(single).map(permission_name).collect()
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
}
