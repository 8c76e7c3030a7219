//! Keys and sealed values: everything that turns a secret into bytes that may lie on a disk, and back.
//!
//! * [`RootKey`]: 32 bytes from outside the database; it wraps data keys and nothing else.
//! * [`Keyring`]: the data keys in memory; [`Keyring::seal`] and [`Keyring::open`].
//! * [`SecretBinding`]: whose secret, of which kind, in which version. A sealed value opens only in its own place.
//! * [`KeyedDigest`]: keyed digests of what may hold a secret.
//! * [`totp_code`]: the one-time password of a seed.
//! * [`check_ssh_pair`], [`ssh_key_facts`]: SSH keys as text.
//! * [`ResponseKey`], [`ResponseKeyPair`]: secrets encrypted for the client that reads them.
//! * [`SecretText`], [`SecretBytes`]: what may not be printed, logged or serialised.
//!
//! This module knows no database, no HTTP and no rule about who may read what.

mod keyed_digest;
mod keyring;
mod response_encryption;
mod root_key;
mod secret;
mod ssh;
mod totp;

pub use keyed_digest::KeyedDigest;
pub use keyring::{DataKey, KeyId, Keyring, SealError, SecretBinding, SecretKind};
pub use response_encryption::{ResponseEncryption, ResponseKey, ResponseKeyError, ResponseKeyPair};
pub use root_key::{RootKey, RootKeyError, RootKeyLocation};
pub use secret::{SecretBytes, SecretText};
pub use ssh::{SshKeyError, SshKeyFacts, check_ssh_pair, ssh_key_facts};
pub use totp::{TotpCode, TotpSeedError, totp_code};

/// Fills `N` bytes from the operating system's generator.
///
/// A machine that cannot give random bytes cannot run a vault, so that is the one panic in this module.
#[expect(clippy::expect_used, reason = "without randomness nothing here is safe to go on with")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
