//! The store below the rules.

mod contention;
mod control;
mod errors;
mod fairness;
mod writer;
