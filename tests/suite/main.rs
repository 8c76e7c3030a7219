//! The product's tests, over HTTP against a real server and a real database: SQLite, or PostgreSQL when
//! `TEST_DATABASE_URL` names one. One binary. A test stands where its route leads: a folder for each family of routes,
//! in it a file for each resource; what holds for every route is under `properties`. Every test has a vault of its own:
//! a temporary data directory, on PostgreSQL a schema, and a clock that stands still.

#![expect(clippy::disallowed_methods, reason = "a test measures how long something takes outside of the vault")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

mod support;

mod backup;
mod ccp;
mod command_line;
mod dsm;
mod jit;
mod keyfactor;
mod oauth;
mod ops;
mod pam;
mod pam_v2;
mod properties;
mod robocorp;
mod rotation;
mod seal;
mod store;
mod vault_kv;
