//! The PAM Core service, under `/iso` and `/api` (contract, sections 1 to 6).

pub mod credential;
pub mod device;
pub mod envelope;
pub mod error;
pub mod history;
pub mod information;
pub(super) mod listing;
pub mod ssh_key;
