//! The product's tests, over HTTP against a real server and a real database: SQLite, or PostgreSQL when
//! `TEST_DATABASE_URL` names one. One binary, a file for each resource. Every test has a vault of its own: a
//! temporary data directory, on PostgreSQL a schema, and a clock that stands still.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends in a panic")]

mod support;

mod access;
mod answers;
mod audit;
mod canary;
mod command_line;
mod concurrency;
mod conditions;
mod crash;
mod credential_read;
mod credential_save;
mod custody;
mod device;
mod dialects;
mod golden;
mod history;
mod information;
mod keyfactor;
mod linearizable;
mod listing;
mod parameters;
mod properties;
mod refusals;
mod retry;
mod robot;
mod seed;
mod service;
mod session;
mod ssh_key;
mod start;
mod store;
mod tls;
mod token;
mod totp;
