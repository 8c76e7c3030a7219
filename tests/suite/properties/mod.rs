//! What holds for every route, whatever its resource.

mod access;
mod audit;
mod bodies;
mod canary;
mod concurrency;
mod crash;
mod device_lock;
mod dialects;
mod fairness;
mod golden;
mod hostile_twin;
mod idempotency;
mod jobs;
mod layers;
mod linearizability;
mod preconditions;
mod replay;
mod response_encryption;
mod revocation;
mod revocation_in_queue;
mod revocation_under_load;
mod seed;
mod settings;
mod source;
mod stale_grants;
mod start;
