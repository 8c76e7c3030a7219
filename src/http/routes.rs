//! The one table of what is served. Registration and the OpenAPI description are both made from it, so that neither
//! can know a route that the other does not.

use actix_web::http::Method;
use actix_web::{Route, web};

use super::described::{Described, described, enveloped};
use super::fallback;
use super::oauth::{self, Introspected, Metadata, OAuthErrorReply, TokenForm, TokenReply};
use super::ops::{self, Health};
use super::pam::credential::{self, CredentialForm, CredentialPayload, CredentialsPayload, SavedPayload, TotpPayload};
use super::pam::device::{self, DeviceForm, DevicePayload, DevicesPayload};
use super::pam::envelope::{Failure, Nothing};
use super::pam::history::{self, VersionPayload, VersionsPayload};
use super::pam::information::{
    self, InformationForm, InformationListPayload, InformationPayload, SavedInformationPayload,
};
use super::pam::ssh_key::{self, SavedSshKeyPayload, SshKeyForm, SshKeyPayload, SshKeysPayload};
use crate::token::JwkSet;

/// One method on one path.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path, as actix and OpenAPI write it.
    pub path: String,
    /// The family, for the reader of the description.
    pub tag: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Whether it wants a bearer token.
    pub bearer: bool,
    /// What may be sent in the body.
    pub body: Option<fn() -> Described>,
    /// What may be answered.
    pub answers: Vec<Answer>,
    route: fn() -> Route,
}

/// A documented answer.
#[derive(Clone, Copy)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// When it comes.
    pub meaning: &'static str,
    /// What it holds.
    pub body: Option<fn() -> Described>,
}

impl Endpoint {
    /// A name for generated clients: method and path.
    pub fn operation_id(&self) -> String {
        let path = self.path.replace(['{', '}', '.'], "").replace(['/', '-'], "_");
        format!("{}{path}", self.method.as_str().to_lowercase())
    }
}

/// A row of the table before its prefixes: method, paths, summary, body, success, handler.
struct Row {
    method: Method,
    paths: &'static [&'static str],
    summary: &'static str,
    body: Option<fn() -> Described>,
    success: Answer,
    route: fn() -> Route,
}

/// Every endpoint.
pub fn all() -> Vec<Endpoint> {
    [oauth_endpoints(), pam_endpoints(), ops_endpoints()].into_iter().flatten().collect()
}

/// Registers every endpoint, one resource for each path, which answers other methods with 405.
pub(super) fn register(config: &mut web::ServiceConfig) {
    let endpoints = all();
    let mut done: Vec<&str> = Vec::new();
    for first in &endpoints {
        if done.contains(&first.path.as_str()) {
            continue;
        }
        done.push(&first.path);
        let mut resource = web::resource(&first.path);
        let mut allowed = Vec::new();
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.path == first.path) {
            allowed.push(endpoint.method.as_str());
            resource = resource.route((endpoint.route)().method(endpoint.method.clone()));
        }
        config.service(resource.default_service(fallback::wrong_method(allowed.join(", "))));
    }
}

const fn ok(meaning: &'static str, body: fn() -> Described) -> Answer {
    Answer { status: 200, meaning, body: Some(body) }
}

const fn created(meaning: &'static str, body: fn() -> Described) -> Answer {
    Answer { status: 201, meaning, body: Some(body) }
}

