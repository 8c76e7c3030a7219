//! The vault without its wires: what the layers below HTTP and the command line do.

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
