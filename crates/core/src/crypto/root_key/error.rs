//! Errors of the root key, each with what to do.

use std::io;

use super::command::CommandError;
use crate::private_file::NotPrivate;

/// Why the root key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The database is initialized, and no root key was found.
    #[error("the root key is missing: this database is sealed, and no key was found at {0}; put the key back there")]
    Missing(String),
    /// The root key belongs to another database.
    #[error("the root key from {0} is not the one that this database is sealed under; provide the right key")]
    Wrong(String),
    /// Users other than the owner have access to the key file.
    #[error("the root key file {0} is open to other users (mode {1:04o}); run: chmod 600 {0}")]
    Exposed(String, u32),
    /// The key file is a link, or belongs to another user.
    #[error("the root key file {0} {1}; put the file itself there, owned by the user that Chaveiro runs as")]
    NotPrivate(String, NotPrivate),
    /// The program of the settings gives no root key.
    #[error("root_key.command {0}; to start without it, provide the root key in another place (chaveiro key combine)")]
    Command(CommandError),
    /// The root key is not 64 hexadecimal digits.
    #[error("the root key from {0} is not 64 hexadecimal digits")]
    Malformed(String),
    /// The key file could not be read or created.
    #[error("the root key file {0} cannot be used: {1}")]
    Io(String, io::ErrorKind),
    /// There is no new root key to rotate to, and the vault cannot write one to this kind of location.
    #[error("the new root key is missing: provide 64 hexadecimal digits in {0}, or name a file with --new-key-file")]
    NextMissing(String),
    /// The new root key is the one in use; its id.
    #[error("the new root key is the one in use, {0}; provide another one")]
    Same(String),
    /// The root key is to be removed, and is in no file.
    #[error("the root key comes from {0}, and is no file that can be removed; remove it there")]
    NotAFile(String),
    /// Another new root key is staged already.
    #[error(
        "{0} holds another new root key, which the vault may be under; rotate without --new-key-file to go on with it, or \
         move the file away when `chaveiro key status` shows another root key"
    )]
    Staged(String),
}
