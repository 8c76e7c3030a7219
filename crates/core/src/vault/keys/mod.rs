//! The keys of the vault: loaded when it opens, and rotated while it serves.
//!
//! * `unlock`: the root key is checked before any write, then the keys that it wraps are loaded.
//! * `clock_mark`: whether the clock was set between two starts.
//! * `data_keys`: the data keys in memory, with those of other nodes loaded on demand.
//! * `rotate`, `reseal`: a new data key, and the background job that moves every sealed value to it.
//! * `split`, `seal`: the root key in shares, and a server that waits for them.
//! * `root`: a new root key. `signing`: a new key of access tokens. `status`: all of them, without key material.
//!
//! `docs/keys.md` describes the hierarchy, the formats, and what a crash at each step leaves.

mod clock_mark;
mod data_keys;
mod progress;
mod reseal;
mod root;
mod rotate;
mod seal;
mod signing;
mod split;
mod status;
mod unlock;

pub use root::{RootKeyRotation, RootKeyRotationError};
pub use rotate::RotatedDataKey;
pub use seal::{Seal, SealStatus, ShareRefused};
pub use signing::RotatedSigningKey;
pub use status::{DataKeyStatus, KeyStatus, SigningKeyStatus};
pub use unlock::{Inspection, StartError};

pub(super) use data_keys::DataKeys;
pub(super) use progress::ResealProgress;
pub(super) use unlock::unlock;

/// The purpose of the data keys that seal values.
pub(super) const VALUES: &str = "values";
/// The purpose of the data key from which the keys of MACs, digests and session tokens are derived. It is never rotated.
pub(super) const AUDIT: &str = "audit";
/// The name that every change of keys locks until its transaction ends.
const LOCK: &str = "keys";
