//! Parameters of a request: their parsing from query and body, and their values.

mod parse;
mod values;

pub(crate) use parse::fuzz_multipart;
pub(super) use parse::{from_body, from_query};
pub(super) use values::Parameters;
