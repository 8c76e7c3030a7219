//! The cache of access tokens: one file for each vault and client, in a directory of the user alone.
//!
//! Files are opened below an open directory and never through a symbolic link, so that nobody can exchange them between a check
//! and its use. They are replaced atomically: commands that run at the same time need no lock.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::{AtFlags, Mode, OFlags, open, openat, renameat, unlinkat};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::crypto::{SecretText, random_bytes};

/// A token is used only if it is valid for longer than this.
const MARGIN: TimeDelta = TimeDelta::seconds(30);
/// The greatest size of a file.
const MAX_SIZE: u64 = 16 * 1024;

/// A place for one token.
#[derive(Debug)]
pub(super) struct TokenCache {
    directory: OwnedFd,
    name: String,
}

/// Why the cache is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum CacheError {
    #[error("the token cache {} must be a directory of its user with mode 0700", .0.display())]
    Directory(PathBuf),
    #[error("the cached token must be a file of its user with mode 0600, and no link")]
    File,
    #[error("the token cache cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// The content of a file.
#[derive(Serialize, Deserialize)]
struct Entry {
    access_token: String,
    expires_at: DateTime<Utc>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.access_token);
    }
}

impl TokenCache {
    /// Opens the place of a client of a vault; `None` for a user without directories.
    ///
    /// # Errors
    /// [`CacheError`] for a directory that others can read or change.
    pub(super) fn open(url: &str, client_id: &str) -> Result<Option<Self>, CacheError> {
        let Some(path) = directory(&|name| std::env::var_os(name)) else { return Ok(None) };
        Self::open_in(&path, url, client_id).map(Some)
    }

    fn open_in(path: &Path, url: &str, client_id: &str) -> Result<Self, CacheError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty()).map_err(|_| CacheError::Directory(path.into()))?;
        let directory = File::from(directory);
        if !is_private(&directory.metadata()?) {
            return Err(CacheError::Directory(path.into()));
        }
        let digest = Sha256::digest(format!("{url}\n{client_id}"));
        Ok(Self { directory: directory.into(), name: format!("token-{}", hex::encode(digest)) })
    }

    /// Returns the token, unless it expires soon or there is none.
    ///
    /// # Errors
    /// [`CacheError`] for a file that others can read or change.
    pub(super) fn find(&self, now: DateTime<Utc>) -> Result<Option<SecretText>, CacheError> {
        // Without NONBLOCK, opening a pipe would wait for somebody.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat(&self.directory, &self.name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(_) => return Err(CacheError::File),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || !is_private(&metadata) {
            return Err(CacheError::File);
        }
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX_SIZE).read_to_end(&mut bytes)?;
        // A file of another version is no error.
        let entry = serde_json::from_slice::<Entry>(&bytes).ok();
        let entry = entry.filter(|entry| entry.expires_at.signed_duration_since(now) > MARGIN);
        Ok(entry.map(|entry| SecretText::new(entry.access_token.clone())))
    }

    /// Stores a token.
    ///
    /// # Errors
    /// [`CacheError::Io`]
    pub(super) fn store(&self, token: &SecretText, expires_at: DateTime<Utc>) -> Result<(), CacheError> {
        let entry = Entry { access_token: token.expose().into(), expires_at };
        let bytes = Zeroizing::new(serde_json::to_vec(&entry).map_err(io::Error::from)?);
        let new = format!(".{}.{}", self.name, hex::encode(random_bytes::<8>()));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file =
            File::from(openat(&self.directory, &new, flags, Mode::RUSR | Mode::WUSR).map_err(io::Error::from)?);
        let written = file
            .write_all(&bytes)
            .and_then(|()| renameat(&self.directory, &new, &self.directory, &self.name).map_err(io::Error::from));
        if written.is_err() {
            let _ = unlinkat(&self.directory, &new, AtFlags::empty());
        }
        Ok(written?)
    }
}

