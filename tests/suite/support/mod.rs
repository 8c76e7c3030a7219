//! A vault that serves, and clients that call it.

mod app;
mod background;
mod bodies;
mod client;
mod contents;
mod database;
pub(crate) mod decrypt;
mod issuer;
mod ldap;
mod load;
mod log;
mod memory;
mod outsider;
mod permit;
mod prefix_proxy;
mod process;
mod service;
mod signer;
mod sshd;
mod statements;
mod stream;
pub(crate) mod writers;

pub(crate) use app::{APPLICATION, TestApp, endpoints, facade_endpoints, origin, serve_all};
pub(crate) use background::{Background, noticed};
pub(crate) use bodies::post_body;
pub(crate) use client::{Answer, BASIC, BEARER, INVALID_TOKEN, TestClient, is_to_be_repeated};
pub(crate) use contents::contents;
pub(crate) use database::{TestDatabase, patient, until_waited_for};
pub(crate) use issuer::{AUDIENCE, Answering, IssuerKey, IssuerServer, issuer_request, key_set};
pub(crate) use ldap::{BASE_DN, BIND_DN, BIND_PASSWORD, LdapServer, person_dn};
pub(crate) use load::{Load, measure};
pub(crate) use log::{keep_log, logged};
pub(crate) use outsider::{Trap, outsider, save_directory};
pub(crate) use permit::{SAVE_POLICY, operator, permit};
pub(crate) use prefix_proxy::PrefixProxy;
pub(crate) use process::{Credentials, Finished, Program, Serving, finish, finish_with_input, program};
pub(crate) use service::Service;
pub(crate) use signer::{ISSUER, Signer};
pub(crate) use sshd::Sshd;
pub(crate) use statements::watch_statements;
pub(crate) use writers::{Numbers, WRITERS, Writers, assert_kept, find_lost, prepared, rounds};

/// The parameters of a device by that name.
pub(crate) fn device(hostname: &str, ip: &str) -> serde_json::Value {
    serde_json::json!({
        "hostname": hostname, "ip": ip, "type": "Server", "vendor": "Debian", "model": "12", "site": "Lisbon"
    })
}

/// Writes a file that only its owner may read, as keys and passwords have to be.
pub(crate) fn write_private(path: &std::path::Path, text: impl AsRef<[u8]>) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
