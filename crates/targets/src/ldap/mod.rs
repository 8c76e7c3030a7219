//! Targets that are reached over LDAP: OpenLDAP, Active Directory.

mod answer;
mod connection;
mod names;
mod openldap;
mod policy;

pub(crate) use openldap::OpenLdap;
