//! The root key: its location, and the wrapping of data keys under it.
//!
//! It is never in the database. These locations are searched in order:
//! 1. the environment variable `CHAVEIRO_ROOT_KEY` (64 hexadecimal digits);
//! 2. a systemd credential named `chaveiro-root-key` (`$CREDENTIALS_DIRECTORY`, systemd.exec(5));
//! 3. the file `root.key` in the data directory, mode 0600;
//! 4. the program of `root_key.command` in the settings (`command`);
//! 5. without such a program, the file again, which the first start creates.
//!
//! A file that `--root-key-file` names comes before all of them. A key that was split may be in none of them: then a server
//! waits for its shares, and has the key in memory alone.
//!
//! While the root key is rotated, the next one is beside it (`staged`): `CHAVEIRO_ROOT_KEY_NEXT`, the credential
//! `chaveiro-root-key-next`, or the file `root.key.next`. The check value in the database tells which of the two is in use.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keyring::{cipher, decrypt, encrypt};
use super::{DataKey, KeyId, SealError, random_bytes};
use crate::private_file::{NotPrivate, check_own_file};

mod command;
mod error;
mod staged;

pub use command::{CommandError, RootKeyCommand};
pub use error::RootKeyError;
pub use staged::{RootKeyLock, StagedRootKey};

const FILE_NAME: &str = "root.key";
const VARIABLE: &str = "CHAVEIRO_ROOT_KEY";
const NEXT_VARIABLE: &str = "CHAVEIRO_ROOT_KEY_NEXT";
const SYSTEMD_CREDENTIAL: &str = "chaveiro-root-key";
const ID_PURPOSE: &[u8] = b"chaveiro/root key id/1";
const CHECK_TEXT: &[u8] = b"chaveiro key check";
const CHECK_BINDING: &[u8] = b"chaveiro/check/";

/// The location of the root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootKeyLocation {
    /// An environment variable: `CHAVEIRO_ROOT_KEY`, or that of the next key.
    Environment(&'static str),
    /// A systemd credential, readable by this service alone.
    SystemdCredential(PathBuf),
    /// A file in the data directory, or one that the operator names.
    File(PathBuf),
    /// A program of the settings.
    Command(RootKeyCommand),
    /// The memory of this process, after the key was combined from its shares.
    Shares(RootKey),
}

impl RootKeyLocation {
    /// Finds the location from the environment and `data_dir`.
    pub fn find(data_dir: &Path) -> Self {
        Self::find_in(data_dir, |name| std::env::var_os(name))
    }

    /// Finds the location where the operator may name a file, and the settings a program: its arguments, or nothing.
    pub fn find_with(data_dir: &Path, file: Option<&Path>, command: &[String]) -> Self {
        if let Some(file) = file {
            return Self::File(file.into());
        }
        match Self::find(data_dir) {
            Self::File(path) if !command.is_empty() && !path.exists() => Self::Command(RootKeyCommand::new(command)),
            found => found,
        }
    }

    fn find_in(data_dir: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        if variable(VARIABLE).is_some() {
            return Self::Environment(VARIABLE);
        }
        let directory = variable("CREDENTIALS_DIRECTORY").filter(|directory| !directory.is_empty());
        let credential = directory.map(|directory| Path::new(&directory).join(SYSTEMD_CREDENTIAL));
        match credential.filter(|path| path.exists()) {
            Some(path) => Self::SystemdCredential(path),
            None => Self::File(data_dir.join(FILE_NAME)),
        }
    }

    /// Loads the key, or `None` when there is none yet.
    pub fn load(&self) -> Result<Option<RootKey>, RootKeyError> {
        let text = match self {
            // What is not UTF-8 is malformed too; only an unset variable is no key.
            Self::Environment(name) => {
                std::env::var_os(name).map(|text| Zeroizing::new(text.into_string().unwrap_or_default()))
            }
            Self::SystemdCredential(path) => read(path, self)?,
            Self::File(path) => {
                Self::refuse_open_file(path)?;
                read(path, self)?
            }
            Self::Command(command) => return command.load().map(Some).map_err(RootKeyError::Command),
            Self::Shares(key) => return Ok(Some(key.clone())),
        };
        text.map(|text| RootKey::from_hex(text.trim()).ok_or_else(|| RootKeyError::Malformed(self.to_string())))
            .transpose()
    }

    /// Generates a key and stores it here with mode 0600. Never overwrites an existing key.
    pub fn create(&self) -> Result<RootKey, RootKeyError> {
        let Self::File(path) = self else {
            return Err(RootKeyError::Missing(self.to_string()));
        };
        let key = RootKey::generate();
        key.write_new(path).map_err(|error| RootKeyError::Io(self.to_string(), error.kind()))?;
        Ok(key)
    }

