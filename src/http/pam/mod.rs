//! The PAM Core service, under `/iso` and `/api` (contract, sections 1 to 9).

pub mod batch;
pub mod credential;
pub mod device;
pub mod entry;
pub mod envelope;
pub mod error;
pub mod history;
pub mod information;
pub(super) mod listing;
pub mod session;
pub mod session_page;
pub mod ssh_key;
pub mod using;
