//! The PAM Core service, each row under `/iso` and under `/api`.

use actix_web::http::Method;
use actix_web::web;

use super::{Answer, Endpoint, Row, created, ok, robot, session};
use crate::http::described::{described, enveloped};
use crate::http::pam::credential::{
    self, CredentialForm, CredentialPayload, CredentialsPayload, SavedPayload, TotpPayload,
};
use crate::http::pam::device::{self, DeviceForm, DevicePayload, DevicesPayload};
use crate::http::pam::entry::{self, EntryPayload};
use crate::http::pam::envelope::{Failure, Nothing};
use crate::http::pam::history::{self, VersionPayload, VersionsPayload};
use crate::http::pam::information::{
    self, InformationForm, InformationListPayload, InformationPayload, SavedInformationPayload,
};
use crate::http::pam::listing;
use crate::http::pam::ssh_key::{self, SavedSshKeyPayload, SshKeyForm, SshKeyPayload, SshKeysPayload};

const IDEMPOTENCY_KEY: (&str, &str) = (
    "Idempotency-Key",
    "A name for this request, 1 to 255 visible ASCII characters; sent again under it, the request is answered as the \
     first time and does nothing",
);
const IF_MATCH: (&str, &str) = ("If-Match", "Tags, or *: go ahead only while the item is in one of these states");
const IF_NONE_MATCH: (&str, &str) =
    ("If-None-Match", "Tags, or *: go ahead only while the item is in none of these states");