    /// Removes the file of the key, durably.
    ///
    /// # Errors
    /// [`RootKeyError::Io`]; [`RootKeyError::NotAFile`] for another location.
    pub fn remove(&self) -> Result<(), RootKeyError> {
        let path = self.file()?;
        let removed = fs::remove_file(path).and_then(|()| sync_directory(path));
        removed.map_err(|error| RootKeyError::Io(self.to_string(), error.kind()))
    }

    /// Returns the path of the key file.
    ///
    /// # Errors
    /// [`RootKeyError::NotAFile`] for another location.
    pub fn file(&self) -> Result<&Path, RootKeyError> {
        match self {
            Self::File(path) => Ok(path),
            _ => Err(RootKeyError::NotAFile(self.to_string())),
        }
    }

    fn refuse_open_file(path: &Path) -> Result<(), RootKeyError> {
        check_own_file(path).map_err(|problem| match problem {
            NotPrivate::Mode(mode) => RootKeyError::Exposed(path.display().to_string(), mode),
            problem => RootKeyError::NotPrivate(path.display().to_string(), problem),
        })
    }
}

impl std::fmt::Display for RootKeyLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "the variable {name}"),
            Self::SystemdCredential(path) | Self::File(path) => write!(f, "{}", path.display()),
            Self::Command(_) => f.write_str("root_key.command of the settings"),
            Self::Shares(_) => f.write_str("its shares"),
        }
    }
}

fn read(path: &Path, location: &RootKeyLocation) -> Result<Option<Zeroizing<String>>, RootKeyError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(RootKeyError::Malformed(location.to_string())),
        Err(error) => Err(RootKeyError::Io(location.to_string(), error.kind())),
    }
}

/// Makes the entry of a file in its directory as durable as its bytes: a key lost in a power failure loses the vault.
fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
}

/// The root key, which wraps all other keys.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootKey([u8; 32]);

impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootKey([secret])")
    }
}

impl PartialEq for RootKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for RootKey {}

impl RootKey {
    /// Creates a key of its bytes.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// The bytes.
    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn from_hex(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(hex::decode(text).ok()?);
        bytes.as_slice().try_into().ok().map(Self)
    }

    /// Generates a key.
    pub fn generate() -> Self {
        Self(random_bytes())
    }

    /// Reads a key from a file with 64 hexadecimal digits, which only its owner may have access to.
    ///
    /// # Errors
    /// [`RootKeyError`]; [`RootKeyError::NextMissing`] without a file.
    pub fn read_file(path: &Path) -> Result<Self, RootKeyError> {
        let location = RootKeyLocation::File(path.into());
        location.load()?.ok_or_else(|| RootKeyError::NextMissing(location.to_string()))
    }

    /// Writes the key to a new file with mode 0600, durably. Never overwrites a file.
    ///
    /// # Errors
    /// Those of the file; nothing is left of a file that could not be written.
    pub fn write_file(&self, path: &Path) -> io::Result<()> {
        let written = self.write_new(path);
        if let Err(error) = &written
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            let _ = fs::remove_file(path);
        }
        written
    }

    /// As [`RootKey::write_file`], and leaves what was written.
    fn write_new(&self, path: &Path) -> io::Result<()> {
        let text = Zeroizing::new(hex::encode(self.0));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        sync_directory(path)
    }

    /// Returns an id of the key, which reveals nothing of it: nodes with the same id have the same key.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub fn id(&self) -> String {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        hmac.update(ID_PURPOSE);
        hex::encode(&hmac.finalize().into_bytes()[..8])
    }

    /// Returns a check value to store in the database, which identifies this key at a later start.
    pub fn check_value(&self) -> Result<Vec<u8>, SealError> {
        encrypt(&cipher(&self.0), CHECK_TEXT, CHECK_BINDING)
    }

    /// Whether `check` is a check value of this key.
    pub fn matches(&self, check: &[u8]) -> bool {
        decrypt(&cipher(&self.0), check, CHECK_BINDING).is_ok_and(|text| text.expose() == CHECK_TEXT)
    }

    /// Wraps a data key for storage; it unwraps only for the same purpose and id.
    pub fn wrap(&self, (purpose, id): (&str, KeyId), key: &DataKey) -> Result<Vec<u8>, SealError> {
        encrypt(&cipher(&self.0), key.expose(), &wrap_binding(purpose, id))
    }

    /// Unwraps a data key that [`RootKey::wrap`] wrapped.
    pub fn unwrap_key(&self, (purpose, id): (&str, KeyId), wrapped: &[u8]) -> Result<DataKey, SealError> {
        DataKey::from_bytes(decrypt(&cipher(&self.0), wrapped, &wrap_binding(purpose, id))?.expose())
    }
}

fn wrap_binding(purpose: &str, id: KeyId) -> Vec<u8> {
    [b"chaveiro/key/", purpose.as_bytes(), &[0], &id.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
