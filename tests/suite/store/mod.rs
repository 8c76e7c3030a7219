//! The store below the rules.

mod contention;
mod writer;
