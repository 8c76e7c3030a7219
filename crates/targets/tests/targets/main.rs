//! Targets against the real servers: each test starts a server of its own on 127.0.0.1, and stops it.

#![cfg_attr(
    not(all(feature = "http", feature = "ldap", feature = "mysql", feature = "postgresql", feature = "ssh")),
    allow(dead_code, unused_imports, reason = "families share what not each of them needs")
)]
#![expect(clippy::unwrap_used, reason = "a test ends in a panic")]

mod support;

mod accounts;
#[cfg(feature = "ldap")]
mod active_directory;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "ssh")]
mod linux;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "ldap")]
mod openldap;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "ssh")]
mod ssh_keys;
#[cfg(all(feature = "template", feature = "ldap"))]
mod template_ldap;
#[cfg(all(feature = "template", feature = "mysql"))]
mod template_mysql;
#[cfg(all(feature = "template", feature = "postgresql"))]
mod template_postgresql;
#[cfg(all(feature = "template", feature = "ssh"))]
mod template_ssh;
#[cfg(all(feature = "template", feature = "ssh", feature = "mysql", feature = "postgresql"))]
mod template_vendor;
