//! Public keys of token issuers: JWK sets (RFC 7517), given as text or fetched over HTTPS and cached.

mod address;
mod cache;
mod fetch;
mod jwk;

pub use cache::{KeySets, Unavailable};
pub use fetch::{FetchError, KeyDocument, KeyLocation};
pub use jwk::{KeySet, KeySetError};
