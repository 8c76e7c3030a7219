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

/// Changes a file of authorized keys.
pub fn fuzz_authorized_keys(bytes: &[u8]) {
    authorized_keys::fuzz(bytes);
}

/// Follows a dialogue with `passwd`. The byte 0 stands for the moment of a read.
pub fn fuzz_passwd(bytes: &[u8]) {
    dialogue::fuzz(bytes);
}
