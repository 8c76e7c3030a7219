//! The store below the rules.

mod accounts;
mod bench;
mod contention;
mod control;
mod errors;
mod fairness;
mod lookups;
mod new_accounts;
mod read_only;
mod row_locks;
mod server;
mod sqlite;
mod writer;