/// Whether a file belongs to the user and nobody else can read or change it.
fn is_private(metadata: &std::fs::Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0
}

/// Finds the directory: in memory for the session of the user where there is one.
fn directory(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_RUNTIME_DIR").or_else(|| absolute("XDG_CACHE_HOME"));
    let base = base.or_else(|| Some(absolute("HOME")?.join(".cache")));
    base.map(|base| base.join("chaveiro"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const URL: &str = "https://vault.example";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn token(cache: &TokenCache) -> Result<Option<String>, CacheError> {
        Ok(cache.find(now())?.map(|token| token.expose().to_string()))
    }

    /// A directory, a cache in it, and the file of its token.
    fn stored() -> (tempfile::TempDir, TokenCache, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("chaveiro");
        let cache = TokenCache::open_in(&directory, URL, "ana").unwrap();
        cache.store(&SecretText::new("secret".into()), now() + TimeDelta::seconds(31)).unwrap();
        let path = directory.join(&cache.name);
        (home, cache, path)
    }

    #[test]
    fn a_token_is_for_one_vault_and_one_client_until_shortly_before_it_expires() {
        let (home, cache, path) = stored();
        assert_eq!(token(&cache).unwrap().as_deref(), Some("secret"));
        assert!(cache.find(now() + TimeDelta::seconds(1)).unwrap().is_none());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o7777, 0o700);
        for (url, id) in [(URL, "rui"), ("https://other.example", "ana")] {
            assert!(
                TokenCache::open_in(&home.path().join("chaveiro"), url, id).unwrap().find(now()).unwrap().is_none()
            );
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::write(&path, "{").unwrap();
        assert!(token(&cache).unwrap().is_none());
    }

    #[test]
    fn a_file_that_others_can_read_or_that_is_none_is_refused_and_replaced() {
        let (home, cache, path) = stored();
        for mode in [0o640, 0o604, 0o620, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(token(&cache), Err(CacheError::File)), "{mode:o}");
        }
        let elsewhere = home.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o600)).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert!(matches!(token(&cache), Err(CacheError::File)));
        cache.store(&SecretText::new("new".into()), now() + TimeDelta::hours(1)).unwrap();
        assert_eq!(token(&cache).unwrap().as_deref(), Some("new"));
        assert!(fs::read_to_string(&elsewhere).unwrap().contains("secret"), "the target of the link is untouched");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(token(&cache), Err(CacheError::File)));
    }

    #[test]
    fn a_directory_that_others_can_enter_or_that_is_a_link_is_refused() {
        let (home, _, path) = stored();
        let directory = path.parent().unwrap();
        let open = |path: &Path| TokenCache::open_in(path, URL, "ana");
        for mode in [0o755, 0o710, 0o777, 0o702] {
            fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(open(directory), Err(CacheError::Directory(_))), "{mode:o}");
        }
        fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
        let link = home.path().join("link");
        symlink(directory, &link).unwrap();
        assert!(matches!(open(&link), Err(CacheError::Directory(_))));
        assert!(open(&directory.join("token-x")).is_ok());
        fs::write(home.path().join("file"), "").unwrap();
        assert!(open(&home.path().join("file")).is_err());
    }

    #[test]
    fn the_directory_is_that_of_the_session_and_never_relative() {
        let found = |variables: &[(&str, &str)]| {
            directory(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        let all = [("XDG_RUNTIME_DIR", "/run/user/1"), ("XDG_CACHE_HOME", "/c"), ("HOME", "/home/ana")];
        assert_eq!(found(&all).unwrap(), Path::new("/run/user/1/chaveiro"));
        assert_eq!(found(&all[1..]).unwrap(), Path::new("/c/chaveiro"));
        assert_eq!(found(&all[2..]).unwrap(), Path::new("/home/ana/.cache/chaveiro"));
        assert_eq!(found(&[("XDG_RUNTIME_DIR", "run"), ("HOME", "")]), None);
    }
}
