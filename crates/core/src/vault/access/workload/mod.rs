//! Workload identity: a token of a trusted issuer in place of a client secret (RFC 7523, RFC 8693).
//!
//! The operator names the issuers, such as GitHub Actions or a Kubernetes cluster, and rules: which claims of a token stand for
//! which authorization. Everything else holds as for a client secret.

pub mod issuer;
pub mod login;
pub mod rule;

mod assertion;
mod claims;
mod failure;
mod live;
mod public_issuer;

pub use assertion::fuzz as fuzz_token;
pub use failure::WorkloadFailure;

pub(super) use live::{LiveIssuers, read};
