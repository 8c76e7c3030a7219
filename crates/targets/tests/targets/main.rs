//! Targets against the real servers: each test starts a server of its own on 127.0.0.1, and stops it.

#![cfg_attr(
    not(all(feature = "http", feature = "ldap", feature = "mysql", feature = "postgresql", feature = "ssh")),
    allow(dead_code, unused_imports, reason = "families share what not each of them needs")
)]
#![expect(clippy::unwrap_used, reason = "a test ends in a panic")]

mod support;

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
