//! The PAM Core service (contract, sections 1 to 11). What all of its resources have in common stands beside them.

mod addresses;
mod credential;
mod device;
mod errors;
mod ids;
mod information;
mod item;
mod list;
mod oauth1;
mod octets;
mod parameters;
mod proxy_session;
mod ssh_key;
mod ssh_key_pair;
mod text_rules;
mod versions;
