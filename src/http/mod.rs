//! All that knows HTTP. A handler parses, asks the vault, answers; it decides nothing.
//!
//! Each protocol is a [`Family`] in a folder of its own: `oauth` (tokens), `keyfactor` (under `/KeyfactorAPI`), `ops`
//! (health, metrics), `pam` (under `/iso` and `/api`). [`families`] is the one list of them. What they share is in
//! `server`; the description of the API is made by `openapi`. Neither knows a family.

mod endpoint;
mod family;
mod input_error;
mod keyfactor;
mod oauth;
mod openapi;
mod ops;
mod pam;
mod schema;
mod server;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::config::Settings;
pub use endpoint::{Answer, Endpoint, RequestBody};
pub use family::{Families, Family, RouteFailure};
pub use schema::NamedSchema;
pub use server::{Metrics, ServeError, Service, TlsError, serve};

/// The families that are served, one a line. A path that none of them owns is answered by the last one.
pub fn families(settings: &Settings) -> Families {
    let families: Vec<Arc<dyn Family>> = vec![
        Arc::new(oauth::OAuth),
        Arc::new(keyfactor::Keyfactor::new(&settings.keyfactor)),
        Arc::new(ops::Ops),
        Arc::new(pam::Pam::new(&settings.pam)),
    ];
    families.into()
}
