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
