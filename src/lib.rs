//! Chaveiro, a self-hosted credential vault for applications.
//!
//! The layers, from the top. An import points down this list, and all but the first two are the crate `chaveiro-core`:
//!
//! * [`cli`]: the command line, one file for each subcommand.
//! * [`http`]: everything about HTTP, one folder for each protocol. A handler parses, calls the vault and renders.
//! * [`vault`]: the rules, one file for each noun. No HTTP, no SQL. `operation` is the pipeline of every operation,
//!   `access` has permissions and visibility.
//! * [`store`], [`crypto`], [`token`], [`audit`], [`directory`], [`key_set`]: database, encryption, access tokens, audit log,
//!   directory of accounts, public keys of token issuers. They know no permissions, and share plain types only.
//! * [`config`], [`clock`], [`network`], [`private_file`], [`text`]: settings, time, addresses, modes of files, forms of text.
//!
//! Every request takes the same way. The adapter of the protocol (`http`) authenticates it to a principal and an
//! origin. `Vault::authorize` decides in memory whether the principal has the permission for the action, records a
//! refusal, and otherwise creates the permit that every operation requires. The handler then parses the parameters
//! and calls an operation, which runs as one job in one transaction with its audit record (`vault::operation` on
//! `store`). After the commit, `crypto` opens sealed values, and the handler renders the response.
//! `docs/architecture.md` has the details.

pub mod cli;
pub mod fuzz;
pub mod http;

pub use chaveiro_core::{
    audit, clock, config, crypto, directory, key_set, network, private_file, store, text, token, vault,
};
