//! Versions of secrets, alike for credentials, information and SSH keys, and the entries of PAM providers.

use actix_web::http::Method;

use super::row::Row;
use crate::http::pam::entry::{self, EntryPayload};
use crate::http::pam::envelope::{Nothing, enveloped};
use crate::http::pam::history::{self, VersionPayload, VersionsPayload};
use crate::vault::history::Versioned;
use crate::vault::operation::Action;

/// The paths of a noun: its versions, one of them, and its restoration.
type Paths = [&'static [&'static str]; 3];

const CREDENTIAL: Paths = [
    &["/pam/credential/{key}/versions"],
    &["/pam/credential/{key}/versions/{version}"],
    &["/pam/credential/{key}/versions/{version}/restore"],
];
const INFORMATION: Paths = [
    &["/pam/info/{key}/versions"],
    &["/pam/info/{key}/versions/{version}"],
    &["/pam/info/{key}/versions/{version}/restore"],
];
const SSH_KEY: Paths = [
    &["/pam/key/{key}/versions"],
    &["/pam/key/{key}/versions/{version}"],
    &["/pam/key/{key}/versions/{version}/restore"],
];

pub(super) fn rows() -> Vec<Row> {
    let nouns =
        [(Versioned::Credential, CREDENTIAL), (Versioned::Information, INFORMATION), (Versioned::SshKey, SSH_KEY)];
    nouns.into_iter().flat_map(|(noun, paths)| versions(noun, paths)).collect()
}

fn versions(noun: Versioned, [list, one, restore]: Paths) -> [Row; 3] {
    [
        Row::new(Method::GET, list, Action::HISTORY_LIST, move |call| history::list(call, noun))
            .summary("The versions that are kept of a secret, without secrets")
            .ok("The versions, newest first", enveloped::<VersionsPayload>),
        Row::new(Method::GET, one, Action::HISTORY_READ, move |call| history::read(call, noun))
            .summary("One version of a secret")
            .ok("The version", enveloped::<VersionPayload>),
        Row::new(Method::POST, restore, Action::HISTORY_RESTORE, move |call| history::restore(call, noun))
            .summary("Make a version the current one again, as a new version")
            .created("It is restored", enveloped::<Nothing>),
    ]
}

pub(super) fn entries() -> Vec<Row> {
    vec![
        Row::new(Method::GET, &["/pam/provider/{id}/entry/{name}"], Action::ENTRY_READ, entry::read)
            .summary("One entry of a local PAM provider with its secret, for a client that it is linked to")
            .ok("The entry", enveloped::<EntryPayload>),
    ]
}
