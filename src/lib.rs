//! Chaveiro, a self-hosted vault of credentials for applications.
//!
//! The map of the code, for a reader who starts here. Dependencies point down this list:
//!
//! * [`cli`]: one file for each subcommand.
//! * [`http`]: all that knows HTTP. One folder for each protocol; parses, asks the vault, answers.
//! * [`vault`]: the rules, one file for each noun. No HTTP, no SQL.
//! * [`audit`], [`token`], [`crypto`], [`store`], [`directory`]: the work. They do not know each other beyond plain types.
//! * [`config`], [`clock`], [`network`]: settings, the time, addresses.
//!
//! A request's way, the same in every handler: parse (`http`), who calls (`token`, in memory), may they
//! (`vault::access`), one job in one transaction with its audit record (`vault` on `store`), open what is sealed
//! (`crypto`), answer (`http`). `docs/architecture.md` tells it at length.

pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod directory;
pub mod http;
pub mod network;
pub mod store;
pub mod text;
pub mod token;
pub mod vault;