/// The conditions that a row acts on, and what they add to its answers. An item has a tag, a session has none; a read
/// has one where a key names one item.
fn conditions(row: &Row, path: &str, tagged: bool) -> (&'static [(&'static str, &'static str)], Vec<Answer>) {
    let failure = Some(enveloped::<Failure<'static>> as fn() -> _);
    let unchanged = Answer { status: 304, meaning: "The client knows it in this state; no body", body: None };
    let used = Answer { status: 409, meaning: "The idempotency key was used for another request", body: failure };
    let failed = Answer { status: 412, meaning: "The item is not in the state that the request names", body: failure };
    match (&row.method, tagged) {
        (&Method::POST, true) => (&[IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH], vec![used, failed]),
        (&Method::POST, false) => (&[IDEMPOTENCY_KEY], vec![used, failed]),
        (&Method::GET, true) if path.ends_with("{key}") => (&[IF_MATCH, IF_NONE_MATCH], vec![unchanged, failed]),
        (&Method::GET, _) => (&[], vec![]),
        (_, true) => (&[IF_MATCH, IF_NONE_MATCH], vec![failed]),
        (_, false) => (&[], vec![failed]),
    }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let failure = enveloped::<Failure<'static>>;
    let refusals = [
        (400, "Refused, with the number in exception.code"),
        (401, "No token, or one that is not good"),
        (403, "The authorization lacks the resource, or does not allow the source address"),
        (413, "The body is larger than the settings allow"),
        (500, "Unexpected error"),
        (503, "The service is busy or has no database; Retry-After says when to come back"),
    ];
    let refusals = refusals.map(|(status, meaning)| Answer { status, meaning, body: Some(failure) });
    let endpoint = |prefix: &str, path: &str, (row, tagged): &(Row, bool)| {
        let (headers, further) = conditions(row, path, *tagged);
        Endpoint {
            method: row.method.clone(),
            path: format!("{prefix}{path}"),
            tag: "PAM Core",
            summary: row.summary,
            bearer: true,
            basic: false,
            query: row.query,
            headers,
            body: row.body,
            answers: [row.success].into_iter().chain(further).chain(refusals).collect(),
            route: row.route,
        }
    };
    let items = rows().into_iter().map(|row| (row, true));
    let calls = robot::rows().into_iter().chain(session::rows()).map(|row| (row, false));
    let rows: Vec<(Row, bool)> = items.chain(calls).collect();
    ["/iso", "/api"]
        .into_iter()
        .flat_map(|prefix| {
            rows.iter().flat_map(move |row| row.0.paths.iter().map(move |path| endpoint(prefix, path, row)))
        })
        .collect()
}

fn rows() -> Vec<Row> {
    const DEVICES: &[&str] = &["/pam/device", "/pam/devices"];
    const DEVICE: &[&str] = &["/pam/device/{key}", "/pam/devices/{key}"];
    const CREDENTIALS: &[&str] = &["/pam/credential"];
    const CREDENTIAL: &[&str] = &["/pam/credential/{key}"];
    const SSH_KEY: &[&str] = &["/pam/key/{key}"];
    const INFORMATION: &[&str] = &["/pam/info/{key}"];
    let done = enveloped::<Nothing>;
    vec![
        Row {
            method: Method::GET,
            paths: DEVICES,
            summary: "List the devices that the client sees",
            query: listing::DEVICES,
            body: None,
            success: ok("The active devices", enveloped::<DevicesPayload>),
            route: || web::to(device::list),
        },
        Row {
            method: Method::POST,
            paths: DEVICES,
            summary: "Create a device, or update the one of that hostname",
            query: &[],
            body: Some(described::<DeviceForm>),
            success: created("The device as it now is", enveloped::<DevicePayload>),
            route: || web::to(device::save),
        },
        Row {
            method: Method::GET,
            paths: DEVICE,
            summary: "One device, by number or hostname",
            query: &[],
            body: None,
            success: ok("The device", enveloped::<DevicePayload>),
            route: || web::to(device::read),
        },
        Row {
            method: Method::DELETE,
            paths: DEVICE,
            summary: "Deactivate a device and all of its credentials",
            query: &[],
            body: None,
            success: ok("It is inactive", done),
            route: || web::to(device::deactivate),
        },
        Row {
            method: Method::PUT,
            paths: DEVICE,
            summary: "Activate a device; its credentials stay inactive",
            query: &[],
            body: None,
            success: ok("It is active", done),
            route: || web::to(device::activate),
        },
        Row {
            method: Method::GET,
            paths: CREDENTIALS,
            summary: "List the credentials that the client sees, without secrets",
            query: listing::CREDENTIALS,
            body: None,
            success: ok("The active credentials", enveloped::<CredentialsPayload>),
            route: || web::to(credential::list),
        },
        Row {
            method: Method::POST,
            paths: CREDENTIALS,
            summary: "Create or update a credential, by identifier, else by hostname, ip and username",
            query: &[],
            body: Some(described::<CredentialForm>),
            success: created("Its number and identifier", enveloped::<SavedPayload>),
            route: || web::to(credential::save),
        },
        Row {
            method: Method::DELETE,
            paths: &["/pam/credential/custody/{key}"],
            summary: "Give back a credential",
            query: &[],
            body: None,
            success: ok("It is no longer in the client's custody", done),
            route: || web::to(credential::release),
        },
        Row {
            method: Method::GET,
            paths: CREDENTIAL,
            summary: "One credential with its password, by number, identifier or username@hostname; takes custody",
            query: &[],
            body: None,
            success: ok("The credential", enveloped::<CredentialPayload>),
            route: || web::to(credential::read),
        },
        Row {
            method: Method::DELETE,
            paths: CREDENTIAL,
            summary: "Deactivate a credential",
            query: &[],
            body: None,
            success: ok("It is inactive", done),
            route: || web::to(credential::deactivate),
        },
        Row {
            method: Method::PUT,
            paths: CREDENTIAL,
            summary: "Activate a credential",
            query: &[],
            body: None,
            success: ok("It is active", done),
            route: || web::to(credential::activate),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/credential/{key}/totp"],
            summary: "The present one-time password of a credential (RFC 6238); the seed stays in the vault",
            query: &[],
            body: None,
            success: ok("The code", enveloped::<TotpPayload>),
            route: || web::to(credential::totp),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/info"],
            summary: "List the protected information that the client sees, without texts",
            query: listing::INFORMATION,
            body: None,
            success: ok("The active information", enveloped::<InformationListPayload>),
            route: || web::to(information::list),
        },
        Row {
            method: Method::POST,
            paths: &["/pam/info"],
            summary: "Create a protected information, or update the one of that identifier",
            query: &[],
            body: Some(described::<InformationForm>),
            success: created("The information", enveloped::<SavedInformationPayload>),
            route: || web::to(information::save),
        },
        Row {
            method: Method::GET,
            paths: INFORMATION,
            summary: "One protected information with its text, by number or identifier",
            query: &[],
            body: None,
            success: ok("The information", enveloped::<InformationPayload>),
            route: || web::to(information::read),
        },
        Row {
            method: Method::DELETE,
            paths: INFORMATION,
            summary: "Deactivate a protected information",
            query: &[],
            body: None,
            success: ok("It is inactive", done),
            route: || web::to(information::deactivate),
        },
        Row {
            method: Method::PUT,
            paths: INFORMATION,
            summary: "Activate a protected information",
            query: &[],
            body: None,
            success: ok("It is active", done),
            route: || web::to(information::activate),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/key"],
            summary: "List the SSH keys that the client sees, without private keys",
            query: listing::SSH_KEYS,
            body: None,
            success: ok("The active keys", enveloped::<SshKeysPayload>),
            route: || web::to(ssh_key::list),
        },
        Row {
            method: Method::POST,
            paths: &["/pam/key"],
            summary: "Create an SSH key, or update the one of that identifier",
            query: &[],
            body: Some(described::<SshKeyForm>),
            success: created("Number, identifier, further devices", enveloped::<SavedSshKeyPayload>),
            route: || web::to(ssh_key::save),
        },
        Row {
            method: Method::GET,
            paths: SSH_KEY,
            summary: "One SSH key with its private key, by number or identifier",
            query: &[],
            body: None,
            success: ok("The key", enveloped::<SshKeyPayload>),
            route: || web::to(ssh_key::read),
        },
        Row {
            method: Method::DELETE,
            paths: SSH_KEY,
            summary: "Deactivate an SSH key",
            query: &[],
            body: None,
            success: ok("It is inactive", done),
            route: || web::to(ssh_key::deactivate),
        },
        Row {
            method: Method::PUT,
            paths: SSH_KEY,
            summary: "Activate an SSH key",
            query: &[],
            body: None,
            success: ok("It is active", done),
            route: || web::to(ssh_key::activate),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/credential/{key}/versions", "/pam/info/{key}/versions", "/pam/key/{key}/versions"],
            summary: "The versions that are kept of a secret, without secrets",
            query: &[],
            body: None,
            success: ok("The versions, newest first", enveloped::<VersionsPayload>),
            route: || web::to(history::list),
        },
        Row {
            method: Method::GET,
            paths: &[
                "/pam/credential/{key}/versions/{version}",
                "/pam/info/{key}/versions/{version}",
                "/pam/key/{key}/versions/{version}",
            ],
            summary: "One version of a secret",
            query: &[],
            body: None,
            success: ok("The version", enveloped::<VersionPayload>),
            route: || web::to(history::read),
        },
        Row {
            method: Method::POST,
            paths: &[
                "/pam/credential/{key}/versions/{version}/restore",
                "/pam/info/{key}/versions/{version}/restore",
                "/pam/key/{key}/versions/{version}/restore",
            ],
            summary: "Make a version the current one again, as a new version",
            query: &[],
            body: None,
            success: created("It is restored", done),
            route: || web::to(history::restore),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/provider/{id}/entry/{name}"],
            summary: "One entry of a local PAM provider with its secret, for a client that it is linked to",
            query: &[],
            body: None,
            success: ok("The entry", enveloped::<EntryPayload>),
            route: || web::to(entry::read),
        },
    ]
}
