//! The HTTP layer. A handler parses, calls the vault, responds; it decides nothing.
//!
//! Each protocol is a [`Family`] in a folder of its own: `oauth` (tokens), `keyfactor` (under `/KeyfactorAPI`), `ops`
//! (health, metrics), `pam` (under `/iso` and `/api`), and, where the settings enable them, `vault_kv` (under `/v1`), `pam_v2`
//! (under `/api/v2`), `ccp` (under `/AIMWebService`), `robocorp` (under `/secrets-v1`) and `dsm` (under `/iso/dapp`,
//! `/iso/sctm` and `/iso/cicd`).
//! [`families`] lists them all. Shared services are in `server`; `openapi` generates the API description. Neither depends on
//! a particular family.

mod accept_encryption;
mod call;
mod ccp;
mod challenge;
mod dsm;
mod endpoint;
mod family;
mod input_error;
mod item;
mod item_error;
mod json_body;
mod json_number;
mod json_object;
mod keyfactor;
mod oauth;
mod openapi;
mod ops;
mod pam;
mod pam_v2;
mod preconditions;
mod rate_limit;
mod repeated;
mod response;
mod robocorp;
mod schema;
mod segments;
mod server;
mod signature;
#[cfg(test)]
mod tests;
mod urlencoded;
mod vault_kv;

use std::sync::Arc;

use crate::config::Settings;
pub use endpoint::{Answer, Endpoint, RequestBody};
pub use family::{Families, Family, RouteFailure, Unserved};
pub use schema::NamedSchema;
pub use server::{Metrics, SealedService, Service, Tls, TlsError, serve, serve_sealed};

/// Parses a body as JSON and as a form, for [`crate::fuzz`].
pub(crate) fn fuzz_body(text: &str) {
    drop(json_object::JsonObject::parse(text));
    drop(json_object::JsonObject::parse_array(text));
    urlencoded::pairs(text).chain(urlencoded::body_pairs(text)).for_each(drop);
    drop(segments::without_empty_segments(text));
}

/// Parses queries: of the Central Credential Provider, of the lists of the A2A API version 2, for [`crate::fuzz`].
pub(crate) fn fuzz_query(text: &str) {
    ccp::fuzz_query(text);
    pam_v2::fuzz_query(text);
}

/// Parses the filter of a list of the Keyfactor routes, for [`crate::fuzz`].
pub(crate) fn fuzz_keyfactor_filter(text: &str) {
    keyfactor::fuzz_filter(text);
}

/// Parses the form of a token request, for [`crate::fuzz`].
pub(crate) fn fuzz_oauth_form(text: &str) {
    oauth::fuzz_form(text);
}

/// Routes a path of the Vault KV routes, for [`crate::fuzz`].
pub(crate) fn fuzz_kv_path(text: &str) {
    vault_kv::fuzz_path(text);
}

/// Decodes the secrets and variables of DevOps Secret Manager, for [`crate::fuzz`].
pub(crate) fn fuzz_dsm_data(text: &str) {
    dsm::fuzz_data(text);
}

/// Parses the parts of a form, for [`crate::fuzz`].
pub(crate) fn fuzz_multipart(bytes: &[u8]) {
    pam::fuzz_multipart(bytes);
}

/// Parses headers: of requests that are signed by OAuth 1.0, of proxies, for [`crate::fuzz`].
pub(crate) fn fuzz_header(text: &str) {
    signature::fuzz_header(text);
    server::fuzz_forwarded(text);
}

/// Parses certificates: in the header of a proxy, and of a client, for [`crate::fuzz`].
pub(crate) fn fuzz_certificate(bytes: &[u8]) {
    server::fuzz_certificate(bytes);
}

/// Parses the query of a read of the Robocorp routes, for [`crate::fuzz`].
pub(crate) fn fuzz_transit_key(text: &str) {
    robocorp::fuzz_query(text);
}

/// Returns the served families, one a line. The last one responds to paths that no family routes.
pub fn families(settings: &Settings) -> Families {
    let mut families: Vec<Arc<dyn Family>> =
        vec![Arc::new(oauth::OAuth), Arc::new(keyfactor::Keyfactor::new(&settings.keyfactor)), Arc::new(ops::Ops)];
    if settings.vault_kv.enabled {
        families.push(Arc::new(vault_kv::VaultKv::new(&settings.vault_kv)));
    }
    if settings.ccp.enabled {
        families.push(Arc::new(ccp::Ccp::new(&settings.ccp)));
    }
    if settings.robocorp.enabled {
        families.push(Arc::new(robocorp::Robocorp::new(&settings.robocorp)));
    }
    // Before the family of all other paths below /iso and /api.
    if settings.dsm.enabled {
        families.push(Arc::new(dsm::Dsm));
    }
    if settings.pam_v2.enabled {
        families.push(Arc::new(pam_v2::PamV2::new(&settings.pam_v2)));
    }
    families.push(Arc::new(pam::Pam::new(&settings.pam)));
    families.into()
}
