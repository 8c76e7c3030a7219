//! Targets that are reached over SSH: passwords of Linux accounts, and SSH keys.

mod accounts;
mod authorized_keys;
mod dialogue;
mod elevation;
mod exec;
mod generate;
mod host_key;
mod keys;
mod linux;
mod login;
mod marker;
mod passwd;
#[cfg(feature = "template")]
mod template;

pub use generate::generate_ssh_key;
pub(crate) use keys::SshKeys;
pub(crate) use linux::Linux;
#[cfg(feature = "template")]
pub(crate) use template::SshTemplate;
