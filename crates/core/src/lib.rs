//! The vault without its wires: the layers below HTTP and the command line, in the order in which one may import another.
//!
//! * [`vault`]: the rules. Start with its `operation`, the pipeline of every operation, and `access`, permissions and visibility.
//! * [`store`], [`crypto`], [`token`], [`audit`], [`directory`], [`key_set`]: database, encryption, access tokens, audit log, directory
//!   of accounts, public keys of token issuers.
//! * [`config`], [`clock`], [`network`], [`private_file`], [`text`]: what all of these need.
//!
//! Where it says HTTP, a client or a handler, it means the crate `chaveiro`.

pub mod audit;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod directory;
pub mod key_set;
pub mod network;
pub mod private_file;
pub mod store;
pub mod text;
pub mod token;
pub mod vault;
