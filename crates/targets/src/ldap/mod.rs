//! Targets that are reached over LDAP: OpenLDAP, Active Directory.

mod accounts;
mod active_directory;
mod answer;
mod connection;
mod names;
mod openldap;
mod policy;
#[cfg(feature = "template")]
mod template;

pub(crate) use active_directory::ActiveDirectory;
pub(crate) use openldap::OpenLdap;
#[cfg(feature = "template")]
pub(crate) use template::LdapTemplate;

/// Reads the control of password policies and, after a byte for the code, the text of a result.
pub fn fuzz(bytes: &[u8]) {
    policy::fuzz(bytes);
    let Some((code, text)) = bytes.split_first() else { return };
    active_directory::fuzz((*code).into(), &String::from_utf8_lossy(text));
}
