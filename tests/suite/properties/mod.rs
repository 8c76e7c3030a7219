//! What holds for every route, whatever its resource.

mod access;
mod audit;
mod canary;
mod concurrency;
mod crash;
mod dialects;
mod golden;
mod idempotency;
mod linearizability;
mod preconditions;
mod response_encryption;
mod revocation;
mod seed;
mod start;