fn pam_rows() -> Vec<Row> {
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
            body: None,
            success: ok("The active devices", enveloped::<DevicesPayload>),
            route: || web::to(device::list),
        },
        Row {
            method: Method::POST,
            paths: DEVICES,
            summary: "Create a device, or update the one of that hostname",
            body: Some(described::<DeviceForm>),
            success: created("The device as it now is", enveloped::<DevicePayload>),
            route: || web::to(device::save),
        },
        Row {
            method: Method::GET,
            paths: DEVICE,
            summary: "One device, by number or hostname",
            body: None,
            success: ok("The device", enveloped::<DevicePayload>),
            route: || web::to(device::read),
        },
        Row {
            method: Method::DELETE,
            paths: DEVICE,
            summary: "Deactivate a device and all of its credentials",
            body: None,
            success: ok("It is inactive", done),
            route: || web::to(device::deactivate),
        },
        Row {
            method: Method::PUT,
            paths: DEVICE,
            summary: "Activate a device; its credentials stay inactive",
            body: None,
            success: ok("It is active", done),
            route: || web::to(device::activate),
        },
        Row {
            method: Method::GET,
            paths: CREDENTIALS,
            summary: "List the credentials that the client sees, without secrets",
            body: None,
            success: ok("The active credentials", enveloped::<CredentialsPayload>),
            route: || web::to(credential::list),
        },
        Row {
            method: Method::POST,
            paths: CREDENTIALS,
            summary: "Create or update a credential, by identifier, else by hostname, ip and username",
            body: Some(described::<CredentialForm>),
            success: created("Its number and identifier", enveloped::<SavedPayload>),
            route: || web::to(credential::save),
        },
        Row {
            method: Method::DELETE,
            paths: &["/pam/credential/custody/{key}"],
            summary: "Give back a credential",
            body: None,
            success: ok("It is no longer in the client's custody", done),
            route: || web::to(credential::release),
        },
        Row {
            method: Method::GET,
            paths: CREDENTIAL,
            summary: "One credential with its password, by number, identifier or username@hostname; takes custody",
            body: None,
            success: ok("The credential", enveloped::<CredentialPayload>),
            route: || web::to(credential::read),
        },
        Row {
            method: Method::DELETE,
            paths: CREDENTIAL,
            summary: "Deactivate a credential",
            body: None,
            success: ok("It is inactive", done),
            route: || web::to(credential::deactivate),
        },
        Row {
            method: Method::PUT,
            paths: CREDENTIAL,
            summary: "Activate a credential",
            body: None,
            success: ok("It is active", done),
            route: || web::to(credential::activate),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/credential/{key}/totp"],
            summary: "The present one-time password of a credential (RFC 6238); the seed stays in the vault",
            body: None,
            success: ok("The code", enveloped::<TotpPayload>),
            route: || web::to(credential::totp),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/info"],
            summary: "List the protected information that the client sees, without texts",
            body: None,
            success: ok("The active information", enveloped::<InformationListPayload>),
            route: || web::to(information::list),
        },
        Row {
            method: Method::POST,
            paths: &["/pam/info"],
            summary: "Create a protected information, or update the one of that identifier",
            body: Some(described::<InformationForm>),
            success: created("The information", enveloped::<SavedInformationPayload>),
            route: || web::to(information::save),
        },
        Row {
            method: Method::GET,
            paths: INFORMATION,
            summary: "One protected information with its text, by number or identifier",
            body: None,
            success: ok("The information", enveloped::<InformationPayload>),
            route: || web::to(information::read),
        },
        Row {
            method: Method::DELETE,
            paths: INFORMATION,
            summary: "Deactivate a protected information",
            body: None,
            success: ok("It is inactive", done),
            route: || web::to(information::deactivate),
        },
        Row {
            method: Method::PUT,
            paths: INFORMATION,
            summary: "Activate a protected information",
            body: None,
            success: ok("It is active", done),
            route: || web::to(information::activate),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/key"],
            summary: "List the SSH keys that the client sees, without private keys",
            body: None,
            success: ok("The active keys", enveloped::<SshKeysPayload>),
            route: || web::to(ssh_key::list),
        },
        Row {
            method: Method::POST,
            paths: &["/pam/key"],
            summary: "Create an SSH key, or update the one of that identifier",
            body: Some(described::<SshKeyForm>),
            success: created("Number, identifier, further devices", enveloped::<SavedSshKeyPayload>),
            route: || web::to(ssh_key::save),
        },
        Row {
            method: Method::GET,
            paths: SSH_KEY,
            summary: "One SSH key with its private key, by number or identifier",
            body: None,
            success: ok("The key", enveloped::<SshKeyPayload>),
            route: || web::to(ssh_key::read),
        },
        Row {
            method: Method::DELETE,
            paths: SSH_KEY,
            summary: "Deactivate an SSH key",
            body: None,
            success: ok("It is inactive", done),
            route: || web::to(ssh_key::deactivate),
        },
        Row {
            method: Method::PUT,
            paths: SSH_KEY,
            summary: "Activate an SSH key",
            body: None,
            success: ok("It is active", done),
            route: || web::to(ssh_key::activate),
        },
        Row {
            method: Method::GET,
            paths: &["/pam/credential/{key}/versions", "/pam/info/{key}/versions", "/pam/key/{key}/versions"],
            summary: "The versions that are kept of a secret, without secrets",
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
            body: None,
            success: created("It is restored", done),
            route: || web::to(history::restore),
        },
    ]
}

