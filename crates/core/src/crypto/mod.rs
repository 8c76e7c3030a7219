//! Keys and encryption: everything that encrypts a secret for storage or for a client.
//!
//! * [`RootKey`]: 32 bytes from outside the database that wrap the data keys.
//! * [`RootKeyShare`]: shares of the root key, so many of which give it ([`RootKey::split`], [`RootKey::combine`]).
//! * [`Keyring`]: the data keys in memory; [`Keyring::seal`] and [`Keyring::open`].
//! * [`SecretBinding`]: kind, owner and version of a secret, the associated data of a sealed value.
//! * [`KeyedDigest`]: keyed digests of values that may contain a secret.
//! * [`totp_code`], [`check_totp_seed`]: time-based one-time passwords.
//! * [`check_ssh_pair`], [`changed_ssh_public_key`], [`succeeding_ssh_public_key`], [`ssh_key_facts`]: SSH keys as text.
//! * [`ResponseKey`], [`ResponseKeyPair`]: encryption of secrets in responses; [`TransitKey`]: for a key of the request;
//!   [`TransitPrivateKey`]: for the vault, of what clients write.
//! * [`age`]: files that are encrypted to the public keys of their recipients.
//! * [`SecretText`], [`SecretBytes`]: secrets that cannot be printed, logged or serialized by accident.
//!
//! This module knows no database, no HTTP and no permission.

pub mod age;

mod hkdf;
mod keyed_digest;
mod keyring;
mod response_encryption;
mod root_key;
mod secret_binding;
mod shamir;
mod ssh;
mod totp;

pub use chaveiro_secret::{SecretBytes, SecretText};
pub use keyed_digest::KeyedDigest;
pub use keyring::{DataKey, KeyId, Keyring, SealError, sealing_key};
pub use response_encryption::{
    ResponseEncryption, ResponseKey, ResponseKeyError, ResponseKeyPair, TransitCiphertext, TransitKey,
    TransitPrivateKey, UnknownResponseEncryption,
};
pub use root_key::{CommandError, RootKey, RootKeyCommand, RootKeyError, RootKeyLocation, RootKeyLock, StagedRootKey};
pub use secret_binding::{SecretBinding, SecretKind};
pub use shamir::{CombineError, InvalidScheme, MalformedShare, RootKeyShare, ShareScheme, SplitRecord};
pub use ssh::{
    KeyFlaw, SshKeyError, SshKeyFacts, changed_ssh_public_key, check_ssh_pair, ssh_key_facts, succeeding_ssh_public_key,
};
pub use totp::{TotpCode, TotpSeedError, check_totp_seed, totp_code};

/// Returns `N` random bytes from the operating system.
///
/// Panics when the system has no randomness: no vault can run without it. This is the only panic of the module.
#[expect(clippy::expect_used, reason = "without randomness nothing here is safe to go on with")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
