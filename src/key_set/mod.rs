//! Public keys of token issuers: JWK sets (RFC 7517).

mod jwk;

pub use jwk::{KeySet, KeySetError};
