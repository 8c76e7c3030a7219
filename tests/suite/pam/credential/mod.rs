//! Credentials (contract, sections 5 and 6), and the calls made for robots. Versions stand in `pam/versions.rs`,
//! filters and pages of the list in `pam/list.rs`: other resources have them too.

mod at_once;
mod batch;
mod custody;
mod read;
mod save;
mod totp;
mod use_credential;