fn pam_endpoints() -> Vec<Endpoint> {
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
    let endpoint = |prefix: &str, path: &str, row: &Row| Endpoint {
        method: row.method.clone(),
        path: format!("{prefix}{path}"),
        tag: "PAM Core",
        summary: row.summary,
        bearer: true,
        body: row.body,
        answers: [row.success].into_iter().chain(refusals).collect(),
        route: row.route,
    };
    let rows = pam_rows();
    ["/iso", "/api"]
        .into_iter()
        .flat_map(|prefix| {
            rows.iter().flat_map(move |row| row.paths.iter().map(move |path| endpoint(prefix, path, row)))
        })
        .collect()
}

fn oauth_endpoints() -> Vec<Endpoint> {
    const TOKEN: &[&str] = &["/iso/oauth2/token", "/api/oauth2/token", "/oauth2/token"];
    const REVOKE: &[&str] = &["/iso/oauth2/revoke", "/api/oauth2/revoke", "/oauth2/revoke"];
    const INTROSPECT: &[&str] = &["/iso/oauth2/introspect", "/api/oauth2/introspect", "/oauth2/introspect"];
    let rows = [
        Row {
            method: Method::POST,
            paths: TOKEN,
            summary: "Issue an access token (RFC 6749, client credentials)",
            body: Some(described::<TokenForm>),
            success: ok("The token", described::<TokenReply>),
            route: || web::to(oauth::token),
        },
        Row {
            method: Method::POST,
            paths: REVOKE,
            summary: "Revoke an access token (RFC 7009)",
            body: Some(described::<TokenForm>),
            success: Answer { status: 200, meaning: "It is no longer good", body: None },
            route: || web::to(oauth::revoke),
        },
        Row {
            method: Method::POST,
            paths: INTROSPECT,
            summary: "What an access token says (RFC 7662)",
            body: Some(described::<TokenForm>),
            success: ok("Its claims, or that it is not active", described::<Introspected>),
            route: || web::to(oauth::introspect),
        },
        Row {
            method: Method::GET,
            paths: &["/.well-known/jwks.json"],
            summary: "The public keys that check tokens (RFC 7517)",
            body: None,
            success: ok("The keys", described::<JwkSet>),
            route: || web::to(oauth::keys),
        },
        Row {
            method: Method::GET,
            paths: &["/.well-known/oauth-authorization-server"],
            summary: "What the token endpoint can do (RFC 8414)",
            body: None,
            success: ok("The metadata", described::<Metadata>),
            route: || web::to(oauth::metadata),
        },
    ];
    let refusals = [
        (400, "Not a request that the RFC allows"),
        (401, "Client authentication failed"),
        (500, "Unexpected error"),
        (503, "The service is busy or has no database"),
    ];
    let refusals =
        refusals.map(|(status, meaning)| Answer { status, meaning, body: Some(described::<OAuthErrorReply>) });
    let with_refusals = |row: &Row| match row.method == Method::POST {
        true => [row.success].into_iter().chain(refusals).collect(),
        false => vec![row.success],
    };
    plain("OAuth 2.0", &rows, with_refusals)
}

fn ops_endpoints() -> Vec<Endpoint> {
    let rows = [
        Row {
            method: Method::GET,
            paths: &["/health/live"],
            summary: "Whether the process answers",
            body: None,
            success: ok("It does", described::<Health>),
            route: || web::to(ops::live),
        },
        Row {
            method: Method::GET,
            paths: &["/health/ready"],
            summary: "Whether the database answers and the keys work",
            body: None,
            success: ok("They do; 503 otherwise", described::<Health>),
            route: || web::to(ops::ready),
        },
        Row {
            method: Method::GET,
            paths: &["/metrics"],
            summary: "Figures for Prometheus",
            body: None,
            success: Answer { status: 200, meaning: "OpenMetrics text", body: None },
            route: || web::to(ops::figures),
        },
    ];
    plain("Operations", &rows, |row| vec![row.success])
}

/// Endpoints without a bearer token, each on its paths as they stand.
fn plain(tag: &'static str, rows: &[Row], answers: impl Fn(&Row) -> Vec<Answer>) -> Vec<Endpoint> {
    let endpoint = |path: &&str, row: &Row| Endpoint {
        method: row.method.clone(),
        path: (*path).to_string(),
        tag,
        summary: row.summary,
        bearer: false,
        body: row.body,
        answers: answers(row),
        route: row.route,
    };
    rows.iter().flat_map(|row| row.paths.iter().map(|path| endpoint(path, row)).collect::<Vec<_>>()).collect()
}
